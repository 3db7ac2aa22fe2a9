import type { Logger } from "../../core/observe/log.ts";
import type { Runtime } from "../../runtime/interface.ts";

/** How long, in milliseconds, the line may take to leave the process. */
const flushMs = 1000;

/** What is used of a runtime. */
type CrashRuntime = Pick<Runtime, "clock" | "onUncaught" | "flushOutput" | "exit">;

/**
 * Ends the process with 1 at the first error that nobody caught, after one error line with its stack: state that a
 * defect may have left half done must not serve on, and a supervisor starts the router anew. Never hangs: a standard
 * output that takes nothing is waited for no longer than a second.
 */
export function exitOnUncaught(runtime: CrashRuntime, logger: Logger): void {
  let crashed = false;
  runtime.onUncaught((error) => {
    if (crashed) return;
    crashed = true;
    const stacktrace = error instanceof Error ? (error.stack ?? "") : "";
    logger.error("uncaught-error", { error: error instanceof Error ? error.message : String(error), stacktrace });
    const leave = (): void => runtime.exit(1);
    runtime.clock.after(flushMs, leave);
    runtime.flushOutput().then(leave, leave);
  });
}
