import * as v from "valibot";
import { deriveConfig } from "../core/config/derive.ts";
import { jobDefaults } from "../core/config/job-defaults.ts";
import { type Config, ConfigSchema } from "../core/config/schema.ts";
import { violations } from "../core/config/validate.ts";
import { parseLevel } from "../core/observe/log-level.ts";
import type { Route } from "./route.ts";

/** Keys of gorouter.yml (docs/configuration.md), all optional; durations are milliseconds. */
export type ConfigInput = v.InferInput<typeof ConfigSchema>;

/** NATS servers to get routes from: the `nats` section of gorouter.yml. */
export type NatsOptions = Omit<
  NonNullable<ConfigInput["nats"]>,
  "embedded" | "embedded_port" | "embedded_websocket_port" | "embedded_origins"
>;

/** What an embedded router is made of. */
export interface RouterOptions {
  /** Routes given in code; more by `Router.register`. They stay until they are unregistered. */
  readonly routes?: readonly Route[];
  /** Bus to get further routes from (control-plane §2); without it there is none. */
  readonly nats?: NatsOptions;
  /**
   * Further keys of gorouter.yml, with the defaults of docs/configuration.md. Those of the program (ports, status,
   * files) do nothing here.
   */
  readonly config?: Omit<ConfigInput, "nats">;
  /**
   * How backends are reached: `sockets` (default) is the router's own HTTP/1.1; `fetch` is for platforms that give
   * nothing else, and loses what README's table says.
   */
  readonly upstream?: "sockets" | "fetch";
  /** Takes log lines (JSON, with line end), from `config.logging.level` on. Default: there is no log. */
  readonly log?: (line: string) => void;
  /** Takes access log lines, without line end, one character per byte. Default: there is no access log. */
  readonly accessLog?: (line: string) => void;
}

type Section = Readonly<Record<string, unknown>>;

const isSection = (value: unknown): value is Section =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `over` laid over `under`, section by section; undefined leaves what was there. */
function merged(under: Section, over: Section): Section {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    if (value !== undefined) result[key] = isSection(below) && isSection(value) ? merged(below, value) : value;
  }
  return result;
}

/**
 * The configuration of an embedded router: the defaults of a start without a file, and what is given over them.
 *
 * @throws Error that names the key when a value cannot be used (control-plane §1.3).
 */
export function configOf({ config = {}, nats = {} }: Pick<RouterOptions, "config" | "nats">): Config {
  const parsed = v.safeParse(ConfigSchema, merged(jobDefaults(), { ...config, nats }));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const key = v.getDotPath(issue) ?? "";
    throw new Error(`cannot use configuration key "${key}": ${issue.received} is not ${issue.expected}`);
  }
  for (const { message, key } of violations(parsed.output)) {
    throw new Error(`cannot use configuration key "${key}": ${message}`);
  }
  const { level } = parsed.output.logging;
  if (parseLevel(level) === undefined) {
    throw new Error(`cannot use configuration key "logging.level": unrecognized level: ${JSON.stringify(level)}`);
  }
  return deriveConfig(parsed.output);
}
