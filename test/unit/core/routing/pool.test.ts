import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { beginRoundTrip, endRoundTrip } from "../../../../src/core/routing/pool-state.ts";
import { endpoint, table } from "./recording.ts";

describe("finding a session's endpoint (control-plane §3.13)", () => {
  const found = (ids: string[], id: string, removed: number[] = []) => {
    const { registry } = table({ empty_pool_response_code_503: true, empty_pool_timeout: 1000 });
    ids.forEach((privateInstanceId, i) => registry.register("a.com", endpoint(i + 1, { privateInstanceId })));
    for (const n of removed) registry.unregister("a.com", endpoint(n));
    return registry.lookup("a.com", "/")?.findSticky(id)?.endpoint.host;
  };
  it("by instance id, alone and among others", () => {
    assert.equal(found(["x"], "x"), "10.0.0.1");
    assert.equal(found(["x"], "y"), undefined);
    assert.equal(found(["x", "y", "z"], "y"), "10.0.0.2");
  });
  it("by address", () => {
    assert.equal(found(["x"], "10.0.0.1:80"), "10.0.0.1");
    assert.equal(found(["x", "y"], "10.0.0.2:80"), "10.0.0.2");
  });
  it("the latest of equal ids; removing any of them forgets the id", () => {
    assert.equal(found(["x", "x"], "x"), "10.0.0.2");
    assert.equal(found(["x", "x", "y"], "x", [1]), undefined);
  });
  it("not by a removed id", () => assert.equal(found(["x", "y"], "x", [1]), undefined));
  it("follows a changed instance id", () => {
    const { registry } = table();
    registry.register("a.com", endpoint(1, { privateInstanceId: "x" }));
    registry.register("a.com", endpoint(2, { privateInstanceId: "y" }));
    registry.register("a.com", endpoint(2, { privateInstanceId: "z" }));
    const pool = registry.lookup("a.com", "/");
    assert.equal(pool?.findSticky("y"), undefined);
    assert.equal(pool?.findSticky("z")?.endpoint.host, "10.0.0.2");
  });
});

describe("overload (data-plane §3.2)", () => {
  const cases: Array<[limit: number, inFlight: number[], overloaded: boolean]> = [
    [0, [1000], false],
    [2, [], false],
    [2, [2, 1], false],
    [2, [2, 3], true],
    [-1, [0], true],
  ];
  for (const [limit, inFlight, overloaded] of cases) {
    it(`max_conns ${limit}, in flight ${inFlight}: ${overloaded}`, () => {
      const { registry } = table({
        backends: { max_conns: limit },
        empty_pool_response_code_503: true,
        empty_pool_timeout: 1,
      });
      registry.register("a.com", endpoint(99));
      const pool = registry.lookup("a.com", "/")!;
      inFlight.forEach((count, i) => {
        registry.register("a.com", endpoint(i));
        for (let n = 0; n < count; n++) beginRoundTrip(pool.find(`10.0.0.${i}:80`)!.endpoint, 0);
      });
      registry.unregister("a.com", endpoint(99));
      assert.equal(pool.overloaded, overloaded);
    });
  }

  it("counts round trips per endpoint object, over all its routes", () => {
    const { registry } = table({ backends: { max_conns: 1 } });
    const shared = endpoint(1);
    registry.register("a.com", shared);
    registry.register("b.com", shared);
    beginRoundTrip(shared, 1);
    assert.equal(registry.lookup("b.com", "/")?.overloaded, true);
    endRoundTrip(shared);
    assert.equal(registry.lookup("b.com", "/")?.overloaded, false);
  });

  it("looks what other workers have in flight only when an endpoint may be full", () => {
    const { registry } = table({ backends: { max_conns: 2 } });
    const busy = endpoint(1);
    registry.register("a.com", busy);
    const pool = registry.lookup("a.com", "/")!;
    let [elsewhere, looks] = [0, 0];
    const count = {
      publish() {},
      others() {
        looks++;
        count.lately = elsewhere;
        return elsewhere;
      },
      lately: 0,
      patience: 0,
    };
    busy.shared = count;
    assert.equal(pool.overloaded, false);
    assert.equal(looks, 0);
    // They took all places since: it must not get a request, and from then on it is known to be full.
    elsewhere = 2;
    assert.equal(pool.overloaded, false);
    assert.equal(beginRoundTrip(busy, 2), false);
    assert.equal(pool.overloaded, true);
    // What is thought to be full is looked at.
    elsewhere = 0;
    assert.equal(pool.overloaded, false);
    elsewhere = 2;
    pool.look();
    assert.equal(pool.overloaded, true);
  });
});
