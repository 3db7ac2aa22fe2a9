import type { JsonText } from "../core/go-json.ts";
import type { Lager } from "../core/observe/lager.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { Announcer } from "./announcer.ts";
import { HealthChecker, type Verdict } from "./health-check.ts";
import { loggedRoute, milliseconds, type Route } from "./route.ts";
import { Ticker } from "./ticker.ts";
import type { Turnstile } from "./turnstile.ts";

/** What all workers have in common. */
export interface WorkerParts {
  readonly runtime: Pick<Runtime, "clock" | "spawnGroup">;
  readonly logger: Lager;
  readonly turnstile: Turnstile;
  /** Consecutive unregister messages that a route may send (route-registrar §7.3). */
  readonly unregistrationLimit: number;
  readonly onChecked: (verdict: Verdict) => void;
}

/** In a large configuration so many routes fire together, and the next ones so much later: a thousand do not at once. */
const together = 10;
const spreadMs = 50;
const widestSpreadMs = 5000;

/** Keeps one route: checks it at every interval and has it announced accordingly (route-registrar §7). */
export class RouteWorker {
  readonly route: Route;
  readonly announcer: Announcer;
  readonly #parts: WorkerParts;
  readonly #checker: HealthChecker | undefined;
  readonly #ticker: Ticker;
  readonly #logged: JsonText;
  #unregistered = 0;
  #stopped = false;
  /** Of the last check; undefined before the first, and for routes without one. */
  lastVerdict: Verdict | undefined;
  /** When that was, in milliseconds since the epoch. */
  lastCheckedAt = 0;
  /** Checks that found the route unhealthy or could not be made. */
  failedChecks = 0;

  constructor(route: Route, announcer: Announcer, parts: WorkerParts) {
    const { runtime, logger, turnstile } = parts;
    this.route = route;
    this.announcer = announcer;
    this.#parts = parts;
    this.#logged = loggedRoute(route);
    this.#checker = route.healthCheck && new HealthChecker(runtime, logger, turnstile, route.healthCheck);
    this.#ticker = new Ticker(runtime.clock, milliseconds(route.intervalNs), () => this.#evaluate());
  }

  /** Another unregister message is allowed. */
  get mayUnregister(): boolean {
    return this.#unregistered < this.#parts.unregistrationLimit;
  }

  /**
   * Evaluates the route at once and at every interval from now on. `position` counts the routes: checks of a large
   * configuration begin in small groups, one after the other, and so do the later rounds of routes without one. `now`:
   * monotonic time, the same for all that start together.
   */
  start(position: number, now: number): void {
    const widest = Math.min(widestSpreadMs, milliseconds(this.route.intervalNs) / 2);
    const offset = (Math.floor(position / together) * spreadMs) % Math.max(widest, 1);
    if (this.#checker === undefined) this.#ticker.start(0, offset, now);
    else this.#ticker.start(offset, 0, now);
  }

  /** Ends it; a running check is killed. Nothing is said to the consumer. */
  stop(): void {
    this.#stopped = true;
    this.#ticker.stop();
    this.#checker?.stop();
  }

  async #evaluate(): Promise<void> {
    const { logger, runtime, onChecked } = this.#parts;
    if (this.#checker === undefined) {
      logger.info("no healthchecker found for route", { route: this.#logged });
      this.announcer.register();
      return;
    }
    const verdict = await this.#checker.run();
    if (this.#stopped) return;
    this.lastVerdict = verdict;
    this.lastCheckedAt = runtime.clock.now();
    onChecked(verdict);
    if (verdict === "healthy") {
      logger.info("healthchecker returned healthy for route", { route: this.#logged });
      this.#unregistered = 0;
      this.announcer.register();
      return;
    }
    this.failedChecks++;
    const found = verdict === "unhealthy" ? "returned unhealthy" : "errored";
    logger.info(`healthchecker ${found} for route`, { route: this.#logged });
    if (this.mayUnregister) this.announcer.unregister();
    this.#unregistered++;
  }
}
