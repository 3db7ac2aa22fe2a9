import type { Config } from "./schema.ts";
import { configShape, type SectionShape, type Shape } from "./shape.ts";

/**
 * Keys that are accepted but do not act yet, and what would make each act. A section stands for all keys below it. The
 * start warns of those that are set. Remove a line when its key acts.
 */
export const notYetActing: Readonly<Record<string, string>> = {
  // No silence about it: who sets it believes that certificates are asked for.
  domains: "identity-aware routing, RFC 0055; only validated",
};

/** Keys that are accepted and do nothing, as in Gorouter (control-plane §10.2). */
export const inertByDesign: Readonly<Record<string, string>> = {
  pid_file: "Gorouter never used it",
  publish_start_message_interval: "Gorouter never used it",
  load_balancer_healthy_threshold: "only validated; the job's post-start script uses it",
  healthcheck_poll_interval: "Gorouter never used it",
  healthcheck_timeout: "Gorouter never used it",
  websocket_dial_timeout: "Gorouter never used it (data-plane §4.7)",
};

/**
 * Dotted keys in `notYetActing` whose value differs from the default, from that of a start without a file, and from what
 * derivation makes of the default; for one `config-keys-not-yet-acting` line per start.
 */
export function keysNotYetActing(config: Config, listed: Readonly<Record<string, string>> = notYetActing): string[] {
  // What `deriveConfig` gives to keys that were left alone (control-plane §1.4).
  const derived = new Map<string, unknown>([
    ["client_cert_validation", "none"],
    ["min_tls_version", "TLSv1.2"],
    ["max_tls_version", "TLSv1.2"],
  ]);
  return changedKeys(configShape, config, "").flatMap(([key, value]) =>
    isListed(key, listed) && derived.get(key) !== value ? [key] : [],
  );
}

function isListed(key: string, listed: Readonly<Record<string, string>>): boolean {
  for (let path = key; path !== ""; path = path.slice(0, Math.max(path.lastIndexOf("."), 0))) {
    if (Object.hasOwn(listed, path)) return true;
  }
  return false;
}

/** Dotted keys, with their values, that have neither of their two defaults. */
function changedKeys(
  section: SectionShape,
  values: Readonly<Record<string, unknown>>,
  prefix: string,
): [string, unknown][] {
  return [...section.entries].flatMap(([name, shape]): [string, unknown][] => {
    const key = prefix + name;
    const value = values[name];
    if (shape.kind === "section") return changedKeys(shape, value as Record<string, unknown>, `${key}.`);
    return isDefault(shape, value) ? [] : [[key, value]];
  });
}

function isDefault(shape: Exclude<Shape, SectionShape>, value: unknown): boolean {
  if (shape.kind === "scalar") return value === shape.fallback || value === shape.notes.job;
  const list = JSON.stringify(value);
  return list === JSON.stringify(shape.fallback) || list === JSON.stringify(shape.job);
}
