import type { Clock, Timer } from "../core/clock.ts";
import type { JsonText } from "../core/go-json.ts";
import type { Lager } from "../core/observe/lager.ts";
import type { Announcer } from "./announcer.ts";
import { loggedRoute, milliseconds, type Route } from "./route.ts";
import type { RoutingApiClient } from "./routing-api-client.ts";

/** What all TCP routes have in common. */
export interface TcpAnnouncerParts {
  readonly clock: Clock;
  readonly logger: Lager;
  readonly api: RoutingApiClient;
  readonly onSent: (action: "register" | "unregister") => void;
  readonly onFailed: () => void;
}

const firstWaitMs = 500;
const longestWaitMs = 30_000;

/**
 * Announces a TCP route through the Routing API: one call at a time, the newest word last, repeated with growing
 * pauses until it is taken. A slow or dead API delays nobody but the routes that need it.
 */
export class TcpAnnouncer implements Announcer {
  readonly #route: Route;
  readonly #parts: TcpAnnouncerParts;
  readonly #logged: JsonText;
  #wanted: "create" | "delete" | undefined;
  #last: "create" | "delete" | undefined;
  #telling: Promise<void> | undefined;
  #withdrawn = false;
  #pause: { readonly timer: Timer; readonly wake: () => void } | undefined;

  constructor(route: Route, parts: TcpAnnouncerParts) {
    this.#route = route;
    this.#parts = parts;
    this.#logged = loggedRoute(route);
  }

  get registered(): boolean {
    return this.#last === "create";
  }

  register(): void {
    this.#parts.logger.info("Registering route", { route: this.#logged });
    this.#want("create");
  }

  unregister(): void {
    this.#parts.logger.info("Unregistering route", { route: this.#logged });
    this.#want("delete");
  }

  async withdraw(part: Route): Promise<void> {
    const { logger, api, onSent } = this.#parts;
    this.retire();
    // A create under way would come back behind the delete.
    await this.#telling;
    logger.info("Unregistering route", { route: this.#logged });
    await api.tell("delete", part);
    onSent("unregister");
    logger.info("Unregistered routes successfully");
  }

  retire(): void {
    this.#withdrawn = true;
    this.#wanted = undefined;
    this.#pause?.timer.cancel();
    this.#pause?.wake();
  }

  #want(action: "create" | "delete"): void {
    this.#last = action;
    this.#wanted = action;
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined;
    });
  }

  async #tellAll(): Promise<void> {
    const { logger, api, onSent, onFailed } = this.#parts;
    let wait = firstWaitMs;
    for (let action = this.#wanted; action !== undefined; action = this.#wanted) {
      this.#wanted = undefined;
      try {
        await api.tell(action, this.#route);
        onSent(action === "create" ? "register" : "unregister");
        logger.info(action === "create" ? "Registered routes successfully" : "Unregistered routes successfully");
        wait = firstWaitMs;
      } catch {
        // The client has logged it. A newer word takes the place of this one.
        onFailed();
        if (this.#withdrawn) return;
        this.#wanted ??= action;
        await this.#sleep(Math.min(wait, milliseconds(this.#route.intervalNs)));
        wait = Math.min(wait * 2, longestWaitMs);
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#pause = { timer: this.#parts.clock.after(Math.max(ms, 1), wake), wake };
    });
  }
}
