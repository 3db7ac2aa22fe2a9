import { inspectDocument, positionOf } from "../core/config/assemble.ts";
import { ConfigError, type Position } from "../core/config/config-error.ts";
import { inertByDesign, keysNotYetActing } from "../core/config/not-yet-acting.ts";
import type { Runtime } from "../runtime/interface.ts";
import { laterFindings } from "./check-start.ts";
import type { Command } from "./command.ts";
import { parseGoFlags } from "./go-flags.ts";
import { machineChecks, parseYaml, readConfigText } from "./load-config.ts";

/** `causeway check-config -c FILE`: all that is wrong with a configuration, at once; exit code 1 with an error. */
export const checkConfig: Command = {
  summary: "list all errors and warnings of a configuration (-c FILE)",
  run,
};

/** One thing to say about the file. */
interface Finding extends Position {
  readonly severity: "error" | "warning";
  readonly message: string;
  /** Dotted; empty when the message is about the document. */
  readonly key: string;
}

async function run(runtime: Runtime, args: readonly string[], calledAs: string): Promise<void> {
  const flags = parseGoFlags(calledAs, [{ name: "c", usage: "Configuration File" }], args);
  const path = "error" in flags ? undefined : flags.values.get("c");
  if ("error" in flags || path === undefined) {
    const [text, code] =
      "error" in flags ? [flags.error, flags.code] : ["cannot check without a file: give -c FILE\n", 2];
    runtime.writeError(text);
    await runtime.flushOutput();
    return runtime.exit(code);
  }
  const findings = await inspect(runtime, path);
  const errors = findings.filter(({ severity }) => severity === "error").length;
  for (const finding of findings) runtime.writeOut(`${lineOf(path, finding)}\n`);
  runtime.writeOut(`${path}: ${count(errors, "error")}, ${count(findings.length - errors, "warning")}\n`);
  await runtime.flushOutput();
  runtime.exit(errors > 0 ? 1 : 0);
}

async function inspect(runtime: Runtime, path: string): Promise<Finding[]> {
  try {
    const document = parseYaml(await readConfigText(runtime, path));
    const inspection = inspectDocument(document, await machineChecks(runtime));
    const { faults, errors, warnings, positions, config } = inspection;
    const at = (key: string): Position => positionOf(key, positions);
    return [
      ...faults.map((fault): Finding => {
        const message = fault.message + adviceFor(fault.message);
        return { ...fault, message, severity: "error" };
      }),
      ...errors.map(({ message, key, line, column }): Finding => ({ severity: "error", message, key, line, column })),
      ...(await laterFindings(runtime, config)).map((finding): Finding => ({ ...finding, ...at(finding.key) })),
      ...warnings.map((warning): Finding => ({ ...warning, severity: "warning" })),
      ...keysNotYetActing(config).map((key): Finding => {
        return { severity: "warning", message: "this version does not act on the key yet", key, ...at(key) };
      }),
      ...Object.entries(inertByDesign).flatMap(([key, reason]): Finding[] =>
        positions.has(key) ? [{ severity: "warning", message: `never acts: ${reason}`, key, ...at(key) }] : [],
      ),
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { message, key, line, column } = error;
    return [{ severity: "error", message, key, line, column }];
  }
}

/** What to write, by the type that a fault ends with: the words before it are Go's. */
const advice: Readonly<Record<string, string>> = {
  "time.Duration": 'a duration with its unit, such as "20s"',
  bool: "true or false",
  uint16: "a number from 0 to 65535",
  uint32: "a number from 0 to 4294967295",
  uint: "a whole number, 0 or more",
  int: "a whole number",
  int64: "a whole number",
  "[]string": "a list: [one, two]",
};

function adviceFor(message: string): string {
  const type = message.slice(message.lastIndexOf(" ") + 1);
  const section = type.startsWith("[]config.") ? "a list of sections: - key: value" : "a section: key: value";
  const form = advice[type] ?? (/^(?:\[\])?config\./.test(type) ? section : undefined);
  return form === undefined ? "" : `; write ${form}`;
}

/** `FILE:LINE:COLUMN: error: MESSAGE (KEY)`, the form that editors know. */
function lineOf(path: string, { line, column, severity, message, key }: Finding): string {
  const place = line > 0 ? `${path}:${line}:${column}` : path;
  return `${place}: ${severity}: ${message.replaceAll("\n", "\\n")}${key === "" ? "" : ` (${key})`}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
