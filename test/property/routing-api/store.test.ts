import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { httpLeases } from "../../../src/routing-api/http-route.ts";
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

const routes = fc.array(route, { maxLength: 4 });
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ action: fc.constant("save" as const), routes }) },
  { weight: 2, arbitrary: fc.record({ action: fc.constant("remove" as const), routes }) },
  // Never near the end of a lease: the database's own clock goes on meanwhile.
  { weight: 1, arbitrary: fc.record({ action: fc.constant("wait" as const), seconds: fc.constant(35) }) },
  { weight: 1, arbitrary: fc.record({ action: fc.constant("prune" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** An element without its random guid. */
type Shown = Omit<Route, "log_guid"> & { log_guid: string; index: number };

/** A row, and when it ends, in seconds. */
interface Row {
  readonly shown: Shown;
  readonly end: number;
}

/** The table and its history as anybody would write them down. */
class NaiveTable {
  /** In the order of their creation. */
  readonly rows = new Map<string, Row>();
  readonly history: string[] = [];
  #now = 0;

  apply(operation: Operation): void {
    switch (operation.action) {
      case "save":
        for (const one of operation.routes) this.#save(one);
        break;
      case "remove":
        for (const key of new Set(operation.routes.map(keyOf))) this.#remove(key);
        break;
      case "wait":
        this.#now += operation.seconds;
        break;
      case "prune":
        for (const [key, { end }] of [...this.rows]) if (end <= this.#now) this.#remove(key);
    }
  }

  get live(): Shown[] {
    return [...this.rows.values()].filter(({ end }) => end > this.#now).map(({ shown }) => shown);
  }

  #save(one: Route): void {
    const row = this.rows.get(keyOf(one));
    const old = row?.shown;
    const next = {
      ...one,
      log_guid: one.log_guid || (old?.log_guid ?? ""),
      route_guid: one.route_guid || (old?.route_guid ?? ""),
      index: old === undefined ? 0 : old.index + 1,
    };
    this.rows.set(keyOf(one), { shown: next, end: this.#now + one.ttl });
    if (old !== undefined && old.route_guid !== next.route_guid) this.#tell("Delete", old);
    // A lease that had ended is news again, unchanged as it may be.
    const same =
      row !== undefined && row.end > this.#now && text({ ...row.shown, index: 0 }) === text({ ...next, index: 0 });
    if (!same) this.#tell("Upsert", next);
  }

  #remove(key: string): void {
    const row = this.rows.get(key);
    if (row === undefined) return;
    this.rows.delete(key);
    this.#tell("Delete", row.shown);
  }

  #tell(event: string, one: Shown): void {
    this.history.push(`${event} ${text(one)}`);
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
    it(`${name}: equal tables, equal histories, in every order of writes, deletes and ends`, async () => {
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
              else if (one.action === "remove") await store.remove(httpLeases(one.routes, undefined));
              else if (one.action === "prune") await store.prune();
              else bench.aheadMs += one.seconds * 1000;
            }
            const events = await store.events(last, 10_000);
            assert.deepEqual(
              events.map(({ name: event, json }) => `${event} ${shown(json)}`),
              naive.history,
            );
            for (const partition of [undefined, "g-1"]) {
              const partitions = partition === undefined ? undefined : [partition];
              const filter = { kind: "http", reservations: false, partitions } as const;
              const rows = naive.live.filter((one) => !partition || one.route_guid === partition);
              assert.deepEqual((await store.list(filter)).map(shown), rows.map(text));
              const elements: string[] = [];
              for (let after = 0, length = 3; length === 3; ) {
                const page = await store.page(filter, { after, limit: 3 });
                elements.push(...page.elements);
                ({ last: after } = page);
                ({ length } = page.elements);
              }
              assert.deepEqual(elements.map(shown), rows.map(text));
            }
            assert.equal((await store.count()).http, naive.live.length);
            await store.remove(
              httpLeases(
                [...naive.rows.values()].map(({ shown: one }) => one),
                undefined,
              ),
            );
          }),
          { numRuns: runs },
        );
      } finally {
        await bench.stop();
      }
    });
  }
});
