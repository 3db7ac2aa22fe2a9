import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Clock } from "../../../../src/core/clock.ts";
import type { FailureKind } from "../../../../src/core/forwarding/failure.ts";
import { Level, type Logger } from "../../../../src/core/observe/log.ts";
import { Endpoint, type SharedCount } from "../../../../src/core/routing/endpoint.ts";
import type { Pool } from "../../../../src/core/routing/pool.ts";
import { Registry } from "../../../../src/core/routing/registry.ts";
import type { RegistrySettings } from "../../../../src/core/routing/registry-parts.ts";
import { TableFeed } from "../../../../src/core/routing/table-feed.ts";
import { TableNumbers } from "../../../../src/core/routing/table-numbers.ts";
import type { TableOperation } from "../../../../src/core/routing/table-operations.ts";
import { type FailureNews, TableReplica } from "../../../../src/core/routing/table-replica.ts";
import { TableTexts } from "../../../../src/core/routing/table-texts.ts";
import { defaults } from "../../../unit/core/routing/recording.ts";

const runs = process.env["CAUSEWAY_ALL"] ? 1000 : 150;

const none = (): void => {};
const log: Logger = { level: Level.silent, debug: none, info: none, warn: none, error: none, source: () => log };

/** A supervisor's table with the copies of two workers, which hear of it when `tell` is called. */
class Copies {
  readonly settings: RegistrySettings;
  readonly clock: Clock = { now: () => this.ms, monotonic: () => this.ms, after: () => ({ cancel: none }) };
  ms = 1000;
  readonly numbers = new TableNumbers();
  readonly registry: Registry;
  readonly texts: TableTexts;
  readonly feeds: TableFeed[];
  readonly replicas: TableReplica[];
  readonly forgotten: Endpoint[][] = [[], []];
  /** Registrations that led to a route that rests. */
  rested = 0;
  countOf: (id: number) => SharedCount | undefined = () => undefined;
  #news: FailureNews[][] = [[], []];

  constructor(settings: Partial<RegistrySettings>) {
    this.settings = { ...defaults, ...settings };
    const feeds = (): TableFeed[] => this.feeds;
    this.registry = new Registry({
      settings: this.settings,
      clock: this.clock,
      random: () => 0,
      log,
      forget: (endpoint) => {
        const id = this.numbers.forget(endpoint, feeds());
        if (id !== undefined) for (const feed of feeds()) feed.forget(id);
      },
      changes: {
        changed: (key) => {
          this.texts.changed(key);
          if (this.numbers.hasRoute(key) && this.registry.peekAt(key) === undefined) this.numbers.forgetRoute(key);
          for (const feed of feeds()) feed.changed(key);
        },
      },
    });
    this.texts = new TableTexts(this.registry, this.numbers, this.clock);
    this.feeds = [0, 1].map(() => new TableFeed(this.texts));
    this.replicas = [0, 1].map((place) => this.replica(place));
  }

