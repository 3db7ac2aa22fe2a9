import type { Clock } from "../clock.ts";
import { goJson } from "../go-json.ts";

/** Levels as the numbers of the epoch form (route-registrar §3.1). */
export const LagerLevel = { debug: 0, info: 1, error: 2, fatal: 3 } as const;
export type LagerLevel = (typeof LagerLevel)[keyof typeof LagerLevel];

/** Names of the levels, as `-logLevel` takes them and the RFC 3339 form shows them. */
export const lagerLevelNames: readonly string[] = Object.keys(LagerLevel);

/** Attributes of a line; printed with sorted keys. */
type LagerData = Readonly<Record<string, unknown>>;

interface LagerOptions {
  /** Takes one line with its line feed. */
  readonly write: (line: string) => void;
  /** Name of the program in every line. */
  readonly source: string;
  readonly clock: Clock;
  readonly level: LagerLevel;
  readonly timeFormat: "unix-epoch" | "rfc3339";
  /** Changes what must not be shown (route-registrar §3.4); absent: nothing. */
  readonly redact?: (data: LagerData) => LagerData;
}

/** The log of the registrar and of the Routing API: one JSON object per line, in the form of the library `lager` (route-registrar §3). */
export class Lager {
  readonly #options: LagerOptions;
  /** `.name` of each sub-logger on the way here. */
  readonly #path: string;
  readonly #session: string;
  #sessions = 0;

  constructor(options: LagerOptions, path = "", session = "") {
    this.#options = options;
    this.#path = path;
    this.#session = session;
  }

  /** Lines below it are not written; may be read to avoid building data. */
  get level(): LagerLevel {
    return this.#options.level;
  }

  debug(action: string, data?: LagerData): void {
    if (this.level <= LagerLevel.debug) this.#write(LagerLevel.debug, action, data);
  }

  info(action: string, data?: LagerData): void {
    if (this.level <= LagerLevel.info) this.#write(LagerLevel.info, action, data);
  }

  error(action: string, error: string, data?: LagerData): void {
    if (this.level <= LagerLevel.error) this.#write(LagerLevel.error, action, { ...data, error });
  }

  /** The program cannot go on. The caller ends it. */
  fatal(action: string, error: string, data?: LagerData): void {
    const trace = new Error(error).stack ?? "";
    this.#write(LagerLevel.fatal, action, { ...data, error, trace });
  }

  /** A logger for a part of the program: its name is in the message, a number of its own in the data. */
  part(name: string): Lager {
    const number = ++this.#sessions;
    const session = this.#session === "" ? String(number) : `${this.#session}.${number}`;
    return new Lager(this.#options, `${this.#path}.${name}`, session);
  }

  #write(level: LagerLevel, action: string, given: LagerData = {}): void {
    const { write, source, clock, timeFormat, redact } = this.#options;
    let data = this.#session === "" ? given : { ...given, session: this.#session };
    if (redact !== undefined) data = redact(data);
    const message = goJson(`${source}${this.#path}.${action}`);
    const attributes = goJson(new Map(Object.entries(data)));
    const now = clock.now();
    if (timeFormat === "rfc3339") {
      const word = lagerLevelNames[level];
      write(
        `{"timestamp":"${rfc3339(now)}","level":"${word}","source":"${source}","message":${message},"data":${attributes}}\n`,
      );
      return;
    }
    write(
      `{"timestamp":"${epoch(now)}","source":"${source}","message":${message},"log_level":${level},"data":${attributes}}\n`,
    );
  }
}

/** Whole seconds and the nanoseconds beyond them. */
function split(ms: number): [seconds: number, nanoseconds: string] {
  let seconds = Math.floor(ms / 1000);
  let rest = Math.round((ms - seconds * 1000) * 1e6);
  if (rest === 1e9) {
    seconds++;
    rest = 0;
  }
  return [seconds, String(rest).padStart(9, "0")];
}

function epoch(ms: number): string {
  return split(ms).join(".");
}

function rfc3339(ms: number): string {
  const [seconds, nanoseconds] = split(ms);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${nanoseconds}Z`;
}
