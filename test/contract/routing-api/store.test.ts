import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ApiError } from "../../../src/routing-api/api-error.ts";
import { httpLeases } from "../../../src/routing-api/http-route.ts";
import type { SqlStore } from "../../../src/routing-api/store/sql-store.ts";
import { StorageError } from "../../../src/routing-api/store/store.ts";
import { tcpLeases } from "../../../src/routing-api/tcp-route.ts";
import { benches, type StoreBench } from "./stores.ts";

const route = (name: string, changes: object = {}) => ({ route: name, ip: "10.0.0.1", port: 80, ...changes });
const lease = (name: string, changes: object = {}) => httpLeases([route(name, changes)], 120);
const leaseKeys = (routes: object[]) => httpLeases(routes, undefined);
const filter = { kind: "http", reservations: true } as const;
const group = { guid: "guid-1", name: "default-tcp", type: "tcp", reservablePorts: "1024-1123" };

for (const [name, start] of benches) {
  describe(`store on ${name}`, () => {
    let bench: StoreBench;
    let one: SqlStore;
    let other: SqlStore;

    before(async () => {
      bench = await start();
      one = bench.open();
      other = bench.open();
      // At the same time, as processes that are started together do.
      const stores = one === other ? [one] : [one, other];
      await Promise.all(stores.map((store, index) => store.prepare([{ ...group, guid: `guid-${index + 1}` }])));
    });
    after(async () => {
      await bench?.stop();
    });

    it("seeds groups once", async () => {
      assert.equal((await one.groups()).length, 1);
      await one.prepare([{ ...group, guid: "guid-3", name: "late" }]);
      assert.equal((await other.groups()).length, 1);
    });

    it("tells every process what any of them wrote, in one order, without a gap", async () => {
      const { last } = await one.position();
      const stores = [one, other];
      await Promise.all(
        Array.from({ length: 60 }, (_, index) => stores[index % 2]!.save(lease(`${index}.order.example.com`))),
      );
      const seen = await one.events(last, 1000);
      assert.equal(seen.length, 60);
      assert.deepEqual(
        seen.map(({ id }) => id),
        seen.map(({ id }) => id).toSorted((a, b) => a - b),
      );
      assert.deepEqual(await other.events(last, 1000), seen);
      const names = await one.list(filter);
      assert.deepEqual(
        names,
        seen.map(({ json }) => json),
      );
      await one.remove(leaseKeys(Array.from({ length: 60 }, (_, index) => route(`${index}.order.example.com`))));
      assert.deepEqual(await other.list(filter), []);
    });

    it("counts renewals by two processes one after the other", async () => {
      await one.save(lease("renewed.example.com"));
      await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? one : other).save(lease("renewed.example.com", { ttl: 10 + index })),
        ),
      );
      const [element] = await one.list(filter);
      assert.equal(JSON.parse(element!).modification_tag.index, 20);
      await one.remove(leaseKeys([route("renewed.example.com")]));
    });

    it("writes all of a batch or nothing", async () => {
      const { last } = await one.position();
      const mapping = { router_group_guid: "guid-x", port: 1, backend_ip: "10.0.0.1", backend_port: 1 };
      const bad = [...lease("batch.example.com"), ...tcpLeases([mapping], 120)];
      await assert.rejects(one.save(bad), ApiError);
      assert.deepEqual(await one.list(filter), []);
      assert.deepEqual(await one.events(last, 10), []);
    });

    it("does not let what it cannot hold harm others that are saved at the same time", async () => {
      // A NUL for PostgreSQL, 300 characters for MySQL; SQLite takes all.
      const odd = lease("odd.example.com", { route_guid: `\0${"x".repeat(300)}` });
      const names = ["1.example.com", "2.example.com"];
      const [first, , second] = await Promise.allSettled(
        [lease(names[0]!), odd, lease(names[1]!)].map((of) => one.save(of)),
      );
      assert.deepEqual([first!.status, second!.status], ["fulfilled", "fulfilled"]);
      await one.remove(leaseKeys([...names, "odd.example.com"].map((text) => route(text))));
      assert.deepEqual(await one.list(filter), []);
    });

    it("takes a large batch, the same lease twice in it", async () => {
      const many = Array.from({ length: 1500 }, (_, index) => route(`${index % 1499}.large.example.com`));
      await one.save(httpLeases(many, 120));
      const elements = await one.list(filter);
      assert.equal(elements.length, 1499);
      assert.equal(JSON.parse(elements[0]!).modification_tag.index, 1);
      const first = await other.page(filter, { after: 0, limit: 1000 });
      const { last: position } = await other.position();
      await one.save(lease("later.large.example.com"));
      const second = await other.page(filter, { after: first.last, limit: 1000, upTo: position });
      assert.deepEqual([...first.elements, ...second.elements], elements);
      await one.remove(leaseKeys([route("later.large.example.com")]));
      await other.remove(leaseKeys(many));
      assert.deepEqual(await one.count(), { http: 0, tcp: 0 });
    });

    it("lets leases end once, by the database's clock", async () => {
      const { last } = await one.position();
      await one.save([...lease("short.example.com", { ttl: 1 }), ...lease("long.example.com")]);
      const permanent = { route: "kept.example.com", reserved: true, ttl: 0 };
      await one.save(httpLeases([permanent], 120));
      const end = performance.now() + 10_000;
      let pruned = 0;
      while (pruned === 0 && performance.now() < end) {
        const counts = await Promise.all([one.prune(), other.prune()]);
        pruned = counts[0].http + counts[1].http;
      }
      assert.equal(pruned, 1);
      const events = await one.events(last, 10);
      assert.deepEqual(
        events.map(({ name: event, json }) => [event, JSON.parse(json).route]),
        [
          ["Upsert", "short.example.com"],
          ["Upsert", "long.example.com"],
          ["Upsert", "kept.example.com"],
          ["Delete", "short.example.com"],
        ],
      );
      await one.remove(leaseKeys([route("long.example.com"), permanent]));
    });

    it("forgets old events, and says up to where", async () => {
      await one.save(lease("old.example.com"));
      await one.forgetEvents(-1000);
      const { last, floor } = await one.position();
      assert.equal(floor, (await one.events(0, 1))[0] === undefined ? floor : -1);
      assert.ok(floor > 0 && floor <= last);
      await one.remove(leaseKeys([route("old.example.com")]));
    });

    it("tells names apart by case, and keeps any text", async () => {
      const names = ["Case.example.com", "case.example.com", "x.example.com/%F0%9F%98%80';--"];
      await one.save(names.flatMap((text) => lease(text, { route_guid: text.slice(0, 4), log_guid: "ä€😀\\\"'" })));
      const mine = await other.list({ ...filter, partitions: ["Case"] });
      assert.equal(mine.length, 1);
      assert.equal(JSON.parse(mine[0]!).log_guid, "ä€😀\\\"'");
      await one.remove(leaseKeys(names.map((text) => route(text))));
      assert.deepEqual(await one.list(filter), []);
    });

    it("holds one group of a name", async () => {
      const added = await one.addGroup({ ...group, guid: "guid-4", name: "new" }, () => undefined);
      assert.equal(added.added, true);
      await assert.rejects(
        other.addGroup({ ...group, guid: "guid-5", name: "new", type: "http" }, () => undefined),
        StorageError,
      );
      assert.equal((await other.addGroup({ ...group, guid: "guid-6", name: "new" }, () => undefined)).added, false);
      assert.equal((await other.changeGroup("guid-4", "3000", () => undefined))?.reservablePorts, "3000");
      assert.equal(await one.changeGroup("guid-9", "3000", () => undefined), undefined);
      assert.deepEqual([await one.removeGroup("guid-4"), await one.removeGroup("guid-4")], [true, false]);
    });
  });
}
