import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inShard, type ShardingMode } from "../../../../src/core/routing/sharding.ts";
import { endpoint, table } from "./recording.ts";

describe("sharding (control-plane §3.4)", () => {
  const cases: Array<[mode: ShardingMode, segments: string[], segment: string, accepted: boolean]> = [
    ["all", [], "", true],
    ["all", [], "is1", true],
    ["shared-and-segments", ["is1"], "", true],
    ["shared-and-segments", ["is1"], "is1", true],
    ["shared-and-segments", ["is1"], "IS1", false],
    ["shared-and-segments", ["is1"], "is2", false],
    ["segments", ["is1"], "", false],
    ["segments", ["is1", ""], "", true],
    ["segments", ["is1"], "is1", true],
    ["segments", ["is1"], "is2", false],
  ];
  for (const [mode, segments, segment, accepted] of cases) {
    it(`${mode} [${segments}] ${accepted ? "accepts" : "drops"} "${segment}"`, () => {
      assert.equal(inShard(mode, new Set(segments), segment), accepted);
    });
  }

  it("leaves no trace of what is out of shard, register or unregister", () => {
    const { registry, log, observer } = table({ routing_table_sharding_mode: "segments", isolation_segments: ["is1"] });
    assert.equal(registry.register("a.com", endpoint(1)), undefined);
    assert.equal(registry.register("a.com", endpoint(1, { isolationSegment: "is1" })), "added");
    log.take();
    observer.take();
    registry.unregister("a.com", endpoint(1));
    assert.equal(registry.totalRoutes, 1);
    assert.deepEqual(log.take(), []);
    assert.deepEqual(observer.take(), []);
  });
});
