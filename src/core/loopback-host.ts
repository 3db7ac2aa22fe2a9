/** Whether a `Host` names this machine by its loopback: `localhost`, 127.0.0.0/8 and `[::1]`, with or without port. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || name === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}
