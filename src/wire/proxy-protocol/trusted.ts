import ipaddr from "ipaddr.js";

type Range = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

function rangeOf(text: string): Range {
  if (text.includes("/")) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}

/**
 * Whose PROXY headers count (`proxy_protocol.trusted`): peers in one of these ranges, and everybody when there is none.
 *
 * @throws Error when a text is neither an IP address nor a range of them.
 */
export function trustedPeers(ranges: readonly string[]): (remoteAddress: string) => boolean {
  if (ranges.length === 0) return () => true;
  const parsed = ranges.map(rangeOf);
  return (remoteAddress) => {
    if (!ipaddr.isValid(remoteAddress)) return false;
    const address = ipaddr.process(remoteAddress);
    return parsed.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits));
  };
}
