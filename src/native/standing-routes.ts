import type { Clock, Timer } from "../core/clock.ts";
import type { Endpoint } from "../core/routing/endpoint.ts";
import type { Registry } from "../core/routing/registry.ts";
import { endpointOf, type Route, type RouteName } from "./route.ts";

/** How often routes given in code are registered anew, in milliseconds; well below any stale threshold in use. */
const beatMs = 20_000;

/** Routes given in code: nobody repeats them, and they stay all the same (control-plane §3.10). */
export class StandingRoutes {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #routes = new Map<string, { readonly uri: string; readonly endpoint: Endpoint }>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(registry: Registry, clock: Clock, staleThresholdMs: number) {
    this.#registry = registry;
    this.#clock = clock;
    this.#periodMs = Math.min(beatMs, staleThresholdMs / 3);
  }

  /** Throws an `Error` when the route cannot be used. */
  register(route: Route): void {
    const endpoint = endpointOf(route);
    const { uri } = route;
    this.#routes.set(`${endpoint.address} ${uri}`, { uri, endpoint });
    this.#registry.register(uri, endpoint);
    this.#timer ??= this.#schedule();
  }

  /** Throws an `Error` when the name cannot be used. */
  unregister(name: RouteName): void {
    const endpoint = endpointOf(name);
    this.#routes.delete(`${endpoint.address} ${name.uri}`);
    this.#registry.unregister(name.uri, endpoint);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(): Timer | undefined {
    return this.#closed ? undefined : this.#clock.after(this.#periodMs, () => this.#beat(), true);
  }

  #beat(): void {
    for (const { uri, endpoint } of this.#routes.values()) this.#registry.register(uri, endpoint);
    this.#timer = this.#schedule();
  }
}
