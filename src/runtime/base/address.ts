/** An IP as shown to people: without zone, IPv4-mapped IPv6 as IPv4; empty when there is none (unix sockets). */
export function plainAddress(ip: string | undefined): string {
  if (ip === undefined || ip === "") return "";
  if (ip.startsWith("::ffff:") && ip.includes(".")) return ip.slice(7);
  const zone = ip.indexOf("%");
  return zone < 0 ? ip : ip.slice(0, zone);
}

/** `host:port` with brackets around IPv6, or the path of a unix socket: for messages. */
export function showAddress(target: {
  host?: string | undefined;
  port?: number | undefined;
  path?: string | undefined;
}): string {
  if (target.path !== undefined) return target.path;
  const host = target.host ?? "";
  return `${host.includes(":") ? `[${host}]` : host}:${target.port ?? 0}`;
}
