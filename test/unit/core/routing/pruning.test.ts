import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PruneCycle } from "../../../../src/core/routing/pruning.ts";
import { addresses, endpoint, table } from "./recording.ts";

describe("prune (control-plane §3.10)", () => {
  it("removes what is strictly older than its threshold, with one line per pool", () => {
    const { registry, clock, log, observer } = table();
    registry.register("a.com/x", endpoint(1, { staleThresholdSeconds: 10, isolationSegment: "seg" }));
    registry.register("a.com/x", endpoint(2));
    registry.register("a.com/x", endpoint(3, { staleThresholdSeconds: 10 }));
    clock.advance(10_000);
    registry.prune(clock.monotonic());
    assert.equal(addresses(registry, "a.com/x")?.length, 3);
    clock.advance(1);
    log.take();
    observer.take();
    registry.prune(clock.monotonic());
    assert.deepEqual(addresses(registry, "a.com/x"), ["10.0.0.2:80"]);
    assert.deepEqual(log.take(), [
      'info pruned-route {"uri":"a.com/x","endpoints":["10.0.0.1:80","10.0.0.3:80"],"isolation_segment":"seg"}',
    ]);
    assert.deepEqual(observer.take(), ["pruned 2"]);
  });

  it("shows an empty isolation segment as -, and deletes the empty pool without a line of its own", () => {
    const { registry, clock, log } = table();
    registry.register("a.com", endpoint(1));
    clock.advance(120_001);
    log.take();
    registry.prune(clock.monotonic());
    assert.deepEqual(log.take(), [
      'info pruned-route {"uri":"a.com","endpoints":["10.0.0.1:80"],"isolation_segment":"-"}',
    ]);
    assert.equal(registry.totalRoutes, 0);
  });

  it("never removes TLS endpoints", () => {
    const { registry, clock } = table();
    registry.register("a.com", endpoint(1, { tls: true, staleThresholdSeconds: -5 }));
    clock.advance(1e9);
    registry.prune(clock.monotonic());
    assert.deepEqual(addresses(registry, "a.com"), ["10.0.0.1:80"]);
  });

  it("removes a negative threshold at once", () => {
    const { registry, clock } = table();
    registry.register("a.com", endpoint(1, { staleThresholdSeconds: -1 }));
    registry.prune(clock.monotonic());
    assert.equal(registry.totalRoutes, 0);
  });

  it("is kept off by re-registration", () => {
    const { registry, clock } = table();
    for (let i = 0; i < 5; i++) {
      registry.register("a.com", endpoint(1));
      clock.advance(120_000);
      registry.prune(clock.monotonic());
      assert.equal(registry.totalRoutes, 1);
    }
  });

  it("keeps the pool in 503 mode with a timeout, counted from the prune", () => {
    const { registry, clock } = table({ empty_pool_response_code_503: true, empty_pool_timeout: 30_000 });
    registry.register("a.com", endpoint(1));
    clock.advance(120_001);
    registry.prune(clock.monotonic());
    assert.equal(registry.lookup("a.com", "/")?.size, 0);
    clock.advance(30_001);
    registry.prune(clock.monotonic());
    assert.equal(registry.totalRoutes, 0);
  });

  it("may be done in slices, the table changing in between", () => {
    const { registry, clock } = table();
    for (let i = 0; i < 10; i++) registry.register(`a${i}.com`, endpoint(1));
    clock.advance(120_001);
    const slices = registry.pruneInSlices(clock.monotonic(), 3);
    let count = 0;
    while (slices.next().done !== true) {
      count++;
      registry.unregister("a9.com", endpoint(1));
      registry.register(`b${count}.com`, endpoint(1));
    }
    assert.ok(count >= 3);
    assert.deepEqual(
      registry.routes().map(([key]) => key[0]),
      Array.from({ length: count }, () => "b"),
    );
  });
});

/** A prune cycle every 30 s and what it reports. */
function cycle(suspend: boolean) {
  const parts = table();
  const bus = { connected: true };
  const reports: Array<[number, number]> = [];
  const pruning = new PruneCycle({
    settings: { prune_stale_droplets_interval: 30_000, suspend_pruning_if_nats_unavailable: suspend },
    registry: parts.registry,
    clock: parts.clock,
    log: parts.log,
    connected: () => bus.connected,
    report: (total, since) => reports.push([total, since]),
  });
  return { ...parts, bus, reports, pruning };
}

describe("prune cycle (control-plane §3.10, §2.8)", () => {
  it("ticks every interval, with its lines and statistics", () => {
    const { clock, log, reports, pruning, registry } = cycle(false);
    pruning.start();
    clock.advance(30_000);
    assert.deepEqual(log.take(), ["debug start-pruning-routes", "debug finished-pruning-routes"]);
    assert.deepEqual(reports, [[0, -1]]);
    registry.register("a.com", endpoint(1));
    log.take();
    clock.advance(120_000);
    assert.equal(registry.totalRoutes, 1);
    clock.advance(30_000);
    assert.equal(registry.totalRoutes, 0);
    assert.deepEqual(reports.slice(1), [
      [1, 30_000],
      [1, 60_000],
      [1, 90_000],
      [1, 120_000],
      [0, 150_000],
    ]);
  });

  it("works through large tables slice by slice before it finishes", () => {
    const { clock, log, pruning, registry } = cycle(false);
    log.level = 4;
    for (let i = 0; i < 2500; i++) registry.register(`a${i}.com`, endpoint(1));
    pruning.start();
    clock.advance(150_000);
    assert.equal(registry.totalRoutes, 0);
    assert.equal(clock.pending, 1);
  });

  it("does nothing without interval", () => {
    const { clock, log, registry } = table();
    const settings = { prune_stale_droplets_interval: 0, suspend_pruning_if_nats_unavailable: false };
    new PruneCycle({ settings, registry, clock, log, connected: () => true }).start();
    assert.equal(clock.pending, 0);
  });

  it("stops", () => {
    const { clock, log, pruning } = cycle(false);
    pruning.start();
    pruning.stop();
    clock.advance(100_000);
    assert.deepEqual(log.take(), []);
  });

  it("prunes without bus unless told to suspend", () => {
    const { clock, pruning, registry, bus } = cycle(false);
    registry.register("a.com", endpoint(1));
    bus.connected = false;
    pruning.start();
    clock.advance(150_000);
    assert.equal(registry.totalRoutes, 0);
  });

  it("suspends while the bus is away, refreshes everything on return, then prunes again", () => {
    const { clock, log, pruning, registry, bus, reports } = cycle(true);
    registry.register("a.com", endpoint(1));
    bus.connected = false;
    pruning.start();
    log.take();
    clock.advance(30_000);
    assert.deepEqual(log.take(), [
      "debug start-pruning-routes",
      "info prune-suspended",
      "debug finished-pruning-routes",
    ]);
    assert.deepEqual(reports, [[1, 30_000]]);
    clock.advance(600_000);
    assert.equal(registry.totalRoutes, 1);
    bus.connected = true;
    log.take();
    clock.advance(30_000);
    assert.deepEqual(log.take(), [
      "debug start-pruning-routes",
      "debug prune-unsuspended-refresh-routes-start",
      "debug prune-unsuspended-refresh-routes-complete",
      "debug finished-pruning-routes",
    ]);
    clock.advance(120_000);
    assert.equal(registry.totalRoutes, 1);
    clock.advance(30_000);
    assert.equal(registry.totalRoutes, 0);
  });
});
