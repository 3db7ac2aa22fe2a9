import type { KeyPair } from "../../../runtime/interface/tls.ts";

/** Name in the certificates: it is only checked between the router and itself. */
export const loopName = "route-services.gorouter.internal";

/** What both ends of the loop need; it lives in memory only. */
export interface LoopCertificates {
  /** PEM. */
  readonly authority: string;
  readonly server: KeyPair;
  readonly client: KeyPair;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const signing = { name: "ECDSA", hash: "SHA-256" };
type Bytes = Uint8Array<ArrayBuffer>;
type Keys = Extract<Awaited<ReturnType<typeof crypto.subtle.generateKey>>, { privateKey: unknown }>;

const encoder = new TextEncoder();
const bytesOf = (hex: string): Bytes => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** A DER element (X.690): tag, length, contents. */
function der(tag: number, ...parts: readonly Bytes[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const lengthBytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  const element = new Uint8Array(1 + lengthBytes.length + length);
  element.set([tag, ...lengthBytes]);
  let at = 1 + lengthBytes.length;
  for (const part of parts) {
    element.set(part, at);
    at += part.length;
  }
  return element;
}

const sequence = (...parts: readonly Bytes[]): Bytes => der(0x30, ...parts);
const set = (...parts: readonly Bytes[]): Bytes => der(0x31, ...parts);
const oid = (hex: string): Bytes => der(0x06, bytesOf(hex));
const octets = (inner: Bytes): Bytes => der(0x04, inner);
const bits = (inner: Bytes): Bytes => der(0x03, Uint8Array.of(0), inner);
const yes = der(0x01, Uint8Array.of(0xff));

/** A non-negative integer of big-endian bytes, as short as DER demands. */
function integer(value: Bytes): Bytes {
  let from = 0;
  while (from < value.length - 1 && value[from] === 0) from++;
  const digits = value.subarray(from);
  return (digits[0] ?? 0) < 0x80 ? der(0x02, digits) : der(0x02, Uint8Array.of(0), digits);
}

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));
const commonName = (name: string): Bytes => sequence(set(sequence(oid("550403"), der(0x0c, encoder.encode(name)))));
const time = (epochMs: number): Bytes =>
  der(0x18, encoder.encode(`${new Date(epochMs).toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`));

const purposes = { server: oid("2b06010505070301"), client: oid("2b06010505070302") };
const authorityName = commonName("gorouter route services");
/** Basic constraints: an authority; key usage: signs certificates. */
const authorityExtensions: readonly Bytes[] = [
  sequence(oid("551d13"), yes, octets(sequence(yes))),
  sequence(oid("551d0f"), yes, octets(der(0x03, Uint8Array.of(1, 0x06)))),
];
const leafExtensions = (purpose: Bytes): readonly Bytes[] => [
  sequence(oid("551d13"), octets(sequence())),
  sequence(oid("551d0f"), yes, octets(der(0x03, Uint8Array.of(7, 0x80)))),
  sequence(oid("551d25"), octets(sequence(purpose))),
  sequence(oid("551d11"), octets(sequence(der(0x82, encoder.encode(loopName))))),
];

function pem(label: string, contents: ArrayBuffer | Bytes): string {
  let binary = "";
  for (const byte of new Uint8Array(contents)) binary += String.fromCharCode(byte);
  const lines = btoa(binary).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** WebCrypto gives the two halves of a signature side by side; X.509 wants them as integers. */
async function signatureOf(message: Bytes, signer: Keys): Promise<Bytes> {
  const raw = new Uint8Array(await crypto.subtle.sign(signing, signer.privateKey, message));
  return sequence(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
}

/** A certificate (RFC 5280) for as long as a process may live; PEM. */
async function certificate(
  subject: Bytes,
  subjectKeys: Keys,
  signer: Keys,
  now: number,
  extensions: readonly Bytes[],
): Promise<string> {
  const day = 24 * 3_600_000;
  const serial = crypto.getRandomValues(new Uint8Array(16));
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("spki", subjectKeys.publicKey));
  const body = sequence(
    der(0xa0, integer(Uint8Array.of(2))),
    integer(serial),
    ecdsaWithSha256,
    authorityName,
    sequence(time(now - 365 * day), time(now + 3650 * day)),
    subject,
    publicKey,
    der(0xa3, sequence(...extensions)),
  );
  return pem("CERTIFICATE", sequence(body, ecdsaWithSha256, bits(await signatureOf(body, signer))));
}

const generate = async (): Promise<Keys> =>
  (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as Keys;

/**
 * Makes an authority (ECDSA P-256) with one certificate for either end of the loop (data-plane §8.7); the authority's key
 * is forgotten at once.
 *
 * @param now milliseconds since the epoch.
 */
export async function makeLoopCertificates(now: number): Promise<LoopCertificates> {
  const [authority, server, client] = await Promise.all([generate(), generate(), generate()]);
  const pair = async (keys: Keys, purpose: Bytes): Promise<KeyPair> => ({
    certificate: await certificate(commonName(loopName), keys, authority, now, leafExtensions(purpose)),
    key: pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
  });
  return {
    authority: await certificate(authorityName, authority, authority, now, authorityExtensions),
    server: await pair(server, purposes.server),
    client: await pair(client, purposes.client),
  };
}
