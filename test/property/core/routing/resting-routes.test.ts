import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Level } from "../../../../src/core/observe/log.ts";
import { Endpoint } from "../../../../src/core/routing/endpoint.ts";
import { PackedEndpoint } from "../../../../src/core/routing/packed-endpoint.ts";
import type { Pool } from "../../../../src/core/routing/pool.ts";
import { table } from "../../../unit/core/routing/recording.ts";

// Two tables hear the same, and one of them may let routes rest: the other is the naive model. Nothing that can be seen of
// a table, its log lines and its counts may ever differ.

const plain = Array.from({ length: 12 }, (_, number) => `r${number}.com`);
const uri = fc.oneof(
  fc.constantFrom(...plain),
  fc.constantFrom("a.com", "A.com/", "c.com?x", "d\u00e9.com", "\u65e5.com", "a.com/x", "*.a.com", ""),
);
const fields = fc.record(
  {
    host: fc.constantFrom("h1", "h2"),
    applicationId: fc.constantFrom("app", "app", "app-2", "\u00e9t\u00e9", "\u65e5"),
    privateInstanceId: fc.constantFrom("", "i1", "i2"),
    tls: fc.boolean(),
    staleThresholdSeconds: fc.constantFrom(-1, 0, 5, 0.5, 200),
    tags: fc.constantFrom(null, new Map(), new Map([["component", "one"]]), new Map([["x", "y".repeat(5000)]])),
    updatedAtNs: fc.constantFrom(0n, 5n),
    routeServiceUrl: fc.constantFrom("", "https://rs"),
    loadBalancing: fc.constantFrom("", "", "", "", "least-connection", "nonsense"),
    modificationTag: fc.constantFrom(...Array(5).fill({ guid: "", index: 0 }), { guid: "g", index: 1 }),
  },
  { requiredKeys: ["host"] },
);
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant("register" as const), uri, fields, atRest: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("again" as const), place: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("unregister" as const), uri, fields }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("prune" as const), after: fc.constantFrom(1, 3000, 6000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lookup" as const), uri }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), uri }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reserve" as const), uri }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refreshAll" as const) }) },
);

/** The same as bytes; undefined: it has none that would do. */
function packed(endpoint: Endpoint): PackedEndpoint | undefined {
  const { packed, kind, staleThresholdSeconds } = endpoint.resting;
  const packedEndpoint = new PackedEndpoint();
  const { bytes } = packedEndpoint;
  const codes = Array.from(packed, (character) => character.charCodeAt(0));
  if (endpoint.modificationTag.guid !== "" || codes.length > bytes.length || codes.some((code) => code > 255)) return;
  bytes.set(codes);
  const { updatedAtMs } = endpoint;
  return Object.assign(packedEndpoint, { length: codes.length, kind, staleThresholdSeconds, updatedAtMs });
}

function shown(pool: Pool | undefined): unknown {
  if (pool === undefined) return undefined;
  return {
    key: pool.key,
    name: pool.name,
    algorithm: pool.algorithm,
    service: pool.routeServiceUrl,
    lastChange: pool.lastChange,
    reservation: pool.reservation,
    members: pool.members.map(({ endpoint, updatedAt, failedAt, pool: own }) => ({
      updatedAt,
      failedAt,
      own: own === pool,
      address: endpoint.address,
      app: endpoint.applicationId,
      instance: endpoint.privateInstanceId,
      tls: endpoint.tls,
      stale: endpoint.staleThresholdSeconds,
      tags: endpoint.tags === null ? null : [...endpoint.tags],
      component: endpoint.component,
      service: endpoint.routeServiceUrl,
      since: endpoint.updatedAtNs,
      tag: endpoint.modificationTag,
      routes: endpoint.routes,
    })),
  };
}

