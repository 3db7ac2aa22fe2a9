import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** The words of the lists, by the ranges that ipaddr.js knows (RFC 6890); 0.0.0.0 and :: lead to the machine itself. */
const groups: Readonly<Record<string, readonly string[]>> = {
  private: ["private", "uniqueLocal", "carrierGradeNat"],
  "link-local": ["linkLocal"],
  loopback: ["loopback", "unspecified"],
};

/** Where clouds hand out credentials to whoever asks. */
const metadata = ["169.254.169.254", "fd00:ec2::254"].map((text) => ipaddr.parse(text).toNormalizedString());

type Test = (address: Address) => boolean;

/** What one entry of a list stands for. */
function testOf(key: string, entry: string): Test {
  const ranges = groups[entry];
  if (ranges !== undefined) return (address) => ranges.includes(address.range());
  const cidr = ipaddr.isValidCIDR(entry);
  const host = entry.split("/", 1)[0]!;
  // Not the short forms of IPv4, which people write by mistake.
  const written = ipaddr.IPv6.isValid(host) || ipaddr.IPv4.isValidFourPartDecimal(host);
  if (!written || (!cidr && !ipaddr.isValid(entry))) {
    const words = Object.keys(groups).join(", ");
    throw new Error(
      `cannot use ${JSON.stringify(entry)} in ${key}: it is none of ${words}, nor an IP address or CIDR range`,
    );
  }
  const single = cidr ? undefined : ipaddr.process(entry);
  const [base, length] = single === undefined ? ipaddr.parseCIDR(entry) : [single, single.kind() === "ipv4" ? 32 : 128];
  return (address) => address.kind() === base.kind() && address.match(base, length);
}

/** An address as text, IPv4 also where it is written as IPv6. */
function parse(text: string): Address {
  const zone = text.indexOf("%");
  return ipaddr.process(zone < 0 ? text : text.slice(0, zone));
}

/**
 * Which addresses services outside may have: none that `block` names, nor those of cloud metadata, unless `allow` names
 * them (`route_services.egress_block`, `.egress_allow`).
 *
 * @throws Error that quotes an entry that cannot be used.
 */
export function egressPolicy(block: readonly string[], allow: readonly string[]): (address: string) => boolean {
  const blocked = block.map((entry) => testOf("route_services.egress_block", entry));
  const allowed = allow.map((entry) => testOf("route_services.egress_allow", entry));
  return (text) => {
    const address = parse(text);
    if (allowed.some((test) => test(address))) return true;
    return !metadata.includes(address.toNormalizedString()) && !blocked.some((test) => test(address));
  };
}
