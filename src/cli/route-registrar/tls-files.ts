import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyPair } from "../../runtime/interface/tls.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { readErrorText } from "../file-error.ts";

type Files = Pick<Runtime, "readTextFile">;

async function read(files: Files, path: string): Promise<string> {
  try {
    return await files.readTextFile(path);
  } catch (error) {
    throw new Error(readErrorText(path, error), { cause: error });
  }
}

function parsed(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(`cannot read the certificate in ${path}: ${(error as Error).message}; give it as PEM`);
  }
}

/**
 * Reads a certificate and its key for a TLS client (route-registrar §10). Rejects with an `Error` that names the file:
 * unreadable, no PEM, no pair, expired.
 */
export async function readKeyPair(
  files: Files,
  certificatePath: string,
  keyPath: string,
  now: number,
): Promise<KeyPair> {
  const certificate = await read(files, certificatePath);
  const key = await read(files, keyPath);
  const leaf = parsed(certificatePath, certificate);
  let fits: boolean;
  try {
    fits = leaf.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new Error(`cannot read the key in ${keyPath}: ${(error as Error).message}; give it as PEM`);
  }
  if (!fits) throw new Error(`the key in ${keyPath} does not belong to the certificate in ${certificatePath}`);
  if (now > Date.parse(leaf.validTo))
    throw new Error(`the certificate in ${certificatePath} expired on ${leaf.validTo}`);
  return { certificate, key };
}

/** Reads a bundle of authorities. Rejects with an `Error` that names the file: unreadable, or without any certificate. */
export async function readAuthorities(files: Files, path: string): Promise<string> {
  const pem = await read(files, path);
  parsed(path, pem);
  return pem;
}
