import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PoolSettings } from "../../../../src/core/routing/pool.ts";
import { FakeResponse, RouterRig } from "../../../fixtures/fake-transport.ts";

/**
 * A router whose only endpoint takes one request at a time; `elsewhere`: how many another worker has there, look by look, the last
 * number for all looks after.
 */
function besideAnother(elsewhere: readonly number[]): RouterRig {
  const rig = new RouterRig({ backends: { max_conns: 1 } });
  const looks = [...elsewhere];
  const count = {
    publish() {},
    others: () => {
      count.lately = looks.length > 1 ? looks.shift()! : looks[0]!;
      return count.lately;
    },
    lately: 0,
    patience: 0,
  };
  rig.register("test.com").shared = count;
  const settings: { -readonly [Key in keyof PoolSettings]: PoolSettings[Key] } = rig.registry.lookup(
    "test.com",
    "/",
  )!.settings;
  settings.catchUp = () => {};
  return rig;
}

describe("the last place at an endpoint, beside other workers (data-plane §3.2)", () => {
  it("is taken when it becomes free again while the request is refused it", async () => {
    // Lost when it was to be sent; still taken at two looks, the second of which selects nothing; then free.
    const rig = besideAnother([1, 1, 1, 0]);
    rig.transport.script = () => new FakeResponse();
    assert.equal((await rig.ask().answer).status, 200);
  });

  it("is refused with 503 while others have it, and while they are always faster", async () => {
    for (const elsewhere of [[1], Array.from({ length: 200 }, (_, look) => (look % 4 === 3 ? 0 : 1))]) {
      const { status, headers } = await besideAnother(elsewhere).ask().answer;
      assert.equal(status, 503);
      assert.equal(headers.get("X-Cf-RouterError"), "Connection Limit Reached");
    }
  });
});
