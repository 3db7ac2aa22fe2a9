import * as v from "valibot";
import { parseGoDuration } from "./duration.ts";

/** The type of a scalar key, in the words that type errors print (control-plane §1.1). */
export type ScalarType =
  | "string"
  | "bool"
  | "uint16"
  | "uint32"
  | "uint"
  | "int"
  | "int64"
  | "float64"
  | "time.Duration"
  | "workers";

/** What a field says of itself beside its description; read by the decoder, the documentation and the job defaults. */
export interface FieldNotes {
  readonly type: ScalarType;
  /**
   * What holds without a configuration file, where that differs: the BOSH job's default, but for what needs the platform
   * around it (architecture §6). Durations in milliseconds.
   */
  readonly job?: unknown;
  /** What the string holds. */
  readonly holds?: "PEM" | "path";
}

type Extra<T> = { readonly job?: T } & Omit<FieldNotes, "type" | "job">;

const numberRange = {
  uint16: [0, 0xffff],
  uint32: [0, 0xffff_ffff],
  uint: [0, 2 ** 64],
  int: [-(2 ** 63), 2 ** 63],
  int64: [-(2 ** 63), 2 ** 63],
} as const;

/** Smallest and largest value of an integer type. */
export function rangeOf(type: keyof typeof numberRange): readonly [number, number] {
  return numberRange[type];
}

const notes = <I>(type: ScalarType, extra?: Extra<unknown>) =>
  v.metadata<I, Record<string, unknown>>({ ...extra, type });

/** A string key. */
export const text = (fallback: string, description: string, extra?: Extra<string>) =>
  v.optional(v.pipe(v.string(), v.description(description), notes("string", extra)), fallback);

/** A string that holds PEM text inline. */
export const pem = (description: string) => text("", description, { holds: "PEM" });

/** A boolean key; `yes`, `on` and the like are understood. */
export const flag = (fallback: boolean, description: string, extra?: Extra<boolean>) =>
  v.optional(v.pipe(v.boolean(), v.description(description), notes("bool", extra)), fallback);

/** A whole-number key of a Go type, with its range; floats in the file are cut towards zero. */
export const integer = (
  type: keyof typeof numberRange,
  fallback: number,
  description: string,
  extra?: Extra<number>,
) => {
  const [low, high] = numberRange[type];
  return v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high), v.description(description), notes(type, extra)),
    fallback,
  );
};

/** Written as a Go duration, held as milliseconds. `fallback` and `job` are given in Go's syntax. */
export const duration = (fallback: string, description: string, job?: string) =>
  v.optional(
    v.pipe(
      v.number(),
      v.description(description),
      notes("time.Duration", job === undefined ? undefined : { job: milliseconds(job) }),
    ),
    milliseconds(fallback),
  );

/** One of a few words. The decoder takes any word: validation has its own texts, in its own order. */
export const choice = <const T extends readonly [string, ...string[]]>(
  options: T,
  fallback: T[number],
  description: string,
  extra?: Extra<T[number]>,
) => v.optional(v.pipe(v.picklist(options), v.description(description), notes("string", extra)), fallback as never);

/** A list of strings; a list in the file replaces the default one. */
export const texts = (fallback: readonly string[], description: string, job?: readonly string[]) =>
  v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), notes("string"))),
      v.description(description),
      v.metadata(job === undefined ? {} : { job }),
    ),
    () => [...fallback],
  );

/** Upper bounds of a histogram. */
export const buckets = (fallback: readonly number[], description: string) =>
  v.optional(v.pipe(v.array(v.pipe(v.number(), notes("float64"))), v.description(description)), () => [...fallback]);

function milliseconds(goDuration: string): number {
  const ms = parseGoDuration(goDuration);
  if (ms === undefined) throw new Error(`cannot use ${JSON.stringify(goDuration)} as a default: not a Go duration`);
  return ms;
}
