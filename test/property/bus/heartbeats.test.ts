import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Bus, BusMessage } from "../../../src/bus/bus.ts";
import { startSubscriber } from "../../../src/bus/subscriber.ts";
import { Level } from "../../../src/core/observe/log.ts";
import { table } from "../../unit/core/routing/recording.ts";

// Two tables hear the same. One remembers heartbeats, the other logs at level debug and so decodes every message: it is
// the naive model. Nothing that can be seen of a table may ever differ.

const uris = ["a.com", "b.com", "A.com/", "a.com/x"];
/** Few enough that most come again; they clash in address, uri, application, route service, tags and options. */
const messages = fc.record(
  {
    host: fc.constantFrom("h1", "h2"),
    uris: fc.subarray(uris, { maxLength: 2 }),
    app: fc.constantFrom("app", "app-2"),
    tls_port: fc.constantFrom(0, 443),
    stale_threshold_in_seconds: fc.constantFrom(0, 5, 200),
    route_service_url: fc.constantFrom("", "https://rs"),
    availability_zone: fc.constantFrom("z1", "z2"),
    isolation_segment: fc.constantFrom("", "", "", "out"),
    tags: fc.constantFrom({}, { component: "one" }),
    options: fc.constantFrom({ loadbalancing: "least-connection" }, { loadbalancing: "round-robin" }, {}),
  },
  { requiredKeys: ["host", "uris"] },
);
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant("register" as const), index: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unregister" as const), index: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("prune" as const), after: fc.constantFrom(1, 3000, 6000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), uri: fc.constantFrom(...uris) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refresh" as const) }) },
);

async function side(level: Level) {
  const settings = { routing_table_sharding_mode: "shared-and-segments", isolation_segments: ["in"] } as const;
  const { registry, clock, log, observer } = table(settings);
  log.level = level;
  let deliver: (message: BusMessage) => void = () => {};
  const bus = {
    publish() {},
    subscribe(to: string, handler: (message: BusMessage) => void) {
      if (to === "router.*") deliver = handler;
      return { unsubscribe() {} };
    },
    onReconnect() {},
  };
  const random = (length: number) => new Uint8Array(length).fill(9);
  const runtime = { clock, localIp: async () => "10.0.0.9", uuid: () => "0", randomBytes: random };
  const options = { index: 0, startResponseDelayMs: 0, staleThresholdMs: 120_000, http2: false };
  await startSubscriber(bus as unknown as Bus, runtime, log, registry, options);
  const contents = () => ({
    counted: observer.take(),
    lastUpdate: registry.lastUpdate,
    pools: registry.routes().map(([key, pool]) => ({
      key,
      service: pool.routeServiceUrl,
      algorithm: pool.algorithm,
      lastChange: pool.lastChange,
      members: pool.members.map(({ endpoint, updatedAt, failedAt }) => ({
        updatedAt,
        failedAt,
        address: endpoint.address,
        tls: endpoint.tls,
        app: endpoint.applicationId,
        ttl: endpoint.staleThresholdSeconds,
        zone: endpoint.availabilityZone,
        service: endpoint.routeServiceUrl,
        balancing: endpoint.loadBalancing,
        tags: [...(endpoint.tags ?? [])],
        routes: endpoint.routes,
      })),
    })),
  });
  const take = (subject: string, message: object) => {
    deliver({ subject, payload: new TextEncoder().encode(JSON.stringify(message)), reply: "" });
    clock.advance(1);
  };
  return { registry, clock, take, contents };
}

describe("remembered heartbeats (control-plane §3.5)", () => {
  it("have the effect of messages that are decoded, whatever happens between them", async () => {
    const all = fc.array(messages, { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(all, fc.array(step, { minLength: 30, maxLength: 60 }), async (known, steps) => {
        const sides = [await side(Level.error), await side(Level.debug)];
        for (const each of steps) {
          for (const { registry, clock, take } of sides) {
            if (each.do === "register" || each.do === "unregister") take(`router.${each.do}`, known[each.index]!);
            else if (each.do === "prune") {
              clock.advance(each.after);
              registry.prune(clock.monotonic());
            } else if (each.do === "refresh") registry.refreshAll(clock.monotonic());
            else {
              const pool = registry.lookup(each.uri.toLowerCase(), "");
              const first = pool?.members[0];
              if (pool !== undefined && first !== undefined) registry.endpointFailed(pool, first.endpoint, "dial");
            }
          }
          assert.deepEqual(sides[0]!.contents(), sides[1]!.contents());
        }
      }),
      { seed: 5, numRuns: 150 },
    );
  });
});
