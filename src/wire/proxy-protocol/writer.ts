import ipaddr from "ipaddr.js";
import type { ClientAddresses } from "../../core/client.ts";
import type { ProxyVersion } from "../../core/routing/endpoint-kind.ts";
import { fixedLength, signature } from "./version-2.ts";

/** Both ends of a client's connection, in one family. */
interface Ends {
  readonly family: "TCP4" | "TCP6";
  readonly source: ipaddr.IPv4 | ipaddr.IPv6;
  readonly destination: ipaddr.IPv4 | ipaddr.IPv6;
}

/** Undefined: one of them is no IP (a unix socket), or has no such port (data-plane §6.6 lets any integer in). */
function endsOf({ remoteAddress, remotePort, localAddress, localPort }: ClientAddresses): Ends | undefined {
  if (!ipaddr.isValid(remoteAddress) || !ipaddr.isValid(localAddress)) return undefined;
  if (remotePort < 0 || remotePort > 65_535 || localPort < 0 || localPort > 65_535) return undefined;
  const source = ipaddr.process(remoteAddress);
  const destination = ipaddr.process(localAddress);
  if (source.kind() === "ipv4" && destination.kind() === "ipv4") return { family: "TCP4", source, destination };
  const asIpv6 = (address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv6 =>
    address instanceof ipaddr.IPv4 ? address.toIPv4MappedAddress() : address;
  return { family: "TCP6", source: asIpv6(source), destination: asIpv6(destination) };
}

function version1(client: ClientAddresses | undefined): Uint8Array {
  const ends = client && endsOf(client);
  const line =
    client === undefined || ends === undefined
      ? "PROXY UNKNOWN\r\n"
      : `PROXY ${ends.family} ${ends.source} ${ends.destination} ${client.remotePort} ${client.localPort}\r\n`;
  return Uint8Array.from(line, (character) => character.charCodeAt(0));
}

function version2(client: ClientAddresses | undefined): Uint8Array {
  const ends = client && endsOf(client);
  const ips = ends === undefined ? [] : [...ends.source.toByteArray(), ...ends.destination.toByteArray()];
  const length = client === undefined || ends === undefined ? 0 : ips.length + 4;
  const header = new Uint8Array(fixedLength + length);
  header.set(signature);
  const view = new DataView(header.buffer);
  // A client whose address cannot be told is still a client: PROXY, of an unspecified family; else LOCAL.
  view.setUint8(12, client === undefined ? 0x20 : 0x21);
  view.setUint8(13, ends === undefined ? 0x00 : ends.family === "TCP4" ? 0x11 : 0x21);
  view.setUint16(14, length);
  if (client === undefined || ends === undefined) return header;
  header.set(ips, fixedLength);
  view.setUint16(fixedLength + ips.length, client.remotePort);
  view.setUint16(fixedLength + ips.length + 2, client.localPort);
  return header;
}

/**
 * The PROXY header that tells a backend who the client is and where it connected to. `client` undefined: the router speaks
 * for itself.
 */
export function proxyHeader(version: ProxyVersion, client: ClientAddresses | undefined): Uint8Array {
  return version === "v1" ? version1(client) : version2(client);
}
