import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ChunkError, ChunkedDecoder, chunkPrefix } from "../../../src/wire/chunked.ts";
import { latin1, octets, textOf } from "../../fixtures/octets.ts";

const limits = { maxLineBytes: 16, maxTrailerBytes: 64 };

function decode(text: string, start = 0): { end: number; data: string; pieces: Uint8Array[]; decoder: ChunkedDecoder } {
  const decoder = new ChunkedDecoder(latin1, limits);
  const pieces: Uint8Array[] = [];
  const end = decoder.push(octets(text), start, { data: (bytes) => pieces.push(bytes) });
  return { end, data: textOf(pieces), pieces, decoder };
}

describe("chunked decoder", () => {
  it("gives data and the end of the body", () => {
    const { end, data, decoder } = decode("xx5\r\nhello\r\n00A\r\n, world!!!\r\n0\r\n\r\nnext", 2);
    assert.equal(data, "hello, world!!!");
    assert.equal(end, 34);
    assert.equal(decoder.trailers, undefined);
  });

  it("gives views of what came in", () => {
    const decoder = new ChunkedDecoder(latin1, limits);
    const bytes = octets("5\r\nhello\r\n");
    decoder.push(bytes, 0, { data: (piece) => assert.equal(piece.buffer, bytes.buffer) });
  });

  it("ignores extensions", () => {
    assert.equal(decode('5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n').data, "hello");
    assert.equal(decode("5; \ta\xff\r\nhello\r\n0\r\n\r\n").data, "hello");
    assert.equal(decode("5;\r\nhello\r\n0\r\n\r\n").data, "hello");
  });

  it("gives trailers but those that must not be merged or forwarded", () => {
    const text = "0\r\nX-Sum: 1\r\nContent-Length: 5\r\nIf-Match: x\r\nx-other:\r\n\r\n";
    const { end, decoder } = decode(`${text}rest`);
    assert.equal(end, text.length);
    assert.deepEqual(
      [...decoder.trailers!],
      [
        ["X-Sum", "1"],
        ["x-other", ""],
      ],
    );
    assert.equal(decode("0\r\nTransfer-Encoding: chunked\r\n\r\n").decoder.trailers, undefined);
  });

  it("gives what came before a bad byte, and nothing behind it", () => {
    const decoder = new ChunkedDecoder(latin1, limits);
    const pieces: Uint8Array[] = [];
    const text = "5\r\nhello\r\n3\r\nabcX\r\n0\r\n\r\n";
    assert.throws(
      () => decoder.push(octets(text), 0, { data: (bytes) => pieces.push(bytes) }),
      new ChunkError("malformed chunked encoding"),
    );
    assert.equal(textOf(pieces), "helloabc");
  });

  it("says what is wrong", () => {
    const wrong: [text: string, message: string][] = [
      ["x", "invalid byte in chunk length"],
      ["5 ", "invalid byte in chunk length"],
      ["5\n", "invalid byte in chunk length"],
      ["5\rx", "invalid byte in chunk length"],
      [";a", "empty hex number for chunk length"],
      ["\r", "empty hex number for chunk length"],
      ["20000000000000", "http chunk length too large"],
      ["5;\x01", "invalid byte in chunk extension"],
      ["00000000000000005", "header line too long"],
      ["5;aaaaaaaaaaaaaaaa", "header line too long"],
      ["1\r\naX", "malformed chunked encoding"],
      ["1\r\na\rX", "malformed chunked encoding"],
      ["0\r\n\rX", "malformed chunked encoding"],
      ["0\r\nfoo\r\n", "malformed trailer"],
      [`0\r\nfoo: ${"a".repeat(64)}`, "trailer too large"],
    ];
    for (const [text, message] of wrong) assert.throws(() => decode(text), new ChunkError(message), text);
  });

  it("takes a size line of exactly the limit, and the largest size", () => {
    assert.equal(decode("0000000000000005\r\nhello").data, "hello");
    assert.equal(decode("5;aaaaaaaaaaaaaa\r\nhello").data, "hello");
    assert.equal(decode("1fffffffffffff\r\nhello").end, -1);
  });
});

describe("chunkPrefix", () => {
  it("is the size line", () => {
    assert.equal(chunkPrefix(1), "1\r\n");
    assert.equal(chunkPrefix(65536), "10000\r\n");
  });
});
