import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deferred } from "../../../src/core/deferred.ts";

describe("deferred", () => {
  it("is settled from outside, once", async () => {
    const one = deferred<number>();
    one.resolve(1);
    one.reject(new Error("too late"));
    assert.equal(await one.promise, 1);
    const other = deferred<number>();
    other.reject(new Error("why"));
    await assert.rejects(other.promise, /why/);
  });

  it("functions taken out of it work by themselves", async () => {
    const { promise, resolve } = deferred<void>();
    resolve();
    await promise;
  });
});
