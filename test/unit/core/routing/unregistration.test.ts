import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addresses, endpoint, table } from "./recording.ts";

describe("unregister (control-plane §3.6)", () => {
  it("removes by address alone and logs the message's endpoint under the key", () => {
    const { registry, log } = table();
    registry.register("A.com", endpoint(1, { tls: true, applicationId: "app", privateInstanceId: "id" }));
    registry.register("A.com", endpoint(2));
    log.take();
    registry.unregister("A.COM/", endpoint(1, { applicationId: "other" }));
    assert.deepEqual(addresses(registry, "a.com"), ["10.0.0.2:80"]);
    assert.deepEqual(log.take(), [
      'info endpoint-unregistered {"uri":"a.com","route_service_url":"","backend":"10.0.0.1:80","application_id":"other",' +
        '"instance_id":"","server_cert_domain_san":"","protocol":"http1","modification_tag":{"guid":"","index":0},' +
        '"isolation_segment":"-","isTLS":false}',
    ]);
  });

  it("removes the route with its last endpoint", () => {
    const { registry, log, observer } = table();
    registry.register("a.com", endpoint(1));
    log.take();
    observer.take();
    registry.unregister("a.com", endpoint(1, { tags: new Map([["component", "c"]]) }));
    assert.equal(registry.totalRoutes, 0);
    assert.equal(registry.lookup("a.com", "/"), undefined);
    const lines = log.take();
    assert.equal(lines.length, 2);
    assert.equal(lines[1], 'info route-unregistered {"uri":"a.com"}');
    assert.equal(observer.take()[0], "unregistered c, took one");
  });

  it("says so when nothing was removed, and nothing at all without pool; both are counted", () => {
    const { registry, log, observer } = table();
    registry.register("a.com", endpoint(1));
    log.take();
    observer.take();
    registry.unregister("a.com", endpoint(2));
    assert.deepEqual(log.takeMessages(), ["info endpoint-not-unregistered"]);
    registry.unregister("b.com", endpoint(2));
    assert.deepEqual(log.takeMessages(), []);
    assert.deepEqual(observer.take(), ["unregistered ", "unregistered "]);
  });

  const tags: Array<[stored: [string, number], given: [string, number], removed: boolean]> = [
    [["g", 2], ["g", 2], true],
    [["g", 2], ["g", 3], true],
    [["g", 2], ["g", 1], false],
    [["g", 2], ["h", 1], true],
    [["g", 2], ["", 0], true],
  ];
  for (const [stored, given, removed] of tags) {
    it(`tag ${stored} ${removed ? "goes" : "stays"} for ${given}`, () => {
      const { registry } = table();
      registry.register("a.com", endpoint(1, { modificationTag: { guid: stored[0], index: stored[1] } }));
      registry.unregister("a.com", endpoint(1, { modificationTag: { guid: given[0], index: given[1] } }));
      assert.equal(registry.totalRoutes, removed ? 0 : 1);
    });
  }

  it("leaves routes above and below alone, and cuts what is left without pool", () => {
    const { registry } = table();
    for (const uri of ["a.com", "a.com/x/y", "a.com/x/z"]) registry.register(uri, endpoint(1));
    registry.unregister("a.com/x/y", endpoint(1));
    assert.equal(registry.lookup("a.com", "/x/y")?.key, "a.com");
    assert.equal(registry.lookup("a.com", "/x/z")?.key, "a.com/x/z");
    registry.unregister("a.com", endpoint(1));
    assert.equal(registry.lookup("a.com", "/x/z")?.key, "a.com/x/z");
    registry.unregister("a.com/x/z", endpoint(1));
    assert.equal(registry.totalRoutes, 0);
  });
});

describe("empty pools (control-plane §3.8)", () => {
  const kept = { empty_pool_response_code_503: true, empty_pool_timeout: 10_000 };

  it("503 with timeout 0: unregister deletes at once", () => {
    const { registry } = table({ empty_pool_response_code_503: true });
    registry.register("a.com", endpoint(1));
    registry.unregister("a.com", endpoint(1));
    assert.equal(registry.totalRoutes, 0);
  });

  it("404 mode ignores the timeout", () => {
    const { registry } = table({ empty_pool_timeout: 10_000 });
    registry.register("a.com", endpoint(1));
    registry.unregister("a.com", endpoint(1));
    assert.equal(registry.totalRoutes, 0);
  });

  it("503 with a timeout: kept until a later unregister after more than the timeout", () => {
    const { registry, clock, log } = table(kept);
    registry.register("a.com", endpoint(1));
    registry.unregister("a.com", endpoint(1));
    assert.equal(registry.lookup("a.com", "/")?.size, 0);
    clock.advance(10_000);
    registry.unregister("a.com", endpoint(1));
    assert.equal(registry.totalRoutes, 1);
    clock.advance(1);
    log.take();
    registry.unregister("a.com", endpoint(1));
    assert.equal(registry.totalRoutes, 0);
    assert.deepEqual(log.takeMessages(), ["info endpoint-not-unregistered", "info route-unregistered"]);
  });

  it("503 with a timeout: kept until the first prune after more than the timeout", () => {
    const { registry, clock, log } = table(kept);
    registry.register("a.com", endpoint(1));
    registry.unregister("a.com", endpoint(1));
    clock.advance(10_000);
    registry.prune(clock.monotonic());
    assert.equal(registry.totalRoutes, 1);
    clock.advance(1);
    log.take();
    registry.prune(clock.monotonic());
    assert.equal(registry.totalRoutes, 0);
    assert.deepEqual(log.take(), []);
  });

  it("unregister leaves an empty retained parent, prune of an empty child takes it along", () => {
    const { registry, clock } = table(kept);
    for (const uri of ["a.com", "a.com/x", "a.com/y"]) registry.register(uri, endpoint(1));
    for (const uri of ["a.com/x", "a.com/y"]) registry.unregister(uri, endpoint(1));
    clock.advance(5000);
    registry.unregister("a.com", endpoint(1));
    clock.advance(5001);
    registry.unregister("a.com/x", endpoint(1));
    assert.equal(registry.totalRoutes, 2);
    registry.prune(clock.monotonic());
    assert.equal(registry.totalRoutes, 0);
  });
});
