import { close, url } from "node:inspector";
import { onSignal } from "../base/process.ts";
import type { Signal } from "../interface/processes.ts";

/** Between two looks, and for how long to look, in milliseconds: Deno opens the inspector within a few. */
const lookMs = 5;
const looks = 400;

/**
 * `Runtime.onSignal`. Deno 2.9 takes SIGUSR1 as the wish for its inspector, as Node does, but also when the program handles
 * the signal: it then listens on 127.0.0.1:9229, where any local process may run code in ours. No setting prevents that,
 * so it is closed as soon as it is open; one that was asked for by `--inspect` stays.
 */
export function onSignalDeno(signal: Signal, callback: () => void): void {
  const wanted = url() !== undefined;
  onSignal(signal, () => {
    if (signal === "SIGUSR1" && !wanted) void closeInspector();
    callback();
  });
}

/** Deno opens it before or after our handler runs, so there is no moment at which to look once. */
async function closeInspector(): Promise<void> {
  for (let look = 0; look < looks; look++) {
    if (url() !== undefined) {
      close();
      return;
    }
    await new Promise<void>((resolve) => {
      setTimeout(resolve, lookMs).unref();
    });
  }
}