describe("routes that rest", () => {
  it("are what routes are that do not", () => {
    let [rested, atOnce] = [0, 0];
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 20, maxLength: 80 }),
        fc.boolean(),
        fc.boolean(),
        (steps, kept, quiet) => {
          const settings = { empty_pool_response_code_503: kept, empty_pool_timeout: 5000 };
          const [model, tried] = [table(settings), table(settings)];
          if (quiet) for (const { log } of [model, tried]) log.level = Level.error;
          const places: (() => void)[] = [];
          for (const each of steps) {
            if (each.do === "register") {
              model.registry.register(each.uri, new Endpoint({ port: 80, ...each.fields }));
              const endpoint = new Endpoint({ port: 80, ...each.fields });
              const bytes = each.atRest ? packed(endpoint) : undefined;
              const id = bytes === undefined ? 0 : tried.registry.registerAtRest(each.uri, bytes);
              const place = id === 0 ? tried.registry.registerAlone(each.uri, endpoint) : id;
              if (id !== 0) atOnce++;
              else if (typeof place === "number") rested++;
              if (place !== undefined) {
                const known = tried.registry.versionOf(place);
                const other = model.registry.placeOf(each.uri, new Endpoint({ port: 80, ...each.fields }))!;
                const otherKnown = model.registry.versionOf(other);
                places.push(() => {
                  if (tried.registry.versionOf(place) !== known) return;
                  // What is the same here must be the same there: resting only makes it forgotten earlier.
                  assert.equal(model.registry.versionOf(other), otherKnown);
                  tried.registry.refresh(place);
                  model.registry.refresh(other);
                });
              }
            } else if (each.do === "again") places[each.place]?.();
            else {
              for (const { registry, clock } of [model, tried]) {
                if (each.do === "unregister") registry.unregister(each.uri, new Endpoint({ port: 80, ...each.fields }));
                else if (each.do === "prune") {
                  clock.advance(each.after);
                  registry.prune(clock.monotonic());
                } else if (each.do === "lookup") registry.lookup(each.uri, "/");
                else if (each.do === "refreshAll") registry.refreshAll(clock.monotonic());
                else if (each.do === "reserve") {
                  const reservation = { routeServiceUrl: "", withoutEndpoints: false, lifeSeconds: 3 };
                  registry.reserve(each.uri, { ...reservation, isolationSegment: "" });
                } else {
                  const pool = registry.lookup(each.uri, "/");
                  if (pool !== undefined && pool.size > 0) {
                    registry.endpointFailed(pool, pool.members[0]!.endpoint, "dial");
                  }
                }
              }
            }
            for (const { clock } of [model, tried]) clock.advance(1);
            assert.deepEqual(tried.log.take(), model.log.take());
            const events = tried.observer.take().filter((event) => !event.startsWith("looked"));
            assert.deepEqual(
              events,
              model.observer.take().filter((event) => !event.startsWith("looked")),
            );
            assert.deepEqual(
              tried.registry.routes().map(([, pool]) => shown(pool)),
              model.registry.routes().map(([, pool]) => shown(pool)),
            );
            assert.equal(tried.registry.totalRoutes, model.registry.totalRoutes);
            assert.equal(tried.registry.endpointCount, model.registry.endpointCount);
            assert.equal(tried.registry.lastUpdate, model.registry.lastUpdate);
          }
          for (const host of ["a.com", "A.com", "x.a.com", "b.com", "c.com", "d\u00c3\u00a9.com", "nobody"]) {
            assert.deepEqual(shown(tried.registry.lookup(host, "/x")), shown(model.registry.lookup(host, "/x")));
          }
          assert.deepEqual(
            tried.forgotten.map(({ address }) => address),
            model.forgotten.map(({ address }) => address),
          );
        },
      ),
      { seed: 11, numRuns: 300 },
    );
    assert.ok(rested > 500, `${rested} rested`);
    assert.ok(atOnce > 100, `${atOnce} rested at once`);
  });

  it("come once each in a walk while others come, go and wake, and all of them go when they are stale", () => {
    const { registry, clock, log } = table();
    log.level = 4;
    const alone = (host: string, stale: number) =>
      registry.registerAlone(host, new Endpoint({ host: "h", port: 80, staleThresholdSeconds: stale }));
    for (let i = 0; i < 20_000; i++) assert.equal(typeof alone(`a${i}.com`, i % 2 === 0 ? 5 : 100), "number");
    clock.advance(10_000);
    let step = 0;
    for (const _ of registry.pruneInSlices(clock.monotonic(), 16)) {
      alone(`new${step}.com`, 100);
      registry.lookup(`a${(step * 7919) % 20_000}.com`, "/");
      step++;
    }
    registry.prune(clock.monotonic());
    assert.equal(registry.totalRoutes, 10_000 + step);
    for (let i = 0; i < 20_000; i++) assert.equal(registry.lookup(`a${i}.com`, "/")?.size, i % 2 === 0 ? undefined : 1);
    clock.advance(200_000);
    registry.prune(clock.monotonic());
    assert.equal(registry.totalRoutes, 0);
  });
});
