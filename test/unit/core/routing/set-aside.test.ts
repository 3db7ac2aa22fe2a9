import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Endpoint, LeaseTag } from "../../../../src/core/routing/endpoint.ts";
import { addresses, endpoint, table } from "./recording.ts";

const leased = (index: number, ttl = 60): Endpoint =>
  endpoint(1, {
    applicationId: `lease-${index}`,
    staleThresholdSeconds: ttl,
    routeServiceUrl: "https://lease",
    modificationTag: new LeaseTag("g", index),
  });
const registered = (): Endpoint => endpoint(1, { applicationId: "bus", staleThresholdSeconds: 30 });

type Registry = ReturnType<typeof table>["registry"];
const shown = (registry: Registry): string[] =>
  (registry.lookup("a.com", "/")?.members ?? []).map(({ endpoint }) => endpoint.applicationId);

describe("one address from bus and Routing API: each source has its own say", () => {
  for (const leaseFirst of [true, false]) {
    it(`the bus has the place, ${leaseFirst ? "the lease" : "the bus"} being first; it lets go, and the lease holds`, () => {
      const { registry } = table();
      if (leaseFirst) registry.register("a.com", leased(1));
      registry.register("a.com", registered());
      registry.register("a.com", leased(2));
      assert.deepEqual(shown(registry), ["bus"]);
      assert.equal(registry.lookup("a.com", "/")?.routeServiceUrl, "");
      registry.unregister("a.com", registered());
      assert.deepEqual(shown(registry), ["lease-2"]);
      assert.equal(registry.lookup("a.com", "/")?.routeServiceUrl, "https://lease");
      registry.unregister("a.com", leased(2));
      assert.equal(addresses(registry, "a.com"), undefined);
    });
  }

  it("a delete of the API takes the lease only, an unregister of the bus the registration only", () => {
    const { registry, log } = table();
    registry.register("a.com", registered());
    log.take();
    registry.unregister("a.com", leased(1));
    assert.deepEqual(log.takeMessages(), ["info endpoint-not-unregistered"]);
    registry.register("a.com", leased(1));
    registry.unregister("a.com", leased(0));
    registry.unregister("a.com", leased(1));
    assert.deepEqual(shown(registry), ["bus"]);
    registry.unregister("a.com", registered());
    assert.equal(addresses(registry, "a.com"), undefined);

    registry.register("a.com", leased(1));
    registry.unregister("a.com", registered());
    assert.deepEqual(shown(registry), ["lease-1"]);
  });

  it("what waits follows the rule of tags, too (§3.5)", () => {
    const { registry } = table();
    registry.register("a.com", registered());
    registry.register("a.com", leased(5));
    registry.register("a.com", leased(4));
    registry.unregister("a.com", registered());
    assert.deepEqual(shown(registry), ["lease-5"]);
  });

  it("pruning: an expired registration makes room for a lease that holds, both expired leave nothing", () => {
    const { registry, clock, log } = table();
    registry.register("a.com", registered());
    registry.register("a.com", leased(1));
    clock.advance(31_000);
    log.take();
    registry.prune(clock.monotonic());
    assert.deepEqual(shown(registry), ["lease-1"]);
    assert.deepEqual(log.takeMessages(), []);
    clock.advance(30_000);
    registry.prune(clock.monotonic());
    assert.equal(addresses(registry, "a.com"), undefined);

    registry.register("a.com", registered());
    registry.register("a.com", leased(1, 10));
    clock.advance(31_000);
    registry.prune(clock.monotonic());
    assert.equal(addresses(registry, "a.com"), undefined);
  });

  it("a suspended pruning begins anew for what waits, too (§2.8)", () => {
    const { registry, clock } = table();
    registry.register("a.com", registered());
    registry.register("a.com", leased(1, 10));
    clock.advance(11_000);
    registry.refreshAll(clock.monotonic());
    registry.unregister("a.com", registered());
    assert.deepEqual(shown(registry), ["lease-1"]);
  });

  it("forgets an endpoint object when it has no place any more", () => {
    const { registry, forgotten } = table();
    const lease = leased(1);
    registry.register("a.com", lease);
    registry.register("a.com", registered());
    assert.deepEqual(forgotten, [lease]);
    registry.unregister("a.com", registered());
    assert.equal(lease.routes, 1);
    assert.equal(forgotten.length, 2);
  });
});
