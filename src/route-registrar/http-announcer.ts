import type { Clock } from "../core/clock.ts";
import type { JsonText } from "../core/go-json.ts";
import type { Lager } from "../core/observe/lager.ts";
import { LagerLevel } from "../core/observe/lager.ts";
import type { Announcer } from "./announcer.ts";
import { registryMessage } from "./message.ts";
import type { NatsLink } from "./nats-link.ts";
import { loggedRoute, type Route } from "./route.ts";

/** What all HTTP routes have in common. */
export interface HttpAnnouncerParts {
  readonly clock: Clock;
  readonly logger: Lager;
  readonly link: NatsLink;
  /** `private_instance_id`, one per process. */
  readonly instanceId: string;
  readonly availabilityZone: string;
  /** Counts messages that went out. */
  readonly onSent: (action: "register" | "unregister") => void;
}

/** An unregister that is younger may have been lost with the connection: it is said again after a reconnect. */
const doubtMs = 60_000;

type Subject = "router.register" | "router.unregister";

/** Announces an HTTP route on NATS (route-registrar §9). */
export class HttpAnnouncer implements Announcer {
  readonly #route: Route;
  readonly #parts: HttpAnnouncerParts;
  readonly #body: string;
  readonly #logged: JsonText;
  #last: { readonly subject: Subject; readonly at: number; sent: boolean } | undefined;

  constructor(route: Route, parts: HttpAnnouncerParts) {
    this.#route = route;
    this.#parts = parts;
    this.#body = registryMessage(route, parts.instanceId, parts.availabilityZone);
    this.#logged = loggedRoute(route);
    parts.link.add(this);
  }

  get registered(): boolean {
    return this.#last?.subject === "router.register";
  }

  register(): void {
    this.#parts.logger.info("Registering route", { route: this.#logged });
    if (this.#say("router.register")) this.#parts.logger.info("Registered routes successfully");
  }

  unregister(): void {
    this.#parts.logger.info("Unregistering route", { route: this.#logged });
    if (this.#say("router.unregister")) this.#parts.logger.info("Unregistered routes successfully");
  }

  async withdraw(part: Route): Promise<void> {
    const { link, logger, instanceId, availabilityZone } = this.#parts;
    this.retire();
    const body = part === this.#route ? this.#body : registryMessage(part, instanceId, availabilityZone);
    logger.info("Unregistering route", { route: part === this.#route ? this.#logged : loggedRoute(part) });
    // Without a wait, so that at the end the lines of one route are not between those of others (route-registrar §13).
    if (!link.connected) await link.whenConnected();
    const fault = this.#publish("router.unregister", body);
    if (fault !== undefined) throw fault;
    logger.info("Unregistered routes successfully");
  }

  retire(): void {
    this.#parts.link.remove(this);
  }

  /** There is a connection again: says once more what may not have been heard. */
  repeat(): void {
    const last = this.#last;
    if (last === undefined) return;
    const { clock } = this.#parts;
    const doubtful = last.subject === "router.register" || !last.sent || clock.monotonic() - last.at < doubtMs;
    if (!doubtful || this.#publish(last.subject, this.#body) !== undefined) return;
    const said = last.subject === "router.register" ? "Registered" : "Unregistered";
    if (!last.sent) this.#parts.logger.info(`${said} routes successfully`);
    last.sent = true;
  }

  #say(subject: Subject): boolean {
    const sent = this.#publish(subject, this.#body) === undefined;
    this.#last = { subject, at: this.#parts.clock.monotonic(), sent };
    return sent;
  }

  /** Gives why the message could not be sent. */
  #publish(subject: Subject, body: string): Error | undefined {
    const { logger, link, instanceId, onSent } = this.#parts;
    if (logger.level <= LagerLevel.debug)
      logger.debug("creating-message", { subject, route: this.#logged, privateInstanceId: instanceId });
    const fault = link.publish(subject, body);
    if (fault === undefined) onSent(subject === "router.register" ? "register" : "unregister");
    return fault;
  }
}
