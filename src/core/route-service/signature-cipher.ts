import { decodeBase64, encodeBase64 } from "./base64.ts";
import { formatContents, formatMetadata, parseContents, parseMetadata, type SignatureContents } from "./signature.ts";

/** PBKDF2-HMAC-SHA256 without salt (data-plane §8.1). */
const iterations = 100_001;
const nonceLength = 12;
const none = new Uint8Array(0);
const encoder = new TextEncoder();

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

async function deriveKey(secret: string): Promise<Key> {
  const password = await crypto.subtle.importKey("raw", encoder.encode(secret), "PBKDF2", false, ["deriveBits"]);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt: none, iterations };
  const bits = await crypto.subtle.deriveBits(derivation, password, 128);
  return await crypto.subtle.importKey("raw", bits, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** The two headers that go together. */
export interface SignatureHeaders {
  /** `X-CF-Proxy-Signature`. */
  readonly signature: string;
  /** `X-CF-Proxy-Metadata`. */
  readonly metadata: string;
}

/** Makes and reads signatures with the key of one secret: AES-128-GCM (data-plane §8.1). */
export class SignatureCipher {
  /** Derivation takes tens of milliseconds, away from this thread; it begins at once. */
  readonly #key: Promise<Key>;

  /** `secret` is taken literally. */
  constructor(secret: string) {
    this.#key = deriveKey(secret);
  }

  /** `nonce`: 12 random bytes, never used again; `requestTime`: RFC 3339. */
  async sign(forwardedUrl: string, requestTime: string, nonce: Uint8Array<ArrayBuffer>): Promise<SignatureHeaders> {
    const parameters = { name: "AES-GCM", iv: nonce };
    const plaintext = formatContents(forwardedUrl, requestTime);
    const sealed = await crypto.subtle.encrypt(parameters, await this.#key, plaintext);
    return { signature: encodeBase64(new Uint8Array(sealed), "url"), metadata: formatMetadata(nonce) };
  }

  /** Rejects with an `Error` whose message is a text of data-plane §8.5. Says nothing of the age. */
  async read({ signature, metadata }: SignatureHeaders): Promise<SignatureContents> {
    const { nonce, sealed } = decode(signature, metadata);
    if (nonce.length !== nonceLength) throw new Error("incorrect nonce length");
    return parseContents(await this.#open(nonce, sealed));
  }

  async #open(nonce: Uint8Array<ArrayBuffer>, sealed: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const key = await this.#key;
    try {
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce }, key, sealed));
    } catch {
      throw notAuthentic();
    }
  }
}

function decode(signature: string, metadata: string): Record<"nonce" | "sealed", Uint8Array<ArrayBuffer>> {
  return { nonce: parseMetadata(metadata), sealed: decodeBase64(signature, "url") };
}

const notAuthentic = (): Error => new Error("cipher: message authentication failed");

/** What is wrong with headers when there is no secret to read them with: they may be malformed beside. */
export function unreadable({ signature, metadata }: SignatureHeaders): Error {
  try {
    decode(signature, metadata);
  } catch (error) {
    return error as Error;
  }
  return notAuthentic();
}
