import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Failure } from "../../../src/core/forwarding/failure.ts";
import { ChunkError, ChunkedDecoder } from "../../../src/wire/chunked.ts";
import { HeadRefusal } from "../../../src/wire/head-refusal.ts";
import { ProxyHeaderError } from "../../../src/wire/proxy-protocol/header.ts";
import { ProxyHeaderParser } from "../../../src/wire/proxy-protocol/parser.ts";
import { RequestHeadParser } from "../../../src/wire/request-head.ts";
import { ResponseHeadParser } from "../../../src/wire/response-head.ts";
import { HOSTILE_MESSAGES } from "../../fixtures/hostile-messages.ts";
import { latin1, octets, textOf } from "../../fixtures/octets.ts";
import { chunkedBodies, damaged, proxyHeaders, requestHeads, responseHeads } from "./message-texts.ts";

const runs = { numRuns: 150, seed: 20261121 };
const limits = { maxBytes: 200, maxLines: 5 };

type Outcome = Record<string, unknown>;

/** Parses a message that arrives in these pieces; everything that can be seen of the result. */
type Reading = (pieces: Uint8Array[]) => Outcome;

interface HeadParser {
  push(bytes: Uint8Array): object | undefined;
  readonly started: boolean;
}

/** `restOf`: what the parser left of the piece that ended the head. */
function readHead(parser: HeadParser, restOf: (piece: Uint8Array) => Uint8Array, pieces: Uint8Array[]): Outcome {
  try {
    for (const [index, piece] of pieces.entries()) {
      const head = parser.push(piece);
      if (head !== undefined) {
        return { ...facts(head), rest: textOf([restOf(piece), ...pieces.slice(index + 1)]), started: parser.started };
      }
    }
    return { more: parser.started };
  } catch (error) {
    if (error instanceof HeadRefusal) return { refused: error.answer };
    if (error instanceof Failure) return { failed: error.kind, message: error.message };
    throw error;
  }
}

function facts(head: object): Outcome {
  const { headers, ...others } = head as { headers: { toWire(): string } };
  return { ...others, headers: headers.toWire() };
}

const readRequest: Reading = (pieces) => {
  const parser = new RequestHeadParser(latin1, limits);
  return readHead(parser, (piece) => piece.subarray(parser.end), pieces);
};
const readResponse: Reading = (pieces) => {
  const parser = new ResponseHeadParser(latin1, limits);
  return readHead(parser, (piece) => piece.subarray(parser.end), pieces);
};

const readChunked: Reading = (pieces) => {
  const decoder = new ChunkedDecoder(latin1, { maxLineBytes: 20, maxTrailerBytes: 40 });
  const data: Uint8Array[] = [];
  const sink = { data: (bytes: Uint8Array) => void data.push(bytes) };
  try {
    for (const [index, piece] of pieces.entries()) {
      const end = decoder.push(piece, 0, sink);
      if (end !== -1) {
        const rest = textOf([piece.subarray(end), ...pieces.slice(index + 1)]);
        return { data: textOf(data), trailers: decoder.trailers?.toWire(), rest };
      }
    }
    return { data: textOf(data), more: true };
  } catch (error) {
    if (error instanceof ChunkError) return { data: textOf(data), error: error.message };
    throw error;
  }
};

const readProxyHeader: Reading = (pieces) => {
  const parser = new ProxyHeaderParser(latin1);
  try {
    for (const [index, piece] of pieces.entries()) {
      const beginning = parser.push(piece);
      if (beginning === undefined) continue;
      return { header: beginning.header, rest: textOf([beginning.rest, ...pieces.slice(index + 1)]) };
    }
    return { pending: textOf([parser.pending]), begun: parser.begun };
  } catch (error) {
    if (error instanceof ProxyHeaderError) return { refused: error.message };
    throw error;
  }
};

/** One byte each, then each way to cut the bytes in two, and some to cut them in three. */
function* splits(bytes: Uint8Array): Iterable<Uint8Array[]> {
  yield Array.from(bytes, (byte) => Uint8Array.of(byte));
  for (let at = 0; at <= bytes.length; at++) {
    yield [bytes.subarray(0, at), bytes.subarray(at)];
    const second = at + ((bytes.length - at) >> 1);
    yield [bytes.subarray(0, at), bytes.subarray(at, second), bytes.subarray(second)];
  }
}

function assertSameHoweverSplit(text: string, reading: Reading): void {
  const bytes = octets(text);
  const whole = reading([bytes]);
  for (const pieces of splits(bytes)) {
    assert.deepEqual(reading(pieces), whole, `split into ${pieces.map(({ length }) => length)}`);
  }
}

describe("messages split anywhere", () => {
  const kinds: [name: string, texts: fc.Arbitrary<string>, reading: Reading][] = [
    ["request heads", requestHeads.map((text) => `${text}rest`), readRequest],
    ["response heads", responseHeads.map((text) => `${text}rest`), readResponse],
    ["PROXY headers", proxyHeaders.map((text) => `${text}rest`), readProxyHeader],
    ["chunked bodies", chunkedBodies.map((text) => `${text}rest`), readChunked],
  ];
  for (const [name, texts, reading] of kinds) {
    it(`${name}, good and damaged`, () => {
      fc.assert(
        fc.property(damaged(texts), (text) => assertSameHoweverSplit(text, reading)),
        runs,
      );
    });
  }

  it("hostile messages", () => {
    for (const { text, where } of HOSTILE_MESSAGES) {
      if (text.length > 1000) continue;
      assertSameHoweverSplit(text, readRequest);
      if (where === "body") assertSameHoweverSplit(text.slice(text.indexOf("\r\n\r\n") + 4), readChunked);
    }
  });
});

describe("chunked bodies, as a property", () => {
  it("give the data that went in", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 }), (chunks) => {
        const sized = chunks.map((data) => `${data.length.toString(16)}\r\n${textOf([data])}\r\n`).join("");
        assert.deepEqual(readChunked([octets(`${sized}0\r\n\r\nnext`)]), {
          data: textOf(chunks),
          trailers: undefined,
          rest: "next",
        });
      }),
      runs,
    );
  });
});
