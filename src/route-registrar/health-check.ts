import type { Lager } from "../core/observe/lager.ts";
import { limitTime } from "../core/time-limit.ts";
import type { CommandEnd, GroupedCommand } from "../runtime/interface/processes.ts";
import type { Runtime } from "../runtime/interface.ts";
import { type HealthCheck, milliseconds } from "./route.ts";
import type { Turnstile } from "./turnstile.ts";

/** What a health check found (route-registrar §7.2). */
export type Verdict = "healthy" | "unhealthy" | "errored";

/** Bytes of standard output and of standard error that are kept and logged. */
const outputLimit = 64 * 1024;
/** How long the output may stay open behind the end of the script before what holds it is killed. */
const lingerMs = 250;

/** What a check is given beyond its time, for the news of its end to arrive. */
const lateMs = 10;

/** Signals as Go names them; others by their own name. */
const signalNames: Readonly<Record<string, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGILL: "illegal instruction",
  SIGTRAP: "trace/breakpoint trap",
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGKILL: "killed",
  SIGUSR1: "user defined signal 1",
  SIGSEGV: "segmentation fault",
  SIGUSR2: "user defined signal 2",
  SIGPIPE: "broken pipe",
  SIGALRM: "alarm clock",
  SIGTERM: "terminated",
};

function endText(end: CommandEnd): string {
  return "code" in end ? `exit status ${end.code}` : `signal: ${signalNames[end.signal] ?? end.signal}`;
}

/** Runs the script of one route, one run at a time, each in a process group of its own (route-registrar §8). */
export class HealthChecker {
  readonly #runtime: Pick<Runtime, "clock" | "spawnGroup">;
  readonly #logger: Lager;
  readonly #turnstile: Turnstile;
  readonly #check: HealthCheck;
  #running: GroupedCommand | undefined;
  #stopped = false;

  /** `turnstile`: shared by all checks of the program. */
  constructor(runtime: Pick<Runtime, "clock" | "spawnGroup">, logger: Lager, turnstile: Turnstile, check: HealthCheck) {
    this.#turnstile = turnstile;
    this.#runtime = runtime;
    this.#logger = logger;
    this.#check = check;
  }

  /** Runs the script to its end, or kills it and all it has started when its time is over. Never rejects. */
  async run(): Promise<Verdict> {
    const { scriptPath: script, timeoutNs } = this.#check;
    await this.#turnstile.pass();
    if (this.#stopped) return "errored";
    this.#logger.info("Executing script", { scriptPath: script });
    let command: GroupedCommand;
    try {
      command = await this.#runtime.spawnGroup({ command: "/bin/sh", args: ["-c", script], outputLimit });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#logger.info("Error starting script", { script, error: text, stdout: "", stderr: "" });
      return "errored";
    }
    this.#running = command;
    if (this.#stopped) this.#kill(command);
    const inTime = await this.#before(command.ended, milliseconds(timeoutNs));
    // A late event loop hears of the timer first, and of an end long before it behind that.
    const end = inTime ?? (await this.#before(command.ended, lateMs));
    if (end === undefined) {
      this.#logger.info("Script failed to exit within timeout", { script, ...command.output(), timeout: timeoutNs });
      this.#kill(command);
      this.#running = undefined;
      return "errored";
    }
    await this.#before(
      command.closed.then(() => true),
      lingerMs,
    ).then((closed) => closed ?? this.#kill(command));
    this.#running = undefined;
    const healthy = "code" in end && end.code === 0;
    if (healthy) this.#logger.info("Script exited without error", { script, ...command.output() });
    else this.#logger.info("Script exited with error", { script, error: endText(end), ...command.output() });
    return healthy ? "healthy" : "unhealthy";
  }

  /** Kills what runs; a run that begins later is killed too. */
  stop(): void {
    this.#stopped = true;
    if (this.#running !== undefined) this.#kill(this.#running);
  }

  #kill(command: GroupedCommand): void {
    try {
      command.killGroup();
    } catch (error) {
      this.#logger.error("Failed killing script", (error as Error).message, { script: this.#check.scriptPath });
    }
  }

  /** What the promise gives, or undefined when that takes longer. */
  #before<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const timer = limitTime(this.#runtime.clock, ms, () => resolve(undefined));
      void promise.then((value) => {
        timer.cancel();
        resolve(value);
      });
    });
  }
}
