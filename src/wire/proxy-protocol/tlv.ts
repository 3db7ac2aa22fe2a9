import { crc32c } from "./crc32c.ts";
import { ProxyHeaderError, type Tlv } from "./header.ts";

const alpn = 0x01;
const authority = 0x02;
const checksum = 0x03;
const ssl = 0x20;
const sslVersion = 0x21;

/** Reads TLVs one behind the other up to `end`. Throws a `ProxyHeaderError` when one reaches beyond it. */
function readTlvs(bytes: Uint8Array, start: number, end: number): Tlv[] {
  const tlvs: Tlv[] = [];
  let at = start;
  while (at < end) {
    const valueAt = at + 3;
    const next = valueAt + (valueAt <= end ? bytes[at + 1]! * 256 + bytes[at + 2]! : 0);
    if (valueAt > end || next > end) throw new ProxyHeaderError("a TLV reaches beyond the header");
    tlvs.push({ type: bytes[at]!, value: bytes.subarray(valueAt, next) });
    at = next;
  }
  return tlvs;
}

/**
 * The TLVs of a whole header, from `start` to its end. Throws a `ProxyHeaderError` when they are malformed, or their
 * checksum (§2.2.3) is not that of the header.
 */
export function headerTlvs(header: Uint8Array, start: number): Tlv[] {
  const tlvs = readTlvs(header, start, header.length);
  for (const { type, value } of tlvs) {
    if (type !== checksum) continue;
    if (value.length !== 4) throw new ProxyHeaderError("the checksum has not four bytes");
    const given = new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
    // It was computed with zeros in its place.
    const zeroed = header.slice();
    zeroed.fill(0, value.byteOffset - header.byteOffset, value.byteOffset - header.byteOffset + 4);
    if (crc32c(zeroed) !== given) throw new ProxyHeaderError("the checksum does not fit");
  }
  return tlvs;
}

/** The TLVs that say something about the client's request to the proxy, as texts for a log line. */
export function tlvTexts(tlvs: readonly Tlv[], text: (bytes: Uint8Array) => string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { type, value } of tlvs) {
    if (type === alpn) found["alpn"] = text(value);
    else if (type === authority) found["authority"] = text(value);
    else if (type === ssl && value.length >= 5) {
      // A byte of flags and the result of verification come first (§2.2.6); what follows is for the log only.
      try {
        const version = readTlvs(value, 5, value.length).find((one) => one.type === sslVersion);
        if (version !== undefined) found["tls"] = text(version.value);
      } catch (error) {
        if (!(error instanceof ProxyHeaderError)) throw error;
      }
    }
  }
  return found;
}
