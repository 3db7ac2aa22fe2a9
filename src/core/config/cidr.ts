function isDotted(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
}

function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    const parts = half === "" ? [] : half.split(":");
    for (const [at, part] of parts.entries()) {
      const last = index === halves.length - 1 && at === parts.length - 1;
      if (/^[0-9a-f]{1,4}$/i.test(part)) groups += 1;
      else if (last && isDotted(part)) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

/** Why a text is no range of IP addresses (`10.0.0.0/8`, `fd00::/8`, or one address); undefined: it is one. */
export function cidrFault(text: string): string | undefined {
  const [address = "", length, ...more] = text.split("/");
  const bits = isDotted(address) ? 32 : isIpv6(address) ? 128 : 0;
  if (bits === 0) return "it does not begin with an IP address";
  if (more.length > 0) return "it has more than one slash";
  if (length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits)) return undefined;
  return `behind the slash there must be a number from 0 to ${bits}`;
}
