import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { httpLeases } from "../../../../src/routing-api/http-route.ts";
import type { Lease } from "../../../../src/routing-api/lease.ts";
import { isRefusal } from "../../../../src/routing-api/store/refusal.ts";
import { SharedSaves } from "../../../../src/routing-api/store/shared-saves.ts";
import { StorageError } from "../../../../src/routing-api/store/store.ts";

/** What a driver rejects with, as the store passes it on. */
const storageError = (fields: object): StorageError =>
  new StorageError("no", { cause: Object.assign(new Error("no"), fields) });

/** Requests of one lease each, of apps `a`, `b`, …; every save that has `bad` among them fails with `error`. */
async function saveTogether(names: readonly string[], bad: string, error: Error) {
  const saves: string[][] = [];
  const save = async (leases: readonly Lease[]): Promise<void> => {
    const partitions = leases.map(({ partition }) => partition);
    saves.push(partitions);
    if (partitions.includes(bad)) throw error;
  };
  const shared = new SharedSaves({ save, soon: async () => {}, isRefusal });
  const requests = names.map((name) =>
    shared.add(httpLeases([{ route: "x.test", ip: "10.0.0.1", port: 80, route_guid: name }], 120)),
  );
  const outcomes = (await Promise.allSettled(requests)).map(({ status }) => status === "fulfilled");
  return { outcomes, saves };
}

describe("heartbeats of several requests in one transaction", () => {
  it("are one save", async () => {
    const { outcomes, saves } = await saveTogether(["a", "b", "c"], "none", storageError({}));
    assert.deepEqual([outcomes, saves], [[true, true, true], [["a", "b", "c"]]]);
  });

  for (const [what, fields] of [
    ["PostgreSQL: a NUL", { code: "22021" }],
    ["PostgreSQL: more than an index holds", { code: "54000" }],
    ["MySQL: too long", { code: "ER_DATA_TOO_LONG", errno: 1406, sqlState: "22001" }],
    ["MySQL: too large a packet", { code: "ER_NET_PACKET_TOO_LARGE", errno: 1153, sqlState: "08S01" }],
  ] as const) {
    it(`one that the database refuses fails alone (${what})`, async () => {
      const { outcomes, saves } = await saveTogether(["a", "bad", "c"], "bad", storageError(fields));
      assert.deepEqual(outcomes, [true, false, true]);
      assert.deepEqual(saves, [["a", "bad", "c"], ["a"], ["bad"], ["c"]]);
    });
  }

  for (const [what, fields] of [
    ["nobody listens", { code: "ECONNREFUSED" }],
    ["PostgreSQL shuts down", { code: "57P01" }],
    ["MySQL has gone away", { code: "PROTOCOL_CONNECTION_LOST", fatal: true }],
  ] as const) {
    it(`fail together when the database cannot be used (${what})`, async () => {
      const { outcomes, saves } = await saveTogether(["a", "bad"], "bad", storageError(fields));
      assert.deepEqual([outcomes, saves], [[false, false], [["a", "bad"]]]);
    });
  }

  it("a refused request by itself is not tried twice", async () => {
    const { outcomes, saves } = await saveTogether(["bad"], "bad", storageError({ code: "22021" }));
    assert.deepEqual([outcomes, saves], [[false], [["bad"]]]);
  });
});
