import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageQueue } from "../../../src/bus/message-queue.ts";
import type { Clock } from "../../../src/runtime/interface/clock.ts";

/** Time that moves only when told; `turn` is one turn of the event loop. */
class Turns implements Clock {
  time = 0;
  #due: (() => void)[] = [];
  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time;
  }
  after(_ms: number, callback: () => void): { cancel(): void } {
    this.#due.push(callback);
    return { cancel() {} };
  }
  turn(): boolean {
    const due = this.#due;
    this.#due = [];
    for (const callback of due) callback();
    return due.length > 0;
  }
}

const message = (subject: string, size = 0) => ({ subject, payload: new Uint8Array(size), reply: "" });

describe("queue of messages to apply", () => {
  it("applies in order, in slices of at most 20 ms", () => {
    const clock = new Turns();
    const applied: string[] = [];
    const queue = new MessageQueue(clock, ({ subject }) => {
      applied.push(subject);
      clock.time += 0.1;
    });
    for (let i = 0; i < 20_000; i++) queue.push(message(String(i)));
    assert.equal(applied.length, 0, "nothing is applied within the call that brings it");
    let turns = 0;
    for (let before = clock.time; clock.turn(); before = clock.time) {
      assert.ok(clock.time - before <= 20, `a slice of ${clock.time - before} ms`);
      turns++;
      // What arrives meanwhile goes to the end.
      if (turns === 1) queue.push(message("late"));
    }
    assert.ok(turns > 100);
    assert.deepEqual(applied, [...Array.from({ length: 20_000 }, (_, i) => String(i)), "late"]);
    assert.equal(queue.pending, 0);
  });

  it("drops and counts the newest beyond 131072 messages", () => {
    const clock = new Turns();
    let first = "";
    let last = "";
    const queue = new MessageQueue(clock, ({ subject }) => {
      first ||= subject;
      last = subject;
    });
    for (let i = 1; i <= 131_075; i++) queue.push(message(String(i)));
    assert.deepEqual([queue.pending, queue.dropped], [131_072, 3]);
    clock.turn();
    assert.deepEqual([queue.pending, first, last], [0, "1", "131072"]);
  });

  it("drops beyond 128 MiB of payload", () => {
    const queue = new MessageQueue(new Turns(), () => {});
    const large = message("a", 1 << 20);
    for (let i = 0; i < 130; i++) queue.push(large);
    assert.deepEqual([queue.pending, queue.dropped], [128, 2]);
    queue.clear();
    queue.push(large);
    assert.equal(queue.pending, 1);
  });
});
