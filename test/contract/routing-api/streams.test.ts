import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { LagerLevel } from "../../../src/core/observe/lager.ts";
import type { Api } from "../../../src/routing-api/api.ts";
import { apiApp } from "../../../src/routing-api/api-app.ts";
import type { ApiLog } from "../../../src/routing-api/api-log.ts";
import { ApiMetrics } from "../../../src/routing-api/api-metrics.ts";
import { EventFeed } from "../../../src/routing-api/event-feed.ts";
import { openEventStream, type StreamStart } from "../../../src/routing-api/event-stream.ts";
import { httpLeases } from "../../../src/routing-api/http-route.ts";
import { MaintenanceLocks } from "../../../src/routing-api/maintenance.ts";
import { SqlStore } from "../../../src/routing-api/store/sql-store.ts";
import { sqlite } from "../../../src/routing-api/store/sqlite.ts";
import { everything } from "../../../src/routing-api/tokens.ts";
import { TurnedClock } from "../../fixtures/turned-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "causeway-streams-"));
let store: SqlStore;
let clock: TurnedClock;
let feed: EventFeed;
let metrics: ApiMetrics;
let lines: string[];
let app: ReturnType<typeof apiApp>;

before(async () => {
  store = new SqlStore(sqlite(join(folder, "routes.sqlite")), {
    uuid: randomUUID,
    heartbeatEvents: false,
    soon: () => Promise.resolve(),
  });
  await store.prepare([]);
});
beforeEach(() => {
  clock = new TurnedClock();
  feed = new EventFeed(store, clock, (error) => assert.fail(String(error)));
  metrics = new ApiMetrics();
  lines = [];
  const log: ApiLog = {
    level: LagerLevel.error,
    debug: () => {},
    info: () => {},
    error: (action, _, data) => lines.push(`${action} ${JSON.stringify(data)}`),
    part: () => log,
  };
  const api: Api = {
    store,
    feed,
    clock,
    metrics,
    authenticate: async () => everything,
    uuid: randomUUID,
    locks: new MaintenanceLocks(),
    limits: { maxBytes: 1000, timeoutMs: 1000 },
    maxTtl: 120,
    reservedPorts: [],
    localOnly: false,
    version: "",
  };
  app = apiApp(api, log);
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What all platforms' readers have. */
interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** A stream as a client reads it. */
class Reading {
  readonly #reader: BodyReader;
  readonly #decoder = new TextDecoder();
  text = "";
  done = false;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader() as BodyReader;
  }

  static async open(query = "", lastEventId?: number): Promise<Reading> {
    const headers: Record<string, string> = {};
    if (lastEventId !== undefined) headers["Last-Event-ID"] = String(lastEventId);
    const response = await app.request(`http://x/routing/v1/events${query}`, { headers });
    assert.equal(response.status, 200);
    return new Reading(response.body!);
  }

  /** Reads until the text has what is looked for, or has ended. */
  async until(found: (text: string) => boolean): Promise<string> {
    while (!this.done && !found(this.text)) {
      const { done, value } = await this.#reader.read();
      this.done = done;
      this.text += this.#decoder.decode(value);
    }
    return this.text;
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  /** `NAME ROUTE` of each event. */
  get events(): string[] {
    return [...this.text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, name, data]) =>
      `${name} ${(JSON.parse(data!) as { route?: string }).route ?? ""}`.trim(),
    );
  }

  get lastId(): number {
    return Number([...this.text.matchAll(/^id: (\d+)$/gm)].at(-1)![1]);
  }
}

const write = async (...names: string[]): Promise<void> => {
  const routes = names.map((route) => ({ route, ip: "10.0.0.1", port: 80 }));
  await store.save(httpLeases(routes, 120));
  feed.wake();
};

/**
 * A stream that nobody reads yet, some turns of the event loop later, and how often its store was asked by that method so
 * far.
 */
