import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PacedInput } from "../../../src/bus/paced-input.ts";

/** A stream, a clock and an event loop that are turned by hand. */
class Rig {
  time = 0;
  /** Milliseconds that a delivery takes. */
  cost = 0;
  paused = false;
  turns: number[][] = [[]];
  bytes: number[] = [];
  due: (() => void)[] = [];
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
      this.time += this.cost;
      this.turns.at(-1)!.push(bytes.length);
      this.bytes.push(...bytes);
    };
    this.input = new PacedInput(clock, stream, perTurn, limit, deliver);
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

  it("reads a megabyte in one turn and works on what waits in the next, and in a long storm reads more", () => {
    const rig = new Rig(10, 1 << 30);
    const chunk = new Uint8Array(65_536);
    /** Chunks that are read until the stream is paused. */
    const readTurn = (): number => {
      rig.turn();
      assert.equal(rig.paused, false);
      let chunks = 0;
      while (!rig.paused) {
        rig.input.data(chunk);
        chunks++;
      }
      return chunks;
    };
    const workTurn = (): number => {
      rig.turn();
      assert.equal(rig.paused, true);
      return rig.turns.at(-1)!.reduce((sum, length) => sum + length, 0);
    };
    rig.input.data(bytes(0, 11));
    while (!rig.paused) rig.input.data(chunk);
    for (let turn = 0; turn < 46; turn++) assert.deepEqual([workTurn(), readTurn()], [10, 16]);
    for (let turn = 0; turn < 3; turn++) assert.deepEqual([workTurn(), readTurn()], [10, 64]);
    // There was an end to it: the next storm is read at the old pace.
    workTurn();
    rig.turn();
    rig.input.data(bytes(0, 1));
    workTurn();
    assert.equal(readTurn(), 16);
  });

  it("reads on in every second turn while little waits, and not from the limit down to half of it", () => {
    const rig = new Rig(10, 40);
    rig.input.data(bytes(0, 30));
    assert.equal(rig.paused, false);
    rig.input.data(bytes(30, 30));
    assert.equal(rig.paused, true);
    const states: boolean[] = [];
    while (rig.bytes.length < 60) {
      rig.turn();
      states.push(rig.paused);
    }
    assert.deepEqual(states, [true, true, true, false, true, false, false]);
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

  it("ends what it delivers in a turn after 3 ms", () => {
    const rig = new Rig(1 << 20, 1 << 30);
    rig.cost = 1;
    rig.input.data(new Uint8Array(100_000));
    assert.deepEqual(rig.turns, [[32_768, 32_768, 32_768]]);
    rig.cost = 5;
    rig.turn();
    assert.deepEqual(rig.turns.slice(1), [[1696]]);
  });

  it("tells when nothing waits any more", () => {
    const rig = new Rig(4);
    let empty = 0;
    const count = (): void => {
      empty++;
    };
    rig.input.whenEmpty(count);
    assert.equal(empty, 1);
    rig.input.data(bytes(0, 12));
    rig.input.whenEmpty(count);
    rig.turn();
    assert.equal(empty, 1);
    rig.turn();
    assert.deepEqual([empty, rig.bytes.length], [2, 12]);
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
