import type { Clock } from "../clock.ts";
import { type EndpointKind, placeOfKind } from "./endpoint-kind.ts";
import type { Registry } from "./registry.ts";
import type { TableNumbers } from "./table-numbers.ts";
import { aloneText, endpointText, routeText } from "./table-operations.ts";

/** Routes whose texts are kept for the other workers, which ask within milliseconds. */
const kept = 4096;

/** What is told of one endpoint of a route. */
interface EndpointText {
  readonly id: number;
  /** Its kind, and the place where the worker must have it. */
  readonly kind: EndpointKind;
  readonly kindPlace: number;
  /** Undefined: that of the route says it. */
  readonly operation: string | undefined;
}

/** What is told of a route: first its endpoints, of those the worker does not know. */
interface RouteText {
  readonly endpoints: readonly EndpointText[];
  readonly operation: string;
}

/** Operations on routes as they are sent, made once for all workers. */
export class TableTexts {
  readonly registry: Registry;
  readonly numbers: TableNumbers;
  readonly #clock: Clock;
  readonly #recent = new Map<string, RouteText>();

  constructor(registry: Registry, numbers: TableNumbers, clock: Clock) {
    this.registry = registry;
    this.numbers = numbers;
    this.#clock = clock;
  }

  /** What was said of that route no longer holds. */
  changed(key: string): void {
    this.#recent.delete(key);
  }

  /** How the route with that trie key is now; undefined: it is gone. */
  of(key: string): RouteText | undefined {
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const pool = this.registry.peekAt(key);
    if (pool === undefined) return undefined;
    if (typeof pool === "number") return this.#keep(key, this.#ofResting(key, pool));
    const endpoints: EndpointText[] = [];
    const ids: number[] = [];
    for (let place = 0; place < pool.size; place++) {
      const { endpoint } = pool.at(place)!;
      const id = this.numbers.of(endpoint);
      const { kind, packed } = endpoint.resting;
      const kindPlace = placeOfKind(kind);
      ids.push(id);
      endpoints.push({ id, kind, kindPlace, operation: endpointText(id, kindPlace, packed) });
    }
    const operation = routeText(pool, this.numbers.ofRoute(pool), this.#clock.monotonic(), ids);
    const text = { endpoints, operation };
    // The age of a mark is another at each look.
    if (pool.members.some(({ failedAt }) => failedAt >= 0)) return text;
    return this.#keep(key, text);
  }

  #ofResting(key: string, route: number): RouteText {
    const { resting } = this.registry;
    if (resting.numberOf(route) < 0) resting.giveNumber(route, this.numbers.fresh());
    const id = resting.numberOf(route);
    const { kind, packed } = resting.endpointOf(route);
    const kindPlace = placeOfKind(kind);
    const operation = aloneText(key, resting.nameOf(route), id, kindPlace, packed);
    return { endpoints: [{ id, kind, kindPlace, operation: undefined }], operation };
  }

  #keep(key: string, text: RouteText): RouteText {
    if (this.#recent.size >= kept) this.#recent.clear();
    this.#recent.set(key, text);
    return text;
  }
}