async function openCounted(method: "events" | "page", start: StreamStart) {
  let asked = 0;
  const counted = new Proxy(store, {
    get(target, name) {
      if (name === method) asked++;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  feed = new EventFeed(counted, clock, (error) => assert.fail(String(error)));
  const filter = { kind: "http", reservations: false } as const;
  const body = await openEventStream({ store: counted, feed, clock }, start, filter, {
    ended: () => {},
    cut: () => assert.fail("a reader that catches up is not cut"),
  });
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  return { body, asked: () => asked };
}

describe("event streams of the Routing API", () => {
  it("goes on behind Last-Event-ID, nothing twice and nothing left out", async () => {
    const first = await Reading.open();
    await write("a.test", "b.test");
    await first.until((text) => text.includes("b.test"));
    await first.cancel();
    await write("c.test", "d.test");
    const second = await Reading.open("", first.lastId);
    await write("e.test");
    await second.until((text) => text.includes("e.test"));
    assert.deepEqual(second.events, ["Upsert c.test", "Upsert d.test", "Upsert e.test"]);
    await second.cancel();
    assert.equal(metrics.httpSubscriptions, 0);
  });

  it("begins with a snapshot when what came behind Last-Event-ID is forgotten", async () => {
    const { last } = await store.position();
    await write("forgotten.test");
    await store.forgetEvents(-1000);
    const routes = (await store.list({ kind: "http", reservations: false })).map(
      (json) => (JSON.parse(json) as { route: string }).route,
    );
    assert.ok(routes.includes("forgotten.test"));
    for (const lost of [last, 0, 999_999_999]) {
      const stream = await Reading.open("", lost);
      await stream.until((text) => text.includes("event: Synced"));
      assert.deepEqual(stream.events, ["Reset", ...routes.map((route) => `Upsert ${route}`), "Synced"]);
      // The snapshot's position is one to come back to.
      const position = stream.lastId;
      await stream.cancel();
      const resumed = await Reading.open("", position);
      await write(`after-${lost}.test`);
      await resumed.until((text) => text.includes("after-"));
      assert.deepEqual(resumed.events, [`Upsert after-${lost}.test`]);
      await resumed.cancel();
      routes.push(`after-${lost}.test`);
    }
  });

  it("tells a quiet reader every 15 s that it lives, and ends no event by it", async () => {
    const stream = await Reading.open();
    clock.turn(14_999);
    clock.turn(1);
    assert.equal(await stream.until((text) => text !== ""), ":\n");
    clock.turn(15_000);
    assert.equal(await stream.until((text) => text.length > 2), ":\n:\n");
    await write("x.test");
    await stream.until((text) => text.includes("x.test"));
    assert.match(stream.text, /^:\n:\nid: \d+\nevent: Upsert\ndata: \{.*\}\n\n$/);
    await stream.cancel();
    assert.equal(clock.running, 1, "the poll of the feed");
  });

  it("cuts a reader that does not read, keeps no more than 1024 events for it, and says so", async () => {
    const slow = await Reading.open();
    const good = await Reading.open();
    const { last } = await store.position();
    const count = 2500;
    for (let at = 0; at < count; at += 500) {
      await write(...Array.from({ length: 500 }, (_, index) => `${at + index}.slow.test`));
      // It reads what there is, so that it is never behind.
      await good.until((text) => text.includes(`"${at + 499}.slow.test"`));
    }
    assert.deepEqual(lines, ['slow-reader-cut {"waitingEvents":1024}']);
    assert.equal(metrics.slowReaders, 1);
    // What waited still comes, in order, and then a clean end.
    await slow.until(() => false);
    assert.ok(slow.events.length >= 1024 && slow.events.length < count, String(slow.events.length));
    assert.deepEqual(slow.events, good.events.slice(0, slow.events.length));
    // It comes back for the rest.
    const again = await Reading.open("", slow.lastId);
    await again.until((text) => text.includes(`"${count - 1}.slow.test"`));
    assert.deepEqual([...slow.events, ...again.events], good.events);
    assert.ok(slow.lastId > last);
    await again.cancel();
    await good.cancel();
  });

  it("gives what was missed at the pace of the reader", async () => {
    const { last } = await store.position();
    for (let at = 0; at < 4000; at += 500)
      await write(...Array.from({ length: 500 }, (_, index) => `${at + index}.missed.test`));
    const { body, asked } = await openCounted("events", { position: last, snapshot: false });
    assert.ok(asked() <= 4, `asked for ${asked()} batches before anybody read`);
    const stream = new Reading(body);
    await stream.until((text) => text.includes('"3999.missed.test"'));
    assert.equal(stream.events.length, 4000);
    await stream.cancel();
  });

  it("shows a snapshot at the pace of the reader, and what changes meanwhile behind it", async () => {
    await write(...Array.from({ length: 4000 }, (_, index) => `${index}.shown.test`));
    const { last: position } = await store.position();
    const there = (await store.list({ kind: "http", reservations: false })).length;
    const { body, asked } = await openCounted("page", { position, snapshot: true });
    assert.ok(asked() <= 4, `asked for ${asked()} pages before anybody read`);
    // Neither is in a page that was read: the one is left out, the other gone.
    await write("meanwhile.test");
    await store.remove(httpLeases([{ route: "3999.shown.test", ip: "10.0.0.1", port: 80 }], undefined));
    const stream = new Reading(body);
    await stream.until((text) => text.includes("event: Synced"));
    assert.match(stream.text, /^event: Reset\ndata: \{\}\n\nevent: Upsert\ndata: /);
    assert.equal(stream.events.length, there - 1 + 2);
    assert.ok(!stream.events.includes("Upsert meanwhile.test"));
    // Only its end has an id: who is cut before is shown everything again.
    assert.deepEqual(stream.text.match(/^id: .*$/gm)!.slice(0, 1), [`id: ${position}`]);
    await stream.until((text) => text.includes("event: Delete"));
    assert.deepEqual(stream.events.slice(-3), ["Synced", "Upsert meanwhile.test", "Delete 3999.shown.test"]);
    await stream.cancel();
  });

  it("ends a reader whose next events were forgotten while it caught up", async () => {
    const { last } = await store.position();
    for (let at = 0; at < 2500; at += 500)
      await write(...Array.from({ length: 500 }, (_, index) => `${at + index}.lapsed.test`));
    const { body } = await openCounted("events", { position: last, snapshot: false });
    await store.forgetEvents(-1000);
    const stream = new Reading(body);
    await stream.until(() => false);
    assert.ok(stream.events.length >= 1000 && stream.events.length < 2500, String(stream.events.length));
    // With the last that it saw it is shown everything.
    const again = await Reading.open("", stream.lastId);
    await again.until((text) => text.includes("event: Synced"));
    assert.ok(again.events.includes("Upsert 2499.lapsed.test"));
    await again.cancel();
  });

  it("ends streams when the feed closes", async () => {
    const stream = await Reading.open();
    feed.close();
    assert.equal(await stream.until(() => false), "");
    const late = await Reading.open();
    assert.equal(await late.until(() => false), "");
    assert.equal(metrics.httpSubscriptions, 0);
  });
});
