import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FrameReader } from "../../../../src/wire/http2/frame-reader.ts";
import { frameHeader, headersFrames } from "../../../../src/wire/http2/frame-text.ts";
import { HpackDecoder } from "../../../../src/wire/http2/hpack-decoder.ts";
import { encodeField } from "../../../../src/wire/http2/hpack-encoder.ts";
import { CONTINUATION, DATA, HEADERS } from "../../../../src/wire/http2/protocol.ts";
import { bytesOf, textOf } from "../../../fixtures/memory-stream.ts";

/** What a reader makes of bytes that come in those pieces; pieces of one DATA frame are joined. */
function framesOf(text: string, cuts: readonly number[]): string[] {
  const seen: string[] = [];
  let data = "";
  let flowed = 0;
  const reader = new FrameReader(
    {
      over: false,
      dataFrame(stream, bytes, flow, last) {
        data += textOf(bytes);
        flowed += flow;
        if (last) {
          seen.push(`data ${stream} ${flowed} ${data}`);
          data = "";
          flowed = 0;
        }
      },
      frame: (type, flags, stream, payload) => seen.push(`${type} ${flags} ${stream} ${textOf(payload)}`),
    },
    65_536,
  );
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    reader.push(bytesOf(text.slice(from, cut)));
    from = cut;
  }
  return seen;
}

const latin1 = (bytes: Uint8Array, start: number, end: number): string => textOf(bytes.subarray(start, end));
const letters = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0x20, max: 0xff }), { maxLength: max }).map((codes) => String.fromCharCode(...codes));
const names = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);

describe("HTTP/2 frames", () => {
  it("are the same however their bytes are split: at every byte", () => {
    const text =
      frameHeader(5, DATA, 1, 1) +
      "hello" +
      frameHeader(0, 4, 0, 0) +
      frameHeader(8, DATA, 9, 3) +
      "\x02hello\0\0" +
      frameHeader(8, 6, 0, 0) +
      "12345678" +
      frameHeader(0, DATA, 1, 0x7fff_ffff) +
      frameHeader(3, 0x99, 0xff, 5) +
      "abc";
    const whole = framesOf(text, []);
    assert.deepEqual(whole, [
      "data 1 5 hello",
      "4 0 0 ",
      "data 3 8 hello",
      "6 0 0 12345678",
      "data 2147483647 0 ",
      "153 255 5 abc",
    ]);
    for (let cut = 1; cut < text.length; cut++) assert.deepEqual(framesOf(text, [cut]), whole);
    assert.deepEqual(
      framesOf(
        text,
        Array.from(text, (_, at) => at),
      ),
      whole,
    );
  });

  it("are the same however their bytes are split: anywhere", () => {
    const frame = fc
      .record({
        type: fc.integer({ min: 0, max: 255 }),
        stream: fc.integer({ min: 0, max: 0x7fff_ffff }),
        payload: letters(300),
      })
      // Pieces of a DATA frame can be told from its end only when that ends the stream.
      .map(({ type, stream, payload }) => frameHeader(payload.length, type, type === DATA ? 1 : 0, stream) + payload);
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), (frames, places) => {
        const text = frames.join("");
        const cuts = places.map((place) => place % (text.length + 1)).sort((a, b) => a - b);
        assert.deepEqual(framesOf(text, cuts), framesOf(text, []));
      }),
      { numRuns: 200 },
    );
  });
});

describe("HPACK", () => {
  it("reads what it writes, in frames of any size", () => {
    const fields = fc.array(fc.tuple(names, letters(200)), { maxLength: 20 });
    fc.assert(
      fc.property(fields, fc.integer({ min: 1, max: 500 }), (lines, frame) => {
        const block = lines.map(([name, value]) => encodeField(name, value)).join("");
        const frames = framesOf(headersFrames(1, block, true, frame), []);
        frames.forEach((text, at) => assert.ok(text.startsWith(`${at === 0 ? HEADERS : CONTINUATION} `)));
        const decoder = new HpackDecoder(latin1, 1 << 20);
        decoder.decode(bytesOf(block));
        assert.deepEqual(
          decoder.fields.map(({ name, value }) => [name, value]),
          lines,
        );
      }),
      { numRuns: 200 },
    );
  });

  it("fails in one way only on bytes that are no block", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoder = new HpackDecoder(latin1, 4096);
        try {
          decoder.decode(bytes);
        } catch (error) {
          assert.equal((error as Error).name, "ConnectionError");
        }
      }),
      { numRuns: 500 },
    );
  });
});
