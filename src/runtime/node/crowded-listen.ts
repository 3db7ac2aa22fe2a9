import { type Accept, listenNet } from "../base/net-listen.ts";
import type { Listener, ListenOptions } from "../interface/listening.ts";

/** Sockets that a crowded port is bound with. */
const sockets = 8;

/**
 * Binds `sockets` sockets to one port; the kernel spreads clients over them. For a port that was asked for by number and is not
 * shared, it must be free: somebody else who shares his ports would otherwise go on getting his part of the clients.
 */
async function listenOnAll(options: ListenOptions, accept: Accept): Promise<Listener> {
  if (options.reusePort !== true && (options.port ?? 0) !== 0) await (await listenNet(options, accept)).close();
  const shared = { ...options, reusePort: true };
  const listeners = [await listenNet(shared, accept)];
  const { host, port } = listeners[0]!;
  const close = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  try {
    while (listeners.length < sockets) listeners.push(await listenNet({ ...shared, port }, accept));
  } catch (error) {
    await close();
    throw error;
  }
  return { host, port, close };
}

/**
 * `Runtime.listen` with `ListenOptions.crowded`: libuv accepts one client per socket and turn of its loop, so that with one
 * socket each connection of those that live for one request costs a turn of its own, where the outbox (`base/outbox`) has
 * nothing to gather. Where the system does not share ports among sockets (macOS), there is one.
 */
export async function listenCrowded(options: ListenOptions, accept: Accept): Promise<Listener> {
  if (options.crowded !== true || options.path !== undefined) return await listenNet(options, accept);
  try {
    return await listenOnAll(options, accept);
  } catch {
    // What is wrong with the address is wrong with one socket too, and told by its error.
    return await listenNet(options, accept);
  }
}
