import type { Clock, Timer } from "./clock.ts";

/**
 * Calls `late` once `ms` milliseconds are over, unless it is cancelled before: by what was waited for. With `background`
 * it does not keep the process alive.
 *
 * An event loop looks at its timers first and at its sockets then. One that stood still for a while (a busy machine, a
 * long turn) would call what arrived in time late, so `late` waits for two timers of 0 ms, one after the other: on all
 * runtimes the loop has looked at its sockets between them (after one, on Deno, not always;
 * test/contract/runtime/arrivals.test.ts).
 */
export function limitTime(clock: Clock, ms: number, late: () => void, background = false): Timer {
  const next = (wait: number, turns: number): Timer =>
    clock.after(
      wait,
      () => {
        if (turns === 0) late();
        else timer = next(0, turns - 1);
      },
      background,
    );
  let timer = next(ms, 2);
  return { cancel: () => timer.cancel() };
}
