import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FrameError, FrameParser } from "../../../src/native/frame-parser.ts";
import { clientFrame, closePayload } from "../../../src/native/frame-writer.ts";

const bytes = (...parts: (number | string)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...new TextEncoder().encode(part)])));

/** Feeds pieces and lists what the parser told. */
function heard(...pieces: Uint8Array[]): unknown[] {
  const told: unknown[] = [];
  const parser = new FrameParser({
    message: (data) => told.push(typeof data === "string" ? data : [...data]),
    control: (opcode, payload) => told.push({ opcode, payload: [...payload] }),
  });
  for (const piece of pieces) parser.feed(piece);
  return told;
}

function codeOf(...pieces: Uint8Array[]): number | undefined {
  try {
    heard(...pieces);
  } catch (error) {
    if (error instanceof FrameError) return error.code;
    throw error;
  }
  return undefined;
}

describe("frame parser", () => {
  const stream = bytes(0x81, 2, "hi", 0x01, 1, "a", 0x89, 1, "p", 0x80, 1, "b", 0x82, 0, 0x88, 2, 0x03, 0xe8);
  const meaning = ["hi", { opcode: 9, payload: [112] }, "ab", [], { opcode: 8, payload: [3, 232] }];

  it("reads texts, bytes, fragments and control frames among them", () => {
    assert.deepEqual(heard(stream), meaning);
  });

  it("does so wherever the bytes are split", () => {
    for (let at = 0; at <= stream.length; at++) {
      assert.deepEqual(heard(stream.subarray(0, at), stream.subarray(at)), meaning, `split at ${at}`);
    }
    assert.deepEqual(heard(...[...stream].map((byte) => Uint8Array.of(byte))), meaning);
  });

  for (const [size, head] of [
    [125, [0x82, 125]],
    [126, [0x82, 126, 0, 126]],
    [65_535, [0x82, 126, 255, 255]],
    [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ] as const) {
    it(`reads a message of ${size} bytes`, () => {
      const [message] = heard(Uint8Array.from(head), new Uint8Array(size).fill(7)) as [number[]];
      assert.equal(message.length, size);
      assert.ok(message.every((byte) => byte === 7));
    });
  }

  for (const [what, code, piece] of [
    ["reserved bits", 1002, bytes(0xc1, 0)],
    ["a masked frame", 1002, bytes(0x81, 0x80)],
    ["an undefined opcode", 1002, bytes(0x83, 0)],
    ["an undefined control opcode", 1002, bytes(0x8b, 0)],
    ["a fragmented control frame", 1002, bytes(0x09, 0)],
    ["a long control frame", 1002, bytes(0x89, 126, 0, 126)],
    ["a continuation of nothing", 1002, bytes(0x80, 0)],
    ["a message inside a message", 1002, bytes(0x01, 0, 0x81, 0)],
    ["a text that is not UTF-8", 1007, bytes(0x81, 1, 0xff)],
    ["a message of more than 64 MiB", 1009, bytes(0x82, 127, 0, 0, 0, 0, 4, 0, 0, 1)],
    ["a length beyond all numbers", 1009, bytes(0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255)],
  ] as const) {
    it(`refuses ${what} with ${code}`, () => {
      assert.equal(codeOf(piece), code);
    });
  }
});

describe("frame writer", () => {
  const mask = Uint8Array.of(1, 2, 4, 8);

  it("masks the payload", () => {
    assert.deepEqual([...clientFrame(1, bytes("hello"), mask)], [0x81, 0x85, 1, 2, 4, 8, 105, 103, 104, 100, 110]);
  });

  for (const [size, head] of [
    [125, [0x82, 0x80 | 125]],
    [126, [0x82, 0x80 | 126, 0, 126]],
    [65_535, [0x82, 0x80 | 126, 255, 255]],
    [65_536, [0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ] as const) {
    it(`writes the length ${size}`, () => {
      const frame = clientFrame(2, new Uint8Array(size), mask);
      assert.deepEqual([...frame.subarray(0, head.length)], [...head]);
      assert.equal(frame.length, head.length + 4 + size);
    });
  }

  it("writes close codes with a reason cut at a whole character", () => {
    assert.deepEqual([...closePayload(1005, "")], []);
    assert.deepEqual([...closePayload(1001, "x")], [3, 233, 120]);
    const long = closePayload(1000, `${"x".repeat(122)}ü`);
    assert.equal(long.length, 124);
    assert.equal(long.at(-1), 120);
  });
});
