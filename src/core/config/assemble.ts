import * as v from "valibot";
import type { CertificateCheck } from "./certificate-check.ts";
import { ConfigError, nowhere, type Position, type Warning } from "./config-error.ts";
import { decodeDocument } from "./decode.ts";
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

/**
 * Decodes, merges over the binary defaults, validates (control-plane §1.3) and derives (§1.4). An empty document is
 * valid.
 *
 * @throws ConfigError with the text of the first check that fails.
 */
export function assembleConfig(document: DocumentNode | undefined, certificates?: CertificateCheck): LoadedConfig {
  const { given, positions, warnings } = decodeDocument(document);
  const [beyond, ...others] = keysBeyondNative(given);
  if (beyond !== undefined) {
    const keys = [beyond, ...others].join(", ");
    const message = `listener: native cannot honour ${keys}; use listener: wire, or take these keys out`;
    throw new ConfigError(message, beyond, positionOf(beyond, positions));
  }
  // Without TLS these three are not even looked at (control-plane §1.3, 13-15), whatever they say.
  if (given["enable_ssl"] !== true) {
    for (const key of ["client_cert_validation", "min_tls_version", "max_tls_version"]) delete given[key];
  }
  const parsed = v.safeParse(ConfigSchema, given);
  // Merged, but with choices unchecked: they have their own texts, in their own order.
  const merged = parsed.output as Config;
  for (const { message, key } of violations(merged, certificates)) {
    throw new ConfigError(message, key, positionOf(key, positions));
  }
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const key = v.getDotPath(issue) ?? "";
    const message = `cannot use ${key}: ${issue.received} is not one of ${issue.expected}`;
    throw new ConfigError(message, key, positionOf(key, positions));
  }
  return { config: deriveConfig(merged), warnings };
}

/** Position of a key, or of the nearest key around it that the file has. */
function positionOf(key: string, positions: ReadonlyMap<string, Position>): Position {
  for (let path = key; path !== ""; path = path.slice(0, Math.max(path.lastIndexOf("."), path.lastIndexOf("["), 0))) {
    const position = positions.get(path);
    if (position !== undefined) return position;
  }
  return nowhere;
}
