import type { Clock } from "../../core/clock.ts";
import type { Endpoint } from "../../core/routing/endpoint.ts";
import type { ReservationFields } from "../../core/routing/reservation.ts";
import { type ApiRoute, leasedEndpoint } from "./api-route.ts";
import { Breather } from "./breather.ts";

/** Where leases go: the registry. */
export interface RouteTable {
  register(uri: string, endpoint: Endpoint): void;
  unregister(uri: string, endpoint: Endpoint): void;
  reserve(uri: string, reservation: ReservationFields): void;
  unreserve(uri: string, reservation: Pick<ReservationFields, "isolationSegment">): void;
}

interface Known {
  readonly route: ApiRoute;
  /** The object that was registered, so that renewing it makes no other; undefined: a reservation. */
  readonly endpoint: Endpoint | undefined;
  /** What the last list said of it, which events may have outdated; undefined: known from events alone. */
  readonly listed: ApiRoute | undefined;
}

const shared = { isolationSegment: "" };

/**
 * What the Routing API has leased, and how it gets into the table (control-plane §7.4, routing-api §15.5). A list takes
 * out what the list before it named, as that named it: a lease that events have renewed since, or that is known from events
 * alone, lives on until its time is over. Reservations, which need not have an end, are always compared.
 */
export class LeasedRoutes {
  readonly #table: RouteTable;
  readonly #clock: Clock;
  #known = new Map<string, Known>();

  constructor(table: RouteTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /** Event `Upsert`. */
  upsert(route: ApiRoute): void {
    const key = keyOf(route);
    const before = this.#known.get(key);
    this.#known.set(key, this.#register(route, before, before?.listed));
  }

  /** Event `Delete`. */
  delete(route: ApiRoute): void {
    this.#known.delete(keyOf(route));
    this.#unregister(route, route.reserved ? undefined : leasedEndpoint(route));
  }

  /** Takes out what is missing in a complete list, then registers what it names. Nothing else may be called meanwhile. */
  async replaceBy(routes: readonly ApiRoute[]): Promise<void> {
    const previous = this.#known;
    const breather = new Breather(this.#clock);
    const listed = new Map<string, ApiRoute>();
    for (const route of routes) {
      listed.set(keyOf(route), route);
      if (breather.due) await breather.breathe();
    }
    for (const [key, known] of previous) {
      if (!listed.has(key)) this.#missing(known);
      if (breather.due) await breather.breathe();
    }
    this.#known = new Map();
    for (const [key, route] of listed) {
      this.#known.set(key, this.#register(route, previous.get(key), route));
      if (breather.due) await breather.breathe();
    }
  }

  /** A list does not name it any more. */
  #missing({ route, endpoint, listed }: Known): void {
    if (endpoint === undefined) this.#unregister(route, undefined);
    // The table takes no notice when the tag is an older one by now.
    else if (listed !== undefined) this.#unregister(listed, isSame(listed, route) ? endpoint : leasedEndpoint(listed));
  }

  #register(route: ApiRoute, before: Known | undefined, listed: ApiRoute | undefined): Known {
    if (route.reserved) {
      // Without a ttl it holds until the API says otherwise.
      const { ttl, routeServiceUrl } = route;
      const lifeSeconds = ttl !== null && ttl > 0 ? ttl : Number.POSITIVE_INFINITY;
      this.#table.reserve(route.route, {
        ...shared,
        routeServiceUrl,
        withoutEndpoints: routeServiceUrl !== "",
        lifeSeconds,
      });
      return { route, endpoint: undefined, listed };
    }
    const kept = before !== undefined && isSame(before.route, route) ? before.endpoint : undefined;
    const endpoint = kept ?? leasedEndpoint(route);
    this.#table.register(route.route, endpoint);
    return { route, endpoint, listed };
  }

  #unregister(route: ApiRoute, endpoint: Endpoint | undefined): void {
    if (endpoint === undefined) this.#table.unreserve(route.route, shared);
    else this.#table.unregister(route.route, endpoint);
  }
}

/** What tells leases apart for a router. */
function keyOf({ route, ip, port }: ApiRoute): string {
  return `${route} ${ip} ${port}`;
}

function isSame(a: ApiRoute, b: ApiRoute): boolean {
  return (
    a.tag.guid === b.tag.guid &&
    a.tag.index === b.tag.index &&
    a.ttl === b.ttl &&
    a.logGuid === b.logGuid &&
    a.routeServiceUrl === b.routeServiceUrl
  );
}
