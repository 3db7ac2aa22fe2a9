import type { Logger } from "../../core/observe/log.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { type DebugParts, debugApp } from "../../status/debug.ts";
import { type Server, serve } from "../../wire/server.ts";
import { fetchHandler } from "../../wire/server-fetch.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { listenErrorText } from "./start-failure.ts";

const limits = { maxBytes: 1_048_576, maxLines: 0 };

/**
 * Reads `debug_addr`.
 *
 * @throws Error whose text is upstream's.
 */
export function parseDebugAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, "$1");
  const port = address.slice(colon + 1);
  if (colon < 0) throw new Error(`listen tcp: address ${address}: missing port in address`);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new Error(`listen tcp: address ${port}: invalid port`);
  return { host, port: Number(port) };
}

/** Opens the debug server on `debug_addr`, when that is set; one that cannot be bound is logged and no more (§1.3). */
export async function openDebugServer(
  runtime: Runtime,
  wheel: TimerWheel,
  address: string,
  logger: Logger,
  setLevel: DebugParts["setLevel"],
): Promise<Server | undefined> {
  if (address === "") return undefined;
  try {
    const options = { listen: parseDebugAddress(address), limits, idleTimeoutMs: 0, readHeaderTimeoutMs: 10_000 };
    return await serve(runtime, wheel, options, fetchHandler(debugApp({ runtime, setLevel }).fetch));
  } catch (error) {
    const text = (error as Error).message;
    logger.error("failed-to-start-debug-server", {
      error: text.startsWith("listen tcp:") ? text : listenErrorText(address, error),
    });
    return undefined;
  }
}
