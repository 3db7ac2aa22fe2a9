import type { ActiveApps } from "../core/observe/active-apps.ts";
import type { Logger } from "../core/observe/log.ts";
import type { Clock } from "../runtime/interface/clock.ts";
import type { Bus } from "./bus.ts";

/** A zlib stream (RFC 1950) of the text. */
async function compressed(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Publishes the apps that were active since the last time as `router.active_apps`, every `intervalMs` (control-plane
 * §2.2). `logger` is the one with source `.router`.
 */
export class ActiveAppsPublisher {
  /** Asked for what is not in `apps` yet before each message. */
  refresh: (() => Promise<void>) | undefined;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #apps: ActiveApps;
  readonly #intervalMs: number;
  #since = 0;

  constructor(bus: Bus, clock: Clock, logger: Logger, apps: ActiveApps, intervalMs: number) {
    this.#bus = bus;
    this.#clock = clock;
    this.#logger = logger;
    this.#apps = apps;
    this.#intervalMs = intervalMs;
  }

  /** Activity counts from now on; the first message comes after one interval. */
  start(): void {
    this.#since = this.#clock.monotonic();
    this.#schedule();
  }

  #schedule(): void {
    this.#clock.after(this.#intervalMs, () => void this.#tick(), true);
  }

  async #tick(): Promise<void> {
    this.#schedule();
    await this.refresh?.();
    const active = this.#apps.since(this.#since);
    this.#since = this.#clock.monotonic();
    const message = await compressed(JSON.stringify(active));
    this.#logger.debug("Debug Info", { "Active apps": active.length, "message size:": message.length });
    try {
      this.#bus.publish("router.active_apps", message);
    } catch {
      // The bus is closed, or too much waits for a reconnect already.
    }
  }
}