  replica(place: number): TableReplica {
    return new TableReplica({
      settings: this.settings,
      clock: this.clock,
      random: () => 0,
      log,
      reports: {
        failed: (key, address, kind) => {
          this.registry.endpointFailedElsewhere(key, address, kind);
          this.texts.changed(key);
        },
        marksErased: none,
      },
      siblings: {
        countOf: (id) => this.countOf(id),
        turnOf: () => undefined,
        tell: (news) => void this.#news[1 - place]!.push(news),
        hear: (take) => {
          for (const news of this.#news[place]!.splice(0)) take(news);
        },
      },
      forget: (endpoint) => this.forgotten[place]!.push(endpoint),
    });
  }

  /** Tells a worker everything, in messages of so many characters. */
  tell(place: number, characters: number): void {
    const feed = this.feeds[place]!;
    const replica = this.replicas[place]!;
    for (let text = feed.take(characters); text !== undefined; text = feed.take(characters)) {
      replica.apply(JSON.parse(text) as TableOperation[]);
    }
    for (const id of replica.takeReleased()) this.numbers.released(id, feed);
  }
}

/** What requests can see of a pool. */
function seen(pool: Pool | undefined): unknown {
  if (pool === undefined) return undefined;
  const { key, host, contextPath, algorithm, hash, routeServiceUrl, reservation, members } = pool;
  return {
    key,
    host,
    contextPath,
    algorithm,
    hash: hash && [hash.header, hash.balance],
    routeServiceUrl,
    reservation: reservation && [reservation.routeServiceUrl, reservation.withoutEndpoints],
    members: members.map(({ endpoint, failedAt }) => ({
      address: endpoint.address,
      host: endpoint.host,
      port: endpoint.port,
      tls: endpoint.tls,
      san: endpoint.serverCertDomainSan,
      app: endpoint.applicationId,
      instance: endpoint.privateInstanceId,
      index: endpoint.privateInstanceIndex,
      tags: endpoint.tags === null ? null : [...endpoint.tags],
      segment: endpoint.isolationSegment,
      zone: endpoint.availabilityZone,
      service: endpoint.routeServiceUrl,
      protocol: endpoint.protocol,
      proxy: endpoint.proxyProtocol,
      failedAt,
    })),
  };
}

const uris = ["a.test", "a.test/one", "a.test/one/two", "*.test", "B.test/", "c.test/Path"];
const plain = ["a.test", "c.test", "d.test", "E.test", "f.test", "g.test"];
const text = fc.constantFrom("", "x", 'ü"\\', "\ud800");
const fields = fc.record({
  tls: fc.boolean(),
  serverCertDomainSan: text,
  applicationId: text,
  privateInstanceId: fc.constantFrom("", "i-1", "i-2"),
  privateInstanceIndex: fc.constantFrom("", "0", "1"),
  tags: fc.constantFrom(null, new Map<string, string>(), new Map([["component", "api"]]), new Map([["ü", "\n"]])),
  staleThresholdSeconds: fc.constantFrom(0, 1, 60),
  availabilityZone: text,
  routeServiceUrl: fc.constantFrom("", "https://service.test"),
  protocol: fc.constantFrom("http1", "http2"),
  loadBalancing: fc.constantFrom("", "least-connection", "hash", "round-robin", "none such"),
  hashHeader: fc.constantFrom("", "X-Key"),
  hashBalance: fc.constantFrom(0, 1.5),
  proxyProtocol: fc.constantFrom(undefined, "v1" as const, "v2" as const),
});
const oneUri = fc.constantFrom(...plain).map((uri) => [uri]);
const plainFields = fc.record({ applicationId: text, tls: fc.boolean(), loadBalancing: fc.constant("") });
const kinds: FailureKind[] = ["dial", "reset", "eof"];
const act = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("register"), fc.subarray(uris, { minLength: 1 }), fc.nat(3), fields) },
  { weight: 8, arbitrary: fc.tuple(fc.constant("register"), oneUri, fc.nat(3), plainFields) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("unregister"), fc.constantFrom(...uris, ...plain), fc.nat(3)) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant("fail"), fc.constantFrom(...uris, ...plain), fc.nat(3), fc.constantFrom(...kinds)),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("prune"), fc.constantFrom(1, 2000, 130_000)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("reserve"), fc.constantFrom(...uris), fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("unreserve"), fc.constantFrom(...uris)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("tell"), fc.nat(1)) },
);

type Act = typeof act extends fc.Arbitrary<infer Value> ? Value : never;

const endpointAt = (n: number, given: object = {}): Endpoint =>
  new Endpoint({ host: `10.0.0.${n}`, port: 80, ...given });

function perform(copies: Copies, [name, ...values]: Act): void {
  const { registry } = copies;
  copies.ms += 1;
  switch (name) {
    case "register": {
      const [names, n, given] = values as [string[], number, object];
      const endpoint = endpointAt(n, given);
      if (names.length > 1) for (const uri of names) registry.register(uri, endpoint);
      else if (typeof registry.registerAlone(names[0]!, endpoint) === "number") copies.rested++;
      break;
    }
    case "unregister":
      registry.unregister(values[0] as string, endpointAt(values[1] as number));
      break;
    case "fail": {
      // A request of the first worker, by the table that it has.
      const [uri, n, kind] = values as [string, number, FailureKind];
      const [host = "", path = ""] = uri.split("/", 1).concat(uri.slice(uri.indexOf("/") >>> 0));
      const pool = copies.replicas[0]!.lookup(host, path);
      const member = pool?.find(`10.0.0.${n}:80`);
      if (pool !== undefined && member !== undefined) copies.replicas[0]!.endpointFailed(pool, member.endpoint, kind);
      break;
    }
    case "prune":
      copies.ms += values[0] as number;
      registry.prune(copies.ms);
      break;
    case "reserve": {
      const routeServiceUrl = values[1] === true ? "https://reserved.test" : "";
      registry.reserve(values[0] as string, {
        routeServiceUrl,
        withoutEndpoints: values[1] as boolean,
        lifeSeconds: 60,
        isolationSegment: "",
      });
      break;
    }
    case "unreserve":
      registry.unreserve(values[0] as string, { isolationSegment: "" });
      break;
    case "tell":
      copies.tell(values[0] as number, 200);
      break;
  }
}

