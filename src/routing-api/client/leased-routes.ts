import type { Clock } from "../../core/clock.ts";
import type { Endpoint } from "../../core/routing/endpoint.ts";
import type { ReservationFields } from "../../core/routing/registry.ts";
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
}

const shared = { isolationSegment: "" };

/**
 * What the Routing API has leased, and how it gets into the table (control-plane §7.4, routing-api §15.5). Unlike
 * upstream, what was learned from events alone is compared with lists too: a delete that was missed does not wait for
 * the lease to expire.
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
    this.#known.set(key, this.#register(route, this.#known.get(key)));
  }

  /** Event `Delete`. */
  delete(route: ApiRoute): void {
    this.#known.delete(keyOf(route));
    this.#unregister({ route, endpoint: route.reserved ? undefined : leasedEndpoint(route) });
  }

  /** Takes out what is not in a complete list, then registers what is. Nothing else may be called meanwhile. */
  async replaceBy(routes: readonly ApiRoute[]): Promise<void> {
    const previous = this.#known;
    const breather = new Breather(this.#clock);
    const listed = new Map<string, ApiRoute>();
    for (const route of routes) {
      listed.set(keyOf(route), route);
      if (breather.due) await breather.breathe();
    }
    for (const [key, known] of previous) {
      if (!listed.has(key)) this.#unregister(known);
      if (breather.due) await breather.breathe();
    }
    this.#known = new Map();
    for (const [key, route] of listed) {
      this.#known.set(key, this.#register(route, previous.get(key)));
      if (breather.due) await breather.breathe();
    }
  }

  #register(route: ApiRoute, before: Known | undefined): Known {
    if (route.reserved) {
      // Without a ttl it holds until the API says otherwise.
      const lifeSeconds = route.ttl > 0 ? route.ttl : Number.POSITIVE_INFINITY;
      const { routeServiceUrl } = route;
      this.#table.reserve(route.route, {
        ...shared,
        routeServiceUrl,
        withoutEndpoints: routeServiceUrl !== "",
        lifeSeconds,
      });
      return { route, endpoint: undefined };
    }
    const endpoint = before?.endpoint !== undefined && isSame(before.route, route) ? before.endpoint : undefined;
    const known = endpoint === undefined ? { route, endpoint: leasedEndpoint(route) } : before!;
    this.#table.register(route.route, known.endpoint!);
    return known;
  }

  #unregister({ route, endpoint }: Known): void {
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
