import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ActiveApps } from "../../../../src/core/observe/active-apps.ts";

describe("active apps (control-plane §2.2)", () => {
  it("are told most recently active first, by the second, the first one included", () => {
    const apps = new ActiveApps();
    apps.mark("a", 1500);
    apps.mark("b", 2900);
    apps.mark("", 2950);
    apps.mark("c", 3000);
    apps.mark("b", 4100);
    apps.mark("b", 4200);
    assert.deepEqual(apps.since(2999), ["b", "c"]);
    assert.deepEqual(apps.timesSince(2999), [
      ["b", 4100],
      ["c", 3000],
    ]);
    assert.deepEqual(apps.since(4000), ["b"]);
    assert.deepEqual(apps.since(5000), []);
  });

  it("that were passed over are forgotten", () => {
    const apps = new ActiveApps();
    apps.mark("a", 1000);
    assert.deepEqual(apps.since(2000), []);
    assert.deepEqual(apps.since(0), []);
  });
});
