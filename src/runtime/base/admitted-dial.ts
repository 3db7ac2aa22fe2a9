import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { ConnectOptions } from "../interface/dialling.ts";
import { StreamError } from "../interface/stream-error.ts";
import { plainAddress, showAddress } from "./address.ts";
import { dialTimeout } from "./dial-errors.ts";
import { streamError } from "./stream-error.ts";
import { TimeLimit } from "./time-limit.ts";

/** `Runtime.connect` of an adapter. */
type Dial = (options: ConnectOptions, handler: ByteStreamHandler) => Promise<ByteStream>;

/** The addresses of a name, in the order of the resolver. */
async function addressesOf(host: string, { family, timeoutMs }: ConnectOptions, action: string): Promise<string[]> {
  let limit: TimeLimit | undefined;
  const late = new Promise<never>((_, reject) => {
    if (timeoutMs !== undefined) limit = new TimeLimit(timeoutMs, () => reject(dialTimeout(action, timeoutMs)));
  });
  try {
    const found = await Promise.race([lookup(host, { all: true, family: family ?? 0 }), late]);
    return found.map(({ address }) => address);
  } catch (error) {
    throw error instanceof StreamError ? error : streamError(error, action, "getaddrinfo");
  } finally {
    limit?.cancel();
  }
}

/**
 * Dials a host at an address that `options.admits` lets through: names are resolved here, once, and the very address
 * that was looked at is dialled, so that a name cannot mean another one a moment later. Several are tried in order.
 */
async function dialAdmitted(options: ConnectOptions, handler: ByteStreamHandler, dial: Dial): Promise<ByteStream> {
  const { admits, timeoutMs, host = "127.0.0.1", ...rest } = options;
  const action = `dial ${showAddress(options)}`;
  const started = performance.now();
  const addresses = isIP(host) === 0 ? await addressesOf(host, options, action) : [host];
  const { times } = options;
  if (times !== undefined && addresses[0] !== host) times.dnsMs = performance.now() - started;
  const admitted = addresses.filter((address) => admits!(plainAddress(address)));
  let last: unknown = new StreamError(
    "not-admitted",
    `${action}: ${addresses.map(plainAddress).join(", ")} may not be dialled`,
    { syscall: "connect" },
  );
  for (const [index, address] of admitted.entries()) {
    let left = timeoutMs === undefined ? undefined : timeoutMs - (performance.now() - started);
    if (left !== undefined && left <= 0) {
      // The resolver was in time, and this process was late to hear it.
      if (index === 0) left = 1;
      else throw dialTimeout(action, timeoutMs!);
    }
    try {
      return await dial({ ...rest, host: address, ...(left === undefined ? {} : { timeoutMs: left }) }, handler);
    } catch (error) {
      last = error;
      // Behind the connect, another address would be another server.
      if (error instanceof StreamError && error.syscall !== "connect") throw error;
    }
  }
  throw last;
}

/** An adapter's `connect`, with `ConnectOptions.admits`. */
export function admitting(dial: Dial): Dial {
  return (options, handler) =>
    options.admits === undefined ? dial(options, handler) : dialAdmitted(options, handler, dial);
}
