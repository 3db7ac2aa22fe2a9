import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventParser, type StreamEvent } from "../../../../src/routing-api/client/event-parser.ts";

const utf8 = new TextEncoder();

const stream =
  'retry: 250\r\n: keep-alive\n\nid: 7\nevent: Upsert\ndata: {"route":"é"}\n\ndata:a\rdata: b\r\revent\nid\n\n';
const events: StreamEvent[] = [
  { name: "Upsert", data: '{"route":"é"}' },
  { name: "", data: "a\nb" },
];

describe("server-sent events (HTML standard §9.2.6)", () => {
  it("reads fields, comments and the three line ends, wherever the bytes are cut", () => {
    const bytes = utf8.encode(stream);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const parser = new EventParser();
      const found = [...parser.push(bytes.subarray(0, cut)), ...parser.push(bytes.subarray(cut))];
      assert.deepEqual(found, events, `cut at ${cut}`);
      assert.equal(parser.retryMs, 250);
      assert.equal(parser.lastId, "");
    }
  });

  it("byte by byte", () => {
    const parser = new EventParser();
    const found = [...utf8.encode(stream)].flatMap((byte) => parser.push(Uint8Array.of(byte)));
    assert.deepEqual(found, events);
  });

  it("keeps the last id; one with a NUL and a retry that is no number are ignored", () => {
    const parser = new EventParser();
    parser.push(utf8.encode("id: 41\n\nid: 4\0\nretry: 1s\n\n"));
    assert.equal(parser.lastId, "41");
    assert.equal(parser.retryMs, undefined);
  });

  it("an event without end is an error, not a full memory", () => {
    const parser = new EventParser();
    const line = utf8.encode(`data: ${"x".repeat(60_000)}\n`);
    assert.throws(() => {
      for (let count = 0; count < 20; count++) parser.push(line);
    }, /longer than 1048576 characters/);
    assert.throws(() => new EventParser().push(utf8.encode("x".repeat(1_100_000))), /longer than/);
  });
});
