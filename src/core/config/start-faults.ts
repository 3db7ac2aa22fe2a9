import { parseLevel } from "../observe/log-level.ts";
import type { Config } from "./schema.ts";

/**
 * What loads, but ends the start with Go's panic: the text behind `panic: ` on standard error, exit code 2
 * (control-plane §1.3, later failures; §8.1).
 */
interface StartFault {
  readonly message: string;
  readonly key: string;
}

const noTicker = "non-positive interval for NewTicker";

/** Control-plane §1.2, `logging.level`: found before the first line is written. */
export function levelFault({ logging }: Config): StartFault {
  return { message: `unrecognized level: ${JSON.stringify(logging.level)}`, key: "logging.level" };
}

/** Control-plane §1.2, `publish_active_apps_interval`: found when the ticker is to start. */
export function activeAppsFault(config: Config): StartFault | undefined {
  return config.publish_active_apps_interval < 0
    ? { message: noTicker, key: "publish_active_apps_interval" }
    : undefined;
}

/** Control-plane §1.3, unsorted Prometheus buckets: found after the endpoint listens. */
export function bucketsFault({ enabled, meters }: Config["prometheus"]): StartFault | undefined {
  if (!enabled) return undefined;
  for (const [name, bounds] of Object.entries(meters)) {
    for (const [index, bound] of bounds.entries()) {
      const next = bounds[index + 1];
      if (next === undefined || bound < next) continue;
      const message = `histogram buckets must be in increasing order: ${bound.toFixed(6)} >= ${next.toFixed(6)}`;
      return { message, key: `prometheus.meters.${name}` };
    }
  }
  return undefined;
}

/** All of them. */
export function startFaults(config: Config): StartFault[] {
  const level = parseLevel(config.logging.level) === undefined ? levelFault(config) : undefined;
  return [level, activeAppsFault(config), bucketsFault(config.prometheus)].filter((fault) => fault !== undefined);
}
