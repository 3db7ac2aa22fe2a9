import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Reader, readLater } from "../../../src/runtime/base/inbox.ts";
import { post } from "../../../src/runtime/base/outbox.ts";

const reader = (readNow: () => void): Reader => ({ readNow });
const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("inbox", () => {
  it("has reads heard at the end of the tick, in their order, and sends what they lead to in the same tick", async () => {
    const heard: string[] = [];
    const sender = { posted: false, send: () => heard.push("sent") };
    readLater(
      reader(() => {
        heard.push("first");
        queueMicrotask(() => {
          heard.push("answer");
          post(sender);
        });
      }),
    );
    readLater(reader(() => heard.push("second")));
    heard.push("told");
    await immediate();
    assert.deepEqual(heard, ["told", "first", "second", "answer", "sent"]);
  });

  it("lets sixty-four reads wait at the most", async () => {
    let heard = 0;
    for (let read = 0; read < 63; read++) readLater(reader(() => heard++));
    assert.equal(heard, 0);
    readLater(reader(() => heard++));
    assert.equal(heard, 64);
    readLater(reader(() => heard++));
    assert.equal(heard, 64);
    await immediate();
    assert.equal(heard, 65);
  });

  it("has those behind a reader that throws heard later", async () => {
    let heard = 0;
    for (let read = 0; read < 62; read++) readLater(reader(() => heard++));
    readLater(
      reader(() => {
        throw new Error("broken");
      }),
    );
    assert.throws(() => readLater(reader(() => heard++)), /broken/);
    assert.equal(heard, 62);
    await immediate();
    await immediate();
    assert.equal(heard, 63);
  });
});
