import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../observe/log.ts";
import type { Registry } from "./registry.ts";

/** The configuration of the prune cycle; names as in gorouter.yml, durations in milliseconds. */
interface PruningSettings {
  /** 0 or less: never, and no route statistics either. */
  readonly prune_stale_droplets_interval: number;
  readonly suspend_pruning_if_nats_unavailable: boolean;
}

/** What a prune cycle is made of. */
interface PruningParts {
  readonly settings: PruningSettings;
  readonly registry: Registry;
  readonly clock: Clock;
  /** Logger of the source `registry`. */
  readonly log: Logger;
  /** Whether the bus is connected at this moment. */
  readonly connected: () => boolean;
  /**
   * Route statistics at the end of every tick, suspended or not: pools, and milliseconds since the latest
   * registration or -1 (control-plane §3.10).
   */
  readonly report?: ((totalRoutes: number, sinceLastUpdateMs: number) => void) | undefined;
}

/** A slice of a sweep ends after this many milliseconds: requests must not feel it. */
const sliceMs = 2;
/** Pools between two looks at the clock; one costs up to 5 microseconds. */
const batch = 64;

/** Prunes the registry every `prune_stale_droplets_interval` (control-plane §3.10, §2.8). */
export class PruneCycle {
  readonly #parts: PruningParts;
  #timer: Timer | undefined = undefined;
  #suspended = false;

  constructor(parts: PruningParts) {
    this.#parts = parts;
  }

  /** Starts ticking; the first tick comes after one interval. */
  start(): void {
    this.#schedule(this.#parts.settings.prune_stale_droplets_interval);
  }

  /** No tick, nor the rest of one, comes any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(ms: number): void {
    if (this.#parts.settings.prune_stale_droplets_interval <= 0) return;
    this.#timer = this.#parts.clock.after(ms, () => this.#tick(), true);
  }

  #tick(): void {
    const { settings, registry, clock, log, connected } = this.#parts;
    const now = clock.monotonic();
    log.debug("start-pruning-routes");
    if (settings.suspend_pruning_if_nats_unavailable && !connected()) {
      this.#suspended = true;
      log.info("prune-suspended");
      this.#finish(now);
      return;
    }
    if (this.#suspended) {
      this.#suspended = false;
      log.debug("prune-unsuspended-refresh-routes-start");
      registry.refreshAll(now);
      log.debug("prune-unsuspended-refresh-routes-complete");
    }
    this.#continue(registry.pruneInSlices(now, batch), now);
  }

  #continue(slices: Iterator<void>, started: number): void {
    const { clock } = this.#parts;
    const end = clock.monotonic() + sliceMs;
    let done = false;
    do done = slices.next().done === true;
    while (!done && clock.monotonic() < end);
    if (done) this.#finish(started);
    else this.#timer = clock.after(0, () => this.#continue(slices, started), true);
  }

  #finish(started: number): void {
    const { settings, registry, clock, log, report } = this.#parts;
    log.debug("finished-pruning-routes");
    const now = clock.monotonic();
    report?.(registry.totalRoutes, registry.lastUpdate < 0 ? -1 : now - registry.lastUpdate);
    this.#schedule(Math.max(0, settings.prune_stale_droplets_interval - (now - started)));
  }
}
