import { selectEndpoint } from "../../../../src/core/balancing/select.ts";
import { Selection } from "../../../../src/core/balancing/selection.ts";
import type { EndpointFields } from "../../../../src/core/routing/endpoint.ts";
import type { Pool } from "../../../../src/core/routing/pool.ts";
import type { RegistrySettings } from "../../../../src/core/routing/registry-parts.ts";
import { endpoint, table } from "../routing/recording.ts";

/** A route of endpoints named A, B, C, … (their instance ids), with the table around it. */
export function route(
  names: string,
  settings: Partial<RegistrySettings> = {},
  fields: (name: string) => Partial<EndpointFields> = () => ({}),
  random: () => number = () => 0,
) {
  const parts = table(settings, random);
  parts.registry.register("a.com", endpoint(0));
  const pool = parts.registry.lookup("a.com", "/") as Pool;
  const numbers = new Map([...names].map((name, i) => [name, i + 1]));
  const add = (name: string) => {
    const number = numbers.get(name) ?? 100 + name.charCodeAt(0);
    parts.registry.register("a.com", endpoint(number, { privateInstanceId: name, ...fields(name) }));
  };
  for (const name of names) add(name);
  pool.remove(pool.find("10.0.0.0:80")!, parts.clock.monotonic());
  const member = (name: string) => pool.findSticky(name)!;
  const now = () => parts.clock.monotonic();
  const attempt = (selection: Selection) => selectEndpoint(pool, selection, now())?.privateInstanceId ?? "-";
  return {
    ...parts,
    pool,
    add,
    /** Requests in flight to the endpoint. */
    load: (name: string, inFlight: number) => {
      member(name).endpoint.inFlight = inFlight;
    },
    mark: (name: string) => pool.state.mark(member(name), now()),
    isMarked: (name: string) => pool.state.isMarked(member(name), now(), pool.settings.failureMemoryMs),
    remove: (name: string) => pool.remove(member(name), now()),
    /** One attempt; the name of the endpoint chosen, `-` for none. */
    attempt,
    /** So many requests of one attempt each. */
    requests(count: number): string {
      let chosen = "";
      for (let i = 0; i < count; i++) chosen += attempt(new Selection());
      return chosen;
    },
    /** One request of so many attempts, each noted by `!` when the stop rule would have ended it. */
    attempts(
      count: number,
      selection: Selection = new Selection(),
      between: (name: string) => void = () => {},
    ): string {
      let chosen = "";
      for (let i = 0; i < count; i++) {
        const name = attempt(selection);
        chosen += name + (selection.exhausted(pool) ? "!" : "");
        if (name !== "-") between(name);
      }
      return chosen;
    },
  };
}
