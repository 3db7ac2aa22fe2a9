import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PacedInput } from "../../../src/bus/paced-input.ts";

/** A stream, a clock and an event loop that are turned by hand. */
class Rig {
  time = 0;
  paused = false;
  turns: number[][] = [[]];
  bytes: number[] = [];
  due: (() => void)[] = [];
  busy = false;
  readonly input: PacedInput;
  constructor(perTurn: number, limit = 0) {
    const clock = {
      now: () => this.time,
      monotonic: () => this.time,
      after: (_ms: number, callback: () => void) => {
        this.due.push(callback);
        return { cancel() {} };
      },
    };
    const stream = {
      pause: () => {
        this.paused = true;
      },
      resume: () => {
        this.paused = false;
      },
    };
    const deliver = (bytes: Uint8Array): void => {
      this.turns.at(-1)!.push(bytes.length);
      this.bytes.push(...bytes);
    };
    this.input = new PacedInput(clock, stream, perTurn, limit, deliver, () => this.busy);
  }
  turn(): void {
    this.time += 1;
    this.turns.push([]);
    const due = this.due;
    this.due = [];
    for (const callback of due) callback();
  }
}

const bytes = (from: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => from + i);

describe("paced input", () => {
  it("lets quiet input through at once, without a timer", () => {
    const rig = new Rig(10);
    for (let i = 0; i < 5; i++) {
      rig.input.data(bytes(i * 10, 10));
      rig.time += 5;
    }
    assert.deepEqual([rig.turns, rig.due.length, rig.paused], [[[10, 10, 10, 10, 10]], 0, false]);
  });

  it("spreads a burst over turns, in order, and pauses the stream meanwhile", () => {
    const rig = new Rig(10);
    rig.input.data(bytes(0, 4));
    rig.input.data(bytes(4, 30));
    assert.equal(rig.paused, true);
    rig.turn();
    rig.turn();
    assert.equal(rig.paused, true);
    rig.turn();
    assert.equal(rig.paused, false);
    assert.deepEqual(rig.turns, [[4, 6], [10], [10], [4]]);
    assert.deepEqual(rig.bytes, [...bytes(0, 34)]);
    assert.equal(rig.due.length, 0);
  });

  it("reads no more than a megabyte in one turn while some waits, but of a long storm as much as comes", () => {
    const rig = new Rig(10, 1 << 30);
    const chunk = new Uint8Array(65_536);
    rig.input.data(bytes(0, 10));
    for (let turn = 0; turn < 48; turn++) {
      for (let i = 0; i < 16; i++) {
        assert.equal(rig.paused, false);
        rig.input.data(chunk);
      }
      assert.equal(rig.paused, true);
      rig.turn();
    }
    for (let i = 0; i < 100; i++) rig.input.data(chunk);
    assert.equal(rig.paused, false);
    // The end of the storm was seen: the next one is paced again.
    rig.turn();
    rig.turn();
    for (let i = 0; i < 16; i++) rig.input.data(chunk);
    assert.equal(rig.paused, true);
  });

  it("reads on while little waits, and pauses the stream from the limit down to half of it", () => {
    const rig = new Rig(10, 40);
    const states: boolean[] = [];
    for (let i = 0; i < 6; i++) {
      rig.input.data(bytes(i * 10, 10));
      states.push(rig.paused);
    }
    assert.deepEqual(states, [false, false, false, false, false, true]);
    const later: boolean[] = [];
    while (rig.bytes.length < 60) {
      rig.turn();
      later.push(rig.paused);
    }
    assert.deepEqual(later, [true, true, false, false, false]);
    assert.deepEqual(rig.bytes, [...bytes(0, 60)]);
  });

  it("keeps the order through thousands of chunks that come while others wait", () => {
    const rig = new Rig(7, 1 << 20);
    const sent: number[] = [];
    for (let i = 0; i < 5000; i++) {
      const chunk = bytes(i & 127, 1 + (i % 5));
      sent.push(...chunk);
      rig.input.data(chunk);
      if (i % 3 === 0) rig.turn();
    }
    while (rig.due.length > 0) rig.turn();
    assert.deepEqual(rig.bytes, sent);
    assert.ok(rig.turns.every((turn) => turn.reduce((sum, length) => sum + length, 0) <= 7));
  });

  it("keeps the order of what arrives although the stream is paused", () => {
    const rig = new Rig(4);
    rig.input.data(bytes(0, 6));
    rig.input.data(bytes(6, 1));
    rig.input.data(bytes(7, 5));
    while (rig.paused) rig.turn();
    assert.deepEqual(rig.bytes, [...bytes(0, 12)]);
    assert.ok(rig.turns.every((turn) => turn.reduce((sum, length) => sum + length, 0) <= 4));
  });

  it("delivers nothing while the receiver is busy, and then goes on in order", () => {
    const rig = new Rig(10);
    rig.busy = true;
    rig.input.data(bytes(0, 4));
    rig.input.data(bytes(4, 4));
    rig.turn();
    assert.deepEqual([rig.bytes.length, rig.paused], [0, true]);
    rig.busy = false;
    rig.turn();
    assert.deepEqual([rig.bytes, rig.paused], [[...bytes(0, 8)], false]);
  });

  it("delivers what waits when the stream ends", () => {
    const rig = new Rig(4);
    rig.input.data(bytes(0, 12));
    rig.input.finish();
    assert.deepEqual(rig.bytes, [...bytes(0, 12)]);
    rig.turn();
    assert.equal(rig.bytes.length, 12);
  });
});
