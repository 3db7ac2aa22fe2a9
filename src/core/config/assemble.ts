import * as v from "valibot";
import type { ConfigChecks } from "./config-checks.ts";
import { ConfigError, nowhere, type Position, type Warning } from "./config-error.ts";
import { decodeDocument, unmarshalError } from "./decode.ts";
import { deriveConfig } from "./derive.ts";
import type { DocumentNode } from "./document.ts";
import { jobDefaults } from "./job-defaults.ts";
import { keysBeyondNative } from "./native-listener.ts";
import { type Config, ConfigSchema } from "./schema.ts";
import { violations } from "./validate.ts";

/** A configuration to start with, and what to tell about it. */
export interface LoadedConfig {
  readonly config: Config;
  /** One each for every key of the file that is not known. */
  readonly warnings: readonly Warning[];
}

/**
 * The configuration of a start without a file: the job's defaults on the embedded NATS server (architecture §6).
 */
export function defaultConfig(): LoadedConfig {
  return { config: deriveConfig(v.parse(ConfigSchema, jobDefaults())), warnings: [] };
}

/** Everything that is to be said about a document. */
interface Inspection {
  /** Values of the wrong type and duplicate keys; upstream reports all of them, and nothing else, in one error. */
  readonly faults: readonly Warning[];
  /** The checks that fail, in the order of control-plane §1.3, then our own. */
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly Warning[];
  /** Where each given key stands, by dotted path. */
  readonly positions: ReadonlyMap<string, Position>;
  /** Merged and derived; of use only when there are neither faults nor errors. */
  readonly config: Config;
}

/**
 * Decodes, merges over the binary defaults, validates (control-plane §1.3) and derives (§1.4), and collects all that is
 * wrong. An empty document is valid.
 */
export function inspectDocument(document: DocumentNode | undefined, checks?: ConfigChecks): Inspection {
  const { given, positions, warnings, faults } = decodeDocument(document);
  const errors: ConfigError[] = [];
  const add = (message: string, key: string): void => {
    errors.push(new ConfigError(message, key, positionOf(key, positions)));
  };
  const [beyond, ...others] = keysBeyondNative(given);
  if (beyond !== undefined) {
    const keys = [beyond, ...others].join(", ");
    add(`listener: native cannot honour ${keys}; use listener: wire, or take these keys out`, beyond);
  }
  // Without TLS these three are not even looked at (control-plane §1.3, 13-15), whatever they say.
  if (given["enable_ssl"] !== true) {
    for (const key of ["client_cert_validation", "min_tls_version", "max_tls_version"]) delete given[key];
  }
  // Its routes come from a Routing API: who wants NATS too says so.
  if (given["nats"] === undefined && embedsRoutingApi(given)) given["nats"] = { hosts: [] };
  const parsed = v.safeParse(ConfigSchema, given);
  // Merged, but with choices unchecked: they have their own texts, in their own order.
  const merged = parsed.output as Config;
  for (const { message, key } of violations(merged, checks)) add(message, key);
  for (const issue of parsed.issues ?? []) {
    const key = v.getDotPath(issue) ?? "";
    if (errors.some((error) => error.key === key)) continue;
    add(`cannot use ${key}: ${issue.received} is not one of ${issue.expected}`, key);
  }
  return { faults, errors, warnings, positions, config: deriveConfig(merged) };
}

/**
 * The configuration that a document makes.
 *
 * @throws ConfigError with the text of the first check that fails.
 */
export function assembleConfig(document: DocumentNode | undefined, checks?: ConfigChecks): LoadedConfig {
  const { faults, errors, warnings, config } = inspectDocument(document, checks);
  if (faults.length > 0) throw unmarshalError(faults);
  if (errors[0] !== undefined) throw errors[0];
  return { config, warnings };
}

function embedsRoutingApi({ routing_api: section }: Readonly<Record<string, unknown>>): boolean {
  return typeof section === "object" && section !== null && "embedded" in section && section.embedded === true;
}

/** Position of a key, or of the nearest key around it that the file has. */
export function positionOf(key: string, positions: ReadonlyMap<string, Position>): Position {
  for (let path = key; path !== ""; path = path.slice(0, Math.max(path.lastIndexOf("."), path.lastIndexOf("["), 0))) {
    const position = positions.get(path);
    if (position !== undefined) return position;
  }
  return nowhere;
}
