import type { ServerTls } from "../interface/tls.ts";

/** What a client offers (RFC 8446 §4.1.2), as far as the settings of a listener can turn it away. */
interface ClientHello {
  /** As on the wire: 0x0303 is TLS 1.2. */
  readonly versions: readonly number[];
  readonly suites: readonly number[];
}

const tls12 = 0x0303;
const tls13 = 0x0304;
const supportedVersions = 43;
/** A hello above this many bytes is left to the engine. */
const longestHello = 64 * 1024;

/** The suites of TLS 1.2 that the engine has, by their OpenSSL names. */
const engineSuites: Readonly<Record<string, number>> = {
  "ECDHE-ECDSA-AES128-GCM-SHA256": 0xc02b,
  "ECDHE-ECDSA-AES256-GCM-SHA384": 0xc02c,
  "ECDHE-RSA-AES128-GCM-SHA256": 0xc02f,
  "ECDHE-RSA-AES256-GCM-SHA384": 0xc030,
  "ECDHE-RSA-CHACHA20-POLY1305": 0xcca8,
  "ECDHE-ECDSA-CHACHA20-POLY1305": 0xcca9,
};

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

/** Handshake bytes of the records (RFC 8446 §5.1) that are there; undefined: these are no records of a handshake. */
function handshakeBytes(bytes: Uint8Array): Uint8Array | undefined {
  const found: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== 22) return undefined;
    if (at + 5 > bytes.length) break;
    const end = at + 5 + uint16(bytes, at + 3);
    found.push(...bytes.subarray(at + 5, end));
    at = end;
  }
  return Uint8Array.from(found);
}

function offeredVersions(hello: Uint8Array, extensionsAt: number): readonly number[] {
  for (let at = extensionsAt + 2; at + 4 <= hello.length; at += 4 + uint16(hello, at + 2)) {
    if (uint16(hello, at) !== supportedVersions) continue;
    const count = hello[at + 4]! >> 1;
    return Array.from({ length: count }, (_, index) => uint16(hello, at + 5 + 2 * index));
  }
  // Without the extension: that version, and all below it.
  return uint16(hello, 0) >= tls12 ? [tls12] : [];
}

/** Reads a ClientHello; undefined: there is none; "more": it is not complete. */
function readClientHello(bytes: Uint8Array): ClientHello | "more" | undefined {
  if (bytes.length > longestHello) return undefined;
  const handshake = handshakeBytes(bytes);
  if (handshake === undefined || (handshake.length > 0 && handshake[0] !== 1)) return undefined;
  if (handshake.length < 4) return "more";
  const end = 4 + (handshake[1]! << 16) + uint16(handshake, 2);
  if (handshake.length < end) return "more";
  const hello = handshake.subarray(4, end);
  const suitesAt = 35 + hello[34]!;
  const suitesEnd = suitesAt + 2 + uint16(hello, suitesAt);
  const compressionEnd = suitesEnd + 1 + hello[suitesEnd]!;
  if (!(compressionEnd <= hello.length)) return undefined;
  const suites: number[] = [];
  for (let at = suitesAt + 2; at + 2 <= suitesEnd; at += 2) suites.push(uint16(hello, at));
  return { suites, versions: offeredVersions(hello, compressionEnd) };
}

/**
 * Why a client is turned away that began with these bytes, as the code that other engines have for it (data-plane §7.1);
 * undefined: it is not. "more": that cannot be told yet.
 *
 * The engine applies no list of suites: a client that offers none of the list is refused here. One that offers others
 * beside them may still agree on one of those.
 */
export function helloFault(bytes: Uint8Array, tls: ServerTls): string | undefined {
  const hello = readClientHello(bytes);
  if (hello === undefined || hello === "more") return hello;
  const { minVersion = "TLSv1.2", maxVersion = "TLSv1.3", ciphers } = tls;
  const takes12 = minVersion !== "TLSv1.3";
  if (maxVersion === "TLSv1.3" && hello.versions.includes(tls13)) return undefined;
  if (!takes12 || !hello.versions.includes(tls12)) return "ERR_SSL_UNSUPPORTED_PROTOCOL";
  const listed = ciphers?.flatMap((name) => engineSuites[name] ?? []) ?? [];
  const meets = listed.length === 0 || listed.some((suite) => hello.suites.includes(suite));
  return meets ? undefined : "ERR_SSL_NO_SHARED_CIPHER";
}
