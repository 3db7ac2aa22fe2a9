import type { Histogram } from "../../core/observe/histogram.ts";
import { compareBytewise } from "../../core/routing/uri.ts";

/** A label's name and value; the labels of a sample are given in bytewise order of their names. */
export type Label = readonly [name: string, value: string];

/** One sample, or one histogram, of a family. */
export interface Sample<T> {
  readonly labels: readonly Label[];
  readonly value: T;
}

/** A metric with its samples (Prometheus' classic text format, 0.0.4). */
export type Family =
  | {
      readonly name: string;
      readonly help: string;
      readonly type: "counter" | "gauge";
      readonly samples: readonly Sample<number>[];
    }
  | {
      readonly name: string;
      readonly help: string;
      readonly type: "histogram";
      readonly samples: readonly Sample<Histogram>[];
    };

/** A number as Go prints it (format `g`, shortest digits): with an exponent below 1e-4 and from 1e+06 on. */
export function goFloat(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  const magnitude = Math.abs(value);
  if (value === 0 || (magnitude >= 1e-4 && magnitude < 1e6)) return String(value);
  const [digits, power] = value.toExponential().split("e") as [string, string];
  const exponent = Number(power);
  return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", '"': '\\"' };
const escaped = (value: string): string => value.replace(/[\\\n"]/g, (character) => escapes[character]!);

function labelText(labels: readonly Label[], bound?: string): string {
  const pairs = labels.map(([name, value]) => `${name}="${escaped(value)}"`);
  if (bound !== undefined) pairs.push(`le="${bound}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function histogramText(name: string, { labels, value }: Sample<Histogram>): string {
  const { bounds, counts } = value;
  let below = 0;
  let text = "";
  for (const [index, bound] of bounds.entries()) {
    below += counts[index]!;
    text += `${name}_bucket${labelText(labels, goFloat(bound))} ${goFloat(below)}\n`;
  }
  text += `${name}_bucket${labelText(labels, "+Inf")} ${goFloat(value.count)}\n`;
  const own = labelText(labels);
  return `${text}${name}_sum${own} ${goFloat(value.sum)}\n${name}_count${own} ${goFloat(value.count)}\n`;
}

function bySample(a: Sample<unknown>, b: Sample<unknown>): number {
  for (const [index, [, value]] of a.labels.entries()) {
    const order = compareBytewise(value, b.labels[index]?.[1] ?? "");
    if (order !== 0) return order;
  }
  return 0;
}

function familyText(family: Family): string {
  const { name, help, type } = family;
  let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  if (family.type === "histogram") {
    for (const sample of [...family.samples].sort(bySample)) text += histogramText(name, sample);
  } else {
    for (const sample of [...family.samples].sort(bySample)) {
      text += `${name}${labelText(sample.labels)} ${goFloat(sample.value)}\n`;
    }
  }
  return text;
}

/**
 * The families as text, sorted by name, samples by the values of their labels; families without samples are left out
 * (control-plane §4.5).
 */
export function metricsText(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .sort((a, b) => compareBytewise(a.name, b.name))
    .map(familyText)
    .join("");
}
