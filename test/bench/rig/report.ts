import { readFileSync, writeFileSync } from "node:fs";
import type { LoadResult } from "./load.ts";
import { withSummary } from "./page-summary.ts";

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

/** The value a quarter of the others, half of them, and three quarters are below; NaN when there is none. */
function quartiles(values: readonly number[]): [first: number, median: number, third: number] {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.round((sorted.length - 1) * part)] ?? Number.NaN;
  return [at(0.25), median(values), at(0.75)];
}

/** Ratios of pairs of windows: their median and, in brackets, first and third quartile; as they are, or how far from 1. */
export function shownRatios(ratios: readonly number[], as: "ratio" | "percent"): string {
  const [first, middle, third] = quartiles(ratios).map((ratio) =>
    as === "ratio" ? shown(ratio, 2) : `${ratio > 1 ? "+" : ""}${shown((ratio - 1) * 100)}`,
  );
  return middle === "-" ? "-" : `${middle} (${first} to ${third})`;
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
 * How the CPU time per request of each of `names` compares with that of the first in the same round, a line each: what the
 * machine does besides, over minutes, falls out of these ratios, and the quartiles say what is left of it.
 */
export function scenarioPairs(scenario: string, names: readonly string[], samples: readonly Sample[]): string {
  const costs = (name: string): Map<number, number> =>
    new Map(
      samples
        .filter((one) => one.scenario === scenario && one.name === name)
        .map(({ round, user, system }) => [round, user + system]),
    );
  const base = costs(names[0] ?? "");
  const lines = names.slice(1).flatMap((name) => {
    const ratios = [...costs(name)].flatMap(([round, cost]) => (base.has(round) ? [cost / base.get(round)!] : []));
    return ratios.length === 0 ? [] : [`- ${name}: ${shownRatios(ratios, "ratio")}`];
  });
  if (lines.length === 0) return "";
  return `CPU time per request / ${names[0]} in the same round, median of ${base.size} rounds (quartiles):\n\n${lines.join("\n")}`;
}

/**
 * Puts `text` between `<!-- NAME -->` and `<!-- end of NAME -->` of a Markdown file, and makes its summary anew.
 *
 * @throws Error when the file has no such section.
 */
export function replaceSection(file: string, name: string, text: string): void {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const page = readFileSync(file, "utf8");
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`cannot write into ${file}: it needs the lines "${begin}" and "${end}"`);
  writeFileSync(file, withSummary(`${page.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${page.slice(to)}`));
}
