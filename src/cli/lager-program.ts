import { Lager, type LagerLevel, lagerLevelNames } from "../core/observe/lager.ts";
import { compilePattern, createRedaction } from "../route-registrar/redaction.ts";
import type { Runtime } from "../runtime/interface.ts";
import { type GoFlag, parseGoFlags } from "./go-flags.ts";

/** A program whose log and command line are those of Go's library `lager`: route-registrar and the Routing API. */
interface LagerProgram {
  /** Name of the program in every log line. */
  readonly source: string;
  /** Its flags beside those of the log. */
  readonly flags: readonly GoFlag[];
  /** Everything behind the flags; gives the exit code. */
  readonly work: (runtime: Runtime, logger: Lager, values: ReadonlyMap<string, string>) => Promise<number>;
}

const timeFormats: ReadonlyMap<string, "unix-epoch" | "rfc3339"> = new Map([
  ["unix-epoch", "unix-epoch"],
  ["0", "unix-epoch"],
  ["rfc3339", "rfc3339"],
  ["1", "rfc3339"],
]);

/** Flags of the log (route-registrar §2.1, routing-api §2.1). */
const logFlags: readonly GoFlag[] = [
  { name: "logLevel", usage: "log level: debug, info, error or fatal", fallback: "info" },
  {
    name: "redactPatterns",
    usage: "regular expression for values to redact from log data; may be given several times",
    kind: "value",
    fault: (value) => {
      try {
        compilePattern(value);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    },
  },
  { name: "redactSecrets", usage: "redact what looks like a secret from log data", kind: "bool" },
  {
    name: "timeFormat",
    usage: "format of timestamps in the log: unix-epoch or rfc3339",
    kind: "value",
    fallback: "unix-epoch",
    fault: (value) => (timeFormats.has(value) ? undefined : "it is neither unix-epoch nor rfc3339"),
  },
];

/** Reads the command line, makes the log, does the work and ends the process with its exit code. */
export async function runLagerProgram(
  runtime: Runtime,
  { source, flags, work }: LagerProgram,
  args: readonly string[],
  calledAs: string,
): Promise<void> {
  // As Go prints them.
  const all = [...flags, ...logFlags].sort((a, b) => (a.name < b.name ? -1 : 1));
  const line = parseGoFlags(calledAs, all, args);
  if ("error" in line) {
    runtime.writeError(line.error);
    return await leave(runtime, line.code);
  }
  const { values } = line;
  const levelName = values.get("logLevel") ?? "info";
  const level = lagerLevelNames.indexOf(levelName);
  if (level < 0) {
    runtime.writeError(`panic: unknown log level: ${levelName}\n`);
    return await leave(runtime, 2);
  }
  const logger = new Lager({
    source,
    write: (text) => runtime.writeOut(text),
    clock: runtime.clock,
    level: level as LagerLevel,
    timeFormat: timeFormats.get(values.get("timeFormat") ?? "unix-epoch")!,
    ...(values.get("redactSecrets") === "true" && { redact: createRedaction(line.all.get("redactPatterns") ?? []) }),
  });
  await leave(runtime, await work(runtime, logger, values));
}

async function leave(runtime: Runtime, code: number): Promise<void> {
  await runtime.flushOutput();
  runtime.exit(code);
}
