import { readFileSync, writeFileSync } from "node:fs";
import type { LoadResult } from "./load.ts";

/** One contender under one load in one round. */
export interface Sample extends LoadResult {
  readonly round: number;
  readonly scenario: string;
  readonly name: string;
  /** CPU time per request, in microseconds. */
  readonly user: number;
  readonly system: number;
  /** Resident set size in MiB after the load. */
  readonly rss: number;
}

/** The middle value (the upper one of two); NaN when there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** A number for a table; `-` when there is none. */
export function shown(value: number, digits = 1): string {
  return Number.isNaN(value) ? "-" : value.toFixed(digits);
}

/** A Markdown table. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(columns), `|${columns.map((_, i) => (i === 0 ? "---|" : "---:|")).join("")}`, ...rows.map(line)].join(
    "\n",
  );
}

/**
 * The Markdown table of one scenario: medians over the rounds, CPU time and p99 also as ratios to those of the first of
 * `names`. A contender without samples had no listener for the scenario.
 */
export function scenarioTable(scenario: string, names: readonly string[], samples: readonly Sample[]): string {
  const of = (name: string): Sample[] => samples.filter((one) => one.scenario === scenario && one.name === name);
  const cpu = (name: string): number => median(of(name).map(({ user, system }) => user + system));
  const base = names[0] ?? "";
  const columns = [
    "",
    "CPU µs/request",
    "user",
    "system",
    `/ ${base}`,
    "requests/s",
    "p50 ms",
    "p99 ms",
    `/ ${base}`,
    "RSS MB",
    "failed",
  ];
  const rows = names.map((name) => {
    const own = of(name);
    const middle = (key: "user" | "system" | "requestsPerSecond" | "p50" | "p99" | "rss"): number =>
      median(own.map((one) => one[key]));
    const failed = own.reduce((total, one) => total + one.failed, 0);
    const errors = own.flatMap(({ socketErrors }) => (socketErrors === "" ? [] : [socketErrors]));
    return [
      name,
      shown(cpu(name)),
      shown(middle("user")),
      shown(middle("system")),
      shown(cpu(name) / cpu(base), 2),
      shown(middle("requestsPerSecond"), 0),
      shown(middle("p50"), 2),
      shown(middle("p99"), 2),
      shown(middle("p99") / median(of(base).map(({ p99 }) => p99)), 2),
      shown(middle("rss"), 0),
      own.length === 0 ? "-" : [failed, ...errors].join("; "),
    ];
  });
  return table(columns, rows);
}

/**
 * Puts `text` between `<!-- NAME -->` and `<!-- end of NAME -->` of a Markdown file.
 *
 * @throws Error when the file has no such section.
 */
export function replaceSection(file: string, name: string, text: string): void {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const page = readFileSync(file, "utf8");
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`cannot write into ${file}: it needs the lines "${begin}" and "${end}"`);
  writeFileSync(file, `${page.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${page.slice(to)}`);
}
