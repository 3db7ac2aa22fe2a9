import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { httpLeaseKeys, httpLeases } from "../../../src/routing-api/http-route.ts";
import { benches } from "../../contract/routing-api/stores.ts";

const runs = process.env["CAUSEWAY_ALL"] === "1" ? 60 : 15;

/** A route of few, so that operations meet. */
const route = fc.record({
  route: fc.constantFrom("a.example.com", "A.example.com", "b.example.com/p"),
  ip: fc.constantFrom("10.0.0.1", "10.0.0.2"),
  port: fc.constantFrom(80, 81),
  ttl: fc.constantFrom(60, 120),
  log_guid: fc.constantFrom("", "app"),
  route_service_url: fc.constantFrom("", "https://rs.example.com"),
  route_guid: fc.constantFrom("", "g-1", "g-2"),
});
type Route = typeof route extends fc.Arbitrary<infer T> ? T : never;

const operation = fc.record({
  action: fc.constantFrom("save" as const, "save" as const, "remove" as const),
  routes: fc.array(route, { maxLength: 4 }),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** An element without its random guid. */
type Shown = Omit<Route, "log_guid"> & { log_guid: string; index: number };

/** The table and its history as anybody would write them down. */
class NaiveTable {
  readonly rows = new Map<string, Shown>();
  readonly history: [string, Shown][] = [];

  apply({ action, routes }: Operation): void {
    if (action === "save") for (const one of routes) this.#save(one);
    else for (const key of new Set(routes.map(keyOf))) this.#remove(key);
  }

  #save(one: Route): void {
    const old = this.rows.get(keyOf(one));
    const next = {
      ...one,
      log_guid: one.log_guid || (old?.log_guid ?? ""),
      route_guid: one.route_guid || (old?.route_guid ?? ""),
      index: old === undefined ? 0 : old.index + 1,
    };
    this.rows.set(keyOf(one), next);
    if (old !== undefined && old.route_guid !== next.route_guid) this.history.push(["Delete", old]);
    const same = old !== undefined && text({ ...old, index: 0 }) === text({ ...next, index: 0 });
    if (!same) this.history.push(["Upsert", next]);
  }

  #remove(key: string): void {
    const old = this.rows.get(key);
    if (old === undefined) return;
    this.rows.delete(key);
    this.history.push(["Delete", old]);
  }
}

const keyOf = ({ route: name, ip, port }: Pick<Route, "route" | "ip" | "port">): string => `${name} ${ip}:${port}`;
const text = (one: Shown): string =>
  [keyOf(one), one.ttl, one.log_guid, one.route_service_url, one.route_guid, one.index].join();

function shown(json: string): string {
  const element = JSON.parse(json) as Partial<Route> & { modification_tag: { index: number } };
  return text({
    ...(element as Route),
    route_service_url: element.route_service_url ?? "",
    route_guid: element.route_guid ?? "",
    index: element.modification_tag.index,
  });
}

describe("stores against a naive table", () => {
  for (const [name, start] of benches) {
    it(`${name}: equal tables, equal histories`, async () => {
      const bench = await start();
      const store = bench.open();
      try {
        await store.prepare([]);
        await fc.assert(
          fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
            const naive = new NaiveTable();
            const { last } = await store.position();
            for (const one of operations) {
              naive.apply(one);
              if (one.action === "save") await store.save(httpLeases(one.routes, 120));
              else await store.remove(httpLeaseKeys(one.routes));
            }
            const events = await store.events(last, 10_000);
            const told = events.map(({ name: event, json }) => `${event} ${shown(json)}`);
            // Several removed at once have no order of their own.
            assert.deepEqual(told.toSorted(), naive.history.map(([event, one]) => `${event} ${text(one)}`).toSorted());
            const inOrder = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith("Upsert"));
            assert.deepEqual(inOrder(told), inOrder(naive.history.map(([event, one]) => `${event} ${text(one)}`)));
            for (const partition of [undefined, "g-1"]) {
              const partitions = partition === undefined ? undefined : [partition];
              const filter = { kind: "http", reservations: false, partitions } as const;
              const rows = [...naive.rows.values()].filter((one) => !partition || one.route_guid === partition);
              assert.deepEqual((await store.list(filter)).map(shown).toSorted(), rows.map(text).toSorted());
            }
            await store.remove(httpLeaseKeys([...naive.rows.values()].map((one) => ({ ...one, index: 0 }))));
          }),
          { numRuns: runs },
        );
      } finally {
        await bench.stop();
      }
    });
  }
});
