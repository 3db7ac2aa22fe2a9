import ipaddr from "ipaddr.js";
import { type ProxyAddress, type ProxyHeader, ProxyHeaderError } from "./header.ts";
import { headerTlvs } from "./tlv.ts";

/** What a version 2 header begins with (§2.2 of the specification). */
export const signature: Uint8Array = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);

/** Bytes before the addresses. */
export const fixedLength = 16;

/** Bytes of the two addresses and ports by family: none, IPv4, IPv6, unix sockets. */
const addressLengths = [0, 12, 36, 216];

/** Bytes of one IP address by family. */
const ipLengths = [0, 4, 16];

/** Length of the header whose first 16 bytes these are. Throws a `ProxyHeaderError`. */
export function version2Length(fixed: Uint8Array): number {
  const version = fixed[12]! >> 4;
  if (version !== 2) throw new ProxyHeaderError(`the version is ${version} instead of 2`);
  return fixedLength + fixed[14]! * 256 + fixed[15]!;
}

function ipText(bytes: Uint8Array): string {
  return ipaddr.process(ipaddr.fromByteArray([...bytes]).toString()).toString();
}

/**
 * Reads a complete version 2 header. A connection of the proxy itself (LOCAL), one of an unspecified family, and one from
 * a unix socket have no addresses.
 *
 * @throws ProxyHeaderError
 */
export function readVersion2(header: Uint8Array): ProxyHeader {
  const command = header[12]! & 15;
  if (command > 1) throw new ProxyHeaderError(`the command ${command} is neither LOCAL nor PROXY`);
  const family = header[13]! >> 4;
  const transport = header[13]! & 15;
  const addresses = addressLengths[family];
  if (addresses === undefined || transport > 2) {
    throw new ProxyHeaderError(`the address family 0x${header[13]!.toString(16).padStart(2, "0")} is unknown`);
  }
  // What a LOCAL header carries is to be skipped (§2.2).
  if (command === 0) return { version: 2, source: undefined, destination: undefined, tlvs: [] };
  const end = fixedLength + addresses;
  if (header.length < end) throw new ProxyHeaderError("the header ends before its addresses do");
  const tlvs = headerTlvs(header, end);
  const length = ipLengths[family];
  if (!length) return { version: 2, source: undefined, destination: undefined, tlvs };
  const view = new DataView(header.buffer, header.byteOffset, end);
  const portsAt = fixedLength + 2 * length;
  const one = (at: number, portAt: number): ProxyAddress => ({
    address: ipText(header.subarray(at, at + length)),
    port: view.getUint16(portAt),
  });
  return {
    version: 2,
    source: one(fixedLength, portsAt),
    destination: one(fixedLength + length, portsAt + 2),
    tlvs,
  };
}
