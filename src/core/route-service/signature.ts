import { type JsonKind, JsonReader } from "../json-reader.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { parseRequestTime } from "./request-time.ts";

/** What a signature says (data-plane §8.1). */
export interface SignatureContents {
  /** The URL that the client asked for. */
  readonly forwardedUrl: string;
  /** When it did: milliseconds since the epoch. `-Infinity` when the signature does not say. */
  readonly requestedAt: number;
  /** The same as it was written; empty when it was not. */
  readonly requestTime: string;
}

const utf8 = new TextDecoder();
const encoder = new TextEncoder();

type Reader = (reader: JsonReader, key: string) => void;

/** Reads a JSON object by Go's rules: keys match without regard to case, `null` is an empty one (control-plane §2.4). */
function readObject(text: string, type: string, member: Reader): void {
  const reader = new JsonReader(text);
  const kind = reader.kind();
  if (kind === "object") reader.object((_, key) => member(reader, key.toLowerCase()), undefined);
  else {
    reader.skip();
    reader.end();
    if (kind !== "null") throw new Error(`json: cannot unmarshal ${kind} into Go value of type ${type}`);
  }
  reader.end();
}

/** The value of a string member; undefined for `null`. */
function readText(reader: JsonReader, field: string, type: string): string | undefined {
  const kind: JsonKind = reader.kind();
  if (kind === "string") return reader.string();
  reader.skip();
  if (kind === "null") return undefined;
  throw new Error(`json: cannot unmarshal ${kind} into Go struct field ${field} of type ${type}`);
}

/** The plaintext of a signature. `forwardedUrl` is text, not bytes. */
export function formatContents(forwardedUrl: string, requestTime: string): Uint8Array<ArrayBuffer> {
  const url = JSON.stringify(forwardedUrl).replaceAll(
    /[&<>\u2028\u2029]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return encoder.encode(`{"forwarded_url":${url},"requested_time":"${requestTime}"}`);
}

/**
 * Reads the plaintext of a signature.
 *
 * @throws Error with the text of Go's JSON or time parser.
 */
export function parseContents(plaintext: Uint8Array): SignatureContents {
  let forwardedUrl = "";
  let requestedAt = Number.NEGATIVE_INFINITY;
  let requestTime = "";
  readObject(utf8.decode(plaintext), "routeservice.SignatureContents", (reader, key) => {
    if (key === "forwarded_url") forwardedUrl = readText(reader, "SignatureContents.forwarded_url", "string") ?? "";
    else if (key === "requested_time") {
      if (reader.kind() !== "string" && reader.kind() !== "null") {
        throw new Error("Time.UnmarshalJSON: input is not a JSON string");
      }
      const written = readText(reader, "", "");
      if (written === undefined) return;
      requestedAt = parseRequestTime(written);
      requestTime = written;
    } else reader.skip();
  });
  return { forwardedUrl, requestedAt, requestTime };
}

/** `X-CF-Proxy-Metadata` of a nonce. */
export function formatMetadata(nonce: Uint8Array): string {
  return encodeBase64(encoder.encode(`{"nonce":"${encodeBase64(nonce, "standard")}"}`), "url");
}

/**
 * The nonce in `X-CF-Proxy-Metadata`, of any length.
 *
 * @throws Error with a text of data-plane §8.5.
 */
export function parseMetadata(metadata: string): Uint8Array<ArrayBuffer> {
  if (metadata === "") throw new Error("No metadata found");
  let nonce = new Uint8Array(0);
  readObject(utf8.decode(decodeBase64(metadata, "url")), "routeservice.Metadata", (reader, key) => {
    if (key !== "nonce") reader.skip();
    else nonce = decodeBase64(readText(reader, "Metadata.nonce", "[]uint8") ?? "", "standard");
  });
  return nonce;
}
