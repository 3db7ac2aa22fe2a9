import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { ConnectOptions } from "../interface/dialling.ts";
import { StreamError } from "../interface/stream-error.ts";
import { plainAddress, showAddress } from "./address.ts";
import { dialTimeout } from "./dial-errors.ts";
import { streamError } from "./stream-error.ts";
import { TimeLimit } from "./time-limit.ts";

/** The least that one of several addresses may take, in milliseconds, unless all together have less. */
const leastShareMs = 2000;

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

/** The error of a dial at one address of a name, which it names. */
function failedAt(error: unknown, address: string, port = 0): unknown {
  if (!(error instanceof StreamError)) return error;
  const { kind, message, code, syscall, reason, cause } = error;
  const named = new StreamError(kind, message, {
    code,
    syscall,
    reason,
    cause,
    address: showAddress({ host: address, port }),
  });
  named.local = error.local;
  return named;
}

/** How long one of so many addresses may take, in milliseconds: a dead one leaves time for the others. */
function shareOf(left: number, addresses: number): number {
  return Math.min(left, Math.max(Math.ceil(left / addresses), leastShareMs));
}

/**
 * Dials a host by its name, at an address that `options.admits` lets through: names are resolved here, once, and the very
 * address that was looked at is dialled, so that a name cannot mean another one a moment later. Several are tried in
 * order; the first failure stands for all.
 */
async function dialName(options: ConnectOptions, handler: ByteStreamHandler, dial: Dial): Promise<ByteStream> {
  const { admits, timeoutMs, host = "127.0.0.1", ...rest } = options;
  const action = `dial ${showAddress(options)}`;
  const started = performance.now();
  const addresses = isIP(host) === 0 ? await addressesOf(host, options, action) : [host];
  const { times } = options;
  if (times !== undefined && addresses[0] !== host) times.dnsMs = performance.now() - started;
  const admitted = admits === undefined ? addresses : addresses.filter((address) => admits(plainAddress(address)));
  if (admitted.length === 0) {
    const refused = addresses.map(plainAddress).join(", ");
    throw new StreamError("not-admitted", `${action}: ${refused} may not be dialled`, { syscall: "connect" });
  }
  let first: unknown;
  for (const [index, address] of admitted.entries()) {
    let left = timeoutMs === undefined ? undefined : Math.ceil(timeoutMs - (performance.now() - started));
    if (left !== undefined && left <= 0) {
      // The resolver was in time, and this process was late to hear it.
      if (index === 0) left = 1;
      else break;
    }
    const limit = left === undefined ? {} : { timeoutMs: shareOf(left, admitted.length - index) };
    try {
      return await dial({ ...rest, host: address, ...limit }, handler);
    } catch (error) {
      const failure = address === host ? error : failedAt(error, address, options.port);
      // Behind the connect, another address would be another server.
      if (error instanceof StreamError && error.syscall !== "connect") throw failure;
      first ??= failure;
    }
  }
  throw first;
}

/**
 * An adapter's `connect`, with `ConnectOptions.admits`, and with names resolved: what is left to the runtime is an address,
 * which each can dial without what its own sockets do beside it.
 */
export function admitting(dial: Dial): Dial {
  return (options, handler) => {
    const { admits, host, path } = options;
    const plain = admits === undefined && (path !== undefined || host === undefined || isIP(host) !== 0);
    return plain ? dial(options, handler) : dialName(options, handler, dial);
  };
}