describe("a worker's copy of the table (architecture §6)", () => {
  for (const kept of [false, true]) {
    it(`is the supervisor's table once it has heard everything${kept ? ", pools kept when they are empty" : ""}`, () => {
      let rested = 0;
      fc.assert(
        fc.property(fc.array(act, { maxLength: 60, size: "max" }), (acts) => {
          const copies = new Copies({ empty_pool_response_code_503: kept, empty_pool_timeout: kept ? 1500 : 0 });
          for (const each of acts) perform(copies, each);
          rested += copies.rested;
          for (const place of [0, 1]) {
            copies.tell(place, 200);
            // What other workers found out is heard with the next selection.
            copies.registry.routes().at(0)?.[1].settings.catchUp?.();
            const replica = copies.replicas[place]!;
            const all = copies.registry.routes();
            assert.ok(copies.feeds[place]!.empty);
            for (const [key, pool] of all) {
              const at = key.indexOf("/");
              const found = at < 0 ? replica.lookup(key, "") : replica.lookup(key.slice(0, at), key.slice(at));
              const wanted =
                at < 0 ? copies.registry.lookup(key, "") : copies.registry.lookup(key.slice(0, at), key.slice(at));
              assert.deepEqual(withoutMarks(seen(found)), withoutMarks(seen(wanted)), `${place} ${key} ${pool.size}`);
              // What left and came back between two tellings keeps the mark that it had: nobody told of its leaving.
              if (place === 0)
                for (const { failedAt, endpoint } of wanted!.members)
                  if (failedAt >= 0) assert.equal(found!.find(endpoint.address)!.failedAt, failedAt);
            }
            assert.equal(replica.lookup("unknown.example", "/"), undefined);
          }
          // A worker that starts now is told the same, marks included.
          const late = new TableFeed(copies.texts);
          copies.feeds[1] = late;
          const fresh = copies.replica(1);
          for (let text = late.take(1e6); text !== undefined; text = late.take(1e6)) fresh.apply(JSON.parse(text));
          for (const [key] of copies.registry.routes()) {
            const at = key.indexOf("/");
            const [host, path] = at < 0 ? [key, ""] : [key.slice(0, at), key.slice(at)];
            assert.deepEqual(seen(fresh.lookup(host, path)), seen(copies.registry.lookup(host, path)));
          }
        }),
        { numRuns: runs },
      );
      assert.ok(rested > 2 * runs, `${rested} rested`);
    });
  }

  it("forgets endpoints that left, and says so once no request is under way to them", () => {
    const copies = new Copies({});
    const endpoint = endpointAt(1);
    copies.registry.register("a.test", endpoint);
    copies.tell(0, 1000);
    const replica = copies.replicas[0]!;
    const copy = replica.lookup("a.test", "/")!.find("10.0.0.1:80")!.endpoint;
    copy.inFlight = 1;
    copies.registry.unregister("a.test", endpoint);
    copies.tell(0, 1000);
    assert.deepEqual(copies.forgotten[0], [copy]);
    assert.deepEqual(replica.takeReleased(), []);
    // Its number is not given to another yet.
    const second = endpointAt(2);
    assert.notEqual(copies.numbers.of(second), 0);
    copy.inFlight = 0;
    assert.deepEqual(replica.takeReleased(), [0]);
  });

  it("a route that rests with the supervisor rests with the workers, and counts by its number from its first request on", () => {
    const copies = new Copies({ backends: { max_conns: 5 } });
    const counted: number[] = [];
    copies.countOf = (id) => {
      counted.push(id);
      return { publish: none, others: () => 0, lately: 0, patience: 0 };
    };
    assert.equal(typeof copies.registry.registerAlone("a.test", endpointAt(1)), "number");
    assert.equal(typeof copies.registry.registerAlone("b.test", endpointAt(2)), "number");
    copies.tell(0, 1000);
    const replica = copies.replicas[0]!;
    assert.deepEqual(counted, []);
    const { endpoint } = replica.lookup("b.test", "/")!.at(0)!;
    assert.equal(endpoint.address, "10.0.0.2:80");
    assert.deepEqual(counted, [endpoint.number]);
    // The supervisor wakes it, as a second endpoint comes; the worker goes on with the object that it has.
    copies.registry.registerAlone("b.test", endpointAt(3));
    copies.tell(0, 1000);
    assert.equal(replica.lookup("b.test", "/")!.at(0)!.endpoint, endpoint);
    assert.equal(replica.lookup("b.test", "/")!.size, 2);
    assert.equal(typeof copies.registry.peekAt("a.test"), "number");
  });

  it("hears of an endpoint that takes the place of another in a route that rests, and of the other's end", () => {
    const copies = new Copies({});
    copies.registry.registerAlone("a.test", endpointAt(1));
    copies.tell(0, 1000);
    copies.registry.registerAlone("a.test", endpointAt(1, { applicationId: "next" }));
    assert.equal(typeof copies.registry.peekAt("a.test"), "number");
    copies.tell(0, 1000);
    assert.deepEqual(
      copies.forgotten[0]!.map(({ applicationId }) => applicationId),
      [""],
    );
    // Its number is free, as no request was under way.
    assert.equal(copies.numbers.fresh(), 0);
    assert.equal(copies.replicas[0]!.lookup("a.test", "/")!.at(0)!.endpoint.applicationId, "next");
  });
});

function withoutMarks(pool: unknown): unknown {
  return JSON.parse(JSON.stringify(pool ?? null, (key, value) => (key === "failedAt" ? 0 : value)));
}
