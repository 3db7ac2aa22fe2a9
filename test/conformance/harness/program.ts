import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compileCache } from "../../fixtures/compile-cache.ts";
import { limitWaiting } from "../../fixtures/patience.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Which runtime the program runs under: `bun`, `deno`, `node` or `binary` (`CAUSEWAY_UNDER_TEST`, default node). */
export const underTest: string = process.env["CAUSEWAY_UNDER_TEST"] ?? "node";

/** The program's entry; of `binary`, the file that `npm run build` makes. */
export const mainScript: string = `${root}${underTest === "binary" ? "dist/causeway" : "src/main.ts"}`;

/** The flags of `deno task serve`: the tests run with no more permissions than users have. */
function denoFlags(): string[] {
  const { tasks } = JSON.parse(readFileSync(`${root}deno.json`, "utf8")) as { tasks: { serve: string } };
  return tasks.serve.split(" ").filter((word) => word.startsWith("--"));
}

/** The settings of the engine that `npm run start:node` gives. */
function nodeFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { scripts: { "start:node": string } };
  return scripts["start:node"].split(" ").filter((word) => word.startsWith("--"));
}

/** The command line that runs the program with `args` under the runtime under test. */
function commandLine(args: readonly string[], script = mainScript): [string, string[]] {
  const bin = (name: string): string => `${root}node_modules/.bin/${name}`;
  switch (underTest) {
    case "bun":
      return [bin("bun"), [script, ...args]];
    case "deno":
      return [bin("deno"), ["run", ...denoFlags(), script, ...args]];
    case "binary":
      return [script, [...args]];
    default:
      return [bin("node"), [...nodeFlags(), script, ...args]];
  }
}

const startEnv = { NO_COLOR: "1", ...compileCache };

/** How a program is started. */
export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Soft and hard limit of open file descriptors. */
  readonly descriptorLimit?: number;
  /** Path of the script to run instead of `mainScript` (a link to it with another name). */
  readonly script?: string;
  /** A program with its arguments that runs the command line behind them (`unshare -rn`). */
  readonly through?: readonly string[];
}

/** A started program: its output so far, waiting for output, and its end. */
export class Program {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  /** Exit code, or the signal's name; undefined while it runs. */
  ended: number | string | undefined;
  #watchers = new Set<() => void>();
  /** The log lines of `stdout` up to `#readTo`, the end of a line. */
  #lines: LogLine[] = [];
  #readTo = 0;

  constructor(args: readonly string[], options: ProgramOptions = {}) {
    const { env = {}, descriptorLimit, script, through = [] } = options;
    const [program, programArgs] = commandLine(args, script);
    const [command = "", ...commandArgs] = [...through, program, ...programArgs];
    const limited = ["-c", `ulimit -n ${descriptorLimit}; exec "$@"`, "sh", command, ...commandArgs];
    this.child = spawn(
      descriptorLimit === undefined ? command : "sh",
      descriptorLimit === undefined ? commandArgs : limited,
      { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...startEnv, ...env } },
    );
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) =>
      this.#changed(() => {
        this.stdout += text;
      }),
    );
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) =>
      this.#changed(() => {
        this.stderr += text;
      }),
    );
    this.child.on("close", (code, signal) =>
      this.#changed(() => {
        this.ended = code ?? signal ?? "unknown";
      }),
    );
  }

  #changed(change: () => void): void {
    change();
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Resolves with the first value other than undefined that `look` finds, looked up again at each piece of output. */
  async waitFor<T>(what: string, look: () => T | undefined, timeoutMs = 30_000): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const stop = (): void => {
        limit.callOff();
        this.#watchers.delete(check);
      };
      const fail = (reason: string): void => {
        stop();
        reject(
          new Error(
            `waited for ${what}: ${reason}\nstdout: ${this.stdout.slice(-4000)}\nstderr: ${this.stderr.slice(-4000)}`,
          ),
        );
      };
      const check = (): void => {
        const found = look();
        if (found !== undefined) {
          stop();
          resolve(found);
        } else if (this.ended !== undefined) fail(`the program ended (${this.ended})`);
      };
      const limit = limitWaiting(timeoutMs, () => fail(`${timeoutMs} ms passed`));
      this.#watchers.add(check);
      check();
    });
  }

  /** The JSON log lines on standard output so far. */
  get logLines(): LogLine[] {
    for (let end = this.stdout.indexOf("\n", this.#readTo); end >= 0; end = this.stdout.indexOf("\n", this.#readTo)) {
      if (this.stdout.startsWith("{", this.#readTo)) this.#lines.push(...parsed(this.stdout.slice(this.#readTo, end)));
      this.#readTo = end + 1;
    }
    return [...this.#lines];
  }

  /** Messages of the log lines so far, with their levels and sources, for comparing an order. */
  get loggedMessages(): string[] {
    return this.logLines.map(({ log_level, source, message }) => `${log_level} ${source} ${message}`);
  }

  /** Resident set size in MiB (Linux). */
  get residentMiB(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, "latin1");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  }

  /** Descriptors the process has open (Linux). */
  get openDescriptors(): number {
    return readdirSync(`/proc/${this.child.pid}/fd`).length;
  }

  /** Waits for a log line with that message (and for which `where` holds). */
  async logged(message: string, where: (line: LogLine) => boolean = () => true, timeoutMs?: number): Promise<LogLine> {
    return await this.waitFor(
      `log line "${message}"`,
      () => this.logLines.find((line) => line.message === message && where(line)),
      timeoutMs,
    );
  }

  /** Sends a signal and waits for the end; kills after `timeoutMs`. Gives the exit code or the signal's name. */
  async stop(signal: NodeJS.Signals = "SIGTERM", timeoutMs = 10_000): Promise<number | string> {
    if (this.ended !== undefined) return this.ended;
    this.child.kill(signal);
    try {
      return await this.end(timeoutMs);
    } catch (error) {
      this.child.kill("SIGKILL");
      throw error;
    }
  }

  /** Waits for the program to end by itself. */
  async end(timeoutMs = 30_000): Promise<number | string> {
    return await new Promise((resolve, reject) => {
      const limit = limitWaiting(timeoutMs, () =>
        reject(
          new Error(
            `the program did not end in ${timeoutMs} ms\n${this.stdout.slice(-2000)}\n${this.stderr.slice(-2000)}`,
          ),
        ),
      );
      const check = (): void => {
        if (this.ended === undefined) return;
        limit.callOff();
        this.#watchers.delete(check);
        resolve(this.ended);
      };
      this.#watchers.add(check);
      check();
    });
  }
}

/** One JSON log line (control-plane §6.1). */
export interface LogLine {
  readonly log_level: number;
  readonly timestamp: number | string;
  readonly message: string;
  readonly source?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

function parsed(line: string): LogLine[] {
  try {
    return [JSON.parse(line) as LogLine];
  } catch {
    return []; // not one of the logger's
  }
}
