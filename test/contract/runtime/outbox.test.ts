import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deliver, nothingWaits, post, type Sender } from "../../../src/runtime/base/outbox.ts";

const sender = (send: () => void): Sender => ({ posted: false, send });

describe("outbox", () => {
  it("goes on with those behind a sender that asks for a delivery, in their order, and each once", () => {
    const sent: string[] = [];
    const behind = sender(() => sent.push("behind"));
    post(
      sender(() => {
        sent.push("first");
        deliver();
        sent.push("after");
        assert.equal(behind.posted, false);
        assert.equal(nothingWaits(), false);
      }),
    );
    post(behind);
    deliver();
    assert.deepEqual(sent, ["first", "behind", "after"]);
    assert.equal(nothingWaits(), true);
  });

  it("tells those behind a sender that throws", () => {
    const sent: string[] = [];
    post(
      sender(() => {
        throw new Error("broken");
      }),
    );
    post(sender(() => sent.push("behind")));
    assert.throws(deliver, /broken/);
    deliver();
    assert.deepEqual(sent, ["behind"]);
    assert.equal(nothingWaits(), true);
  });
});
