import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { endpoint, table } from "./recording.ts";

const fields = { routeServiceUrl: "", withoutEndpoints: false, lifeSeconds: 0, isolationSegment: "" };

describe("reserved routes", () => {
  it("are known without endpoints until they are unreserved", () => {
    const { registry } = table();
    registry.reserve("A.com/X/", { ...fields, routeServiceUrl: "https://s", withoutEndpoints: true });
    const pool = registry.lookup("a.com", "/x/y");
    assert.deepEqual([pool?.key, pool?.size, pool?.routeServiceUrl], ["a.com/x", 0, "https://s"]);
    assert.equal(pool?.reservation?.withoutEndpoints, true);
    registry.unreserve("a.com/x", fields);
    assert.equal(registry.lookup("a.com", "/x/y"), undefined);
    registry.unreserve("a.com/x", fields);
  });

  it("hide a shorter route that has endpoints", () => {
    const { registry } = table();
    registry.register("a.com", endpoint(1));
    registry.reserve("a.com/x", fields);
    assert.equal(registry.lookup("a.com", "/x")?.key, "a.com/x");
    assert.equal(registry.lookup("a.com", "/y")?.key, "a.com");
  });

  it("outlive their endpoints, whose route service counts while they last", () => {
    const { registry } = table();
    registry.reserve("a.com", { ...fields, routeServiceUrl: "https://reserved" });
    registry.register("a.com", endpoint(1, { routeServiceUrl: "https://registered" }));
    const pool = registry.lookup("a.com", "");
    assert.equal(pool?.routeServiceUrl, "https://registered");
    registry.reserve("a.com", { ...fields, routeServiceUrl: "https://renewed" });
    assert.equal(pool?.routeServiceUrl, "https://registered");
    registry.unregister("a.com", endpoint(1));
    assert.deepEqual([registry.lookup("a.com", ""), pool?.size, pool?.routeServiceUrl], [pool, 0, "https://renewed"]);
    registry.register("a.com", endpoint(1));
    registry.unreserve("a.com", fields);
    assert.equal(registry.lookup("a.com", "")?.size, 1);
    registry.unregister("a.com", endpoint(1));
    assert.equal(registry.lookup("a.com", ""), undefined);
  });

  it("end when they are not renewed: after their own life, or that of a registration", () => {
    const { registry, clock } = table({ droplet_stale_threshold: 120_000 });
    registry.reserve("own.com", { ...fields, lifeSeconds: 1000 });
    registry.reserve("default.com", fields);
    const known = (): string[] => registry.routes().map(([key]) => key);
    const start = clock.monotonic();
    registry.prune(start + 120_000);
    assert.deepEqual(known(), ["default.com", "own.com"]);
    registry.prune(start + 120_001);
    assert.deepEqual(known(), ["own.com"]);
    registry.prune(start + 1_000_001);
    assert.deepEqual(known(), []);
  });

  it("last on while pruning is suspended", () => {
    const { registry, clock } = table({ droplet_stale_threshold: 120_000 });
    registry.reserve("a.com", fields);
    const later = clock.monotonic() + 500_000;
    registry.refreshAll(later);
    registry.prune(later + 120_000);
    assert.equal(registry.totalRoutes, 1);
  });

  it("are kept when a child goes, and obey the shard", () => {
    const { registry, clock } = table({ routing_table_sharding_mode: "segments", isolation_segments: ["s"] });
    registry.reserve("a.com", { ...fields, isolationSegment: "other" });
    assert.equal(registry.totalRoutes, 0);
    registry.reserve("a.com", { ...fields, isolationSegment: "s" });
    registry.register("a.com/x", endpoint(1, { isolationSegment: "s", staleThresholdSeconds: 1 }));
    registry.prune(clock.monotonic() + 2000);
    assert.deepEqual(
      registry.routes().map(([key]) => key),
      ["a.com"],
    );
    registry.unreserve("a.com", { isolationSegment: "other" });
    assert.equal(registry.totalRoutes, 1);
  });
});
