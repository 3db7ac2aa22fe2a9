import assert from "node:assert/strict";
import { createServer, METHODS, type Server } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ChunkError, ChunkedDecoder } from "../../../src/wire/chunked.ts";
import { HeadRefusal } from "../../../src/wire/head-refusal.ts";
import { type RequestHead, RequestHeadParser } from "../../../src/wire/request-head.ts";
import { gap } from "../../fixtures/gap.ts";
import { HOSTILE_MESSAGES } from "../../fixtures/hostile-messages.ts";
import { latin1, octets, textOf } from "../../fixtures/octets.ts";
import { chunkedBodies, damaged, requestHeads } from "./message-texts.ts";

/** A request as we see it: complete, and where it ends. */
interface Accepted {
  readonly head: RequestHead;
  readonly headLength: number;
  readonly body: string;
  readonly end: number;
}

/** Our verdict: undefined when refused or not complete. */
function ours(text: string): Accepted | undefined {
  try {
    const parser = new RequestHeadParser(latin1, { maxBytes: 10_000, maxLines: 0 });
    const bytes = octets(text);
    const head = parser.push(bytes);
    if (head === undefined) return undefined;
    const headLength = parser.end;
    if (head.chunked) {
      const data: Uint8Array[] = [];
      const decoder = new ChunkedDecoder(latin1, { maxLineBytes: 1000, maxTrailerBytes: 1000 });
      const end = decoder.push(bytes, headLength, { data: (bytes) => void data.push(bytes) });
      return end === -1 ? undefined : { head, headLength, body: textOf(data), end };
    }
    const end = headLength + Math.max(0, head.contentLength);
    return end > text.length ? undefined : { head, headLength, body: text.slice(headLength, end), end };
  } catch (error) {
    if (error instanceof HeadRefusal || error instanceof ChunkError) return undefined;
    throw error;
  }
}

/** A socket whose peer sends one text and then FIN, and never reads. */
class Sender extends Duplex {
  override _read(): void {}
  override _write(_bytes: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** Node's verdict on exactly one request, by its own parser: the body, or why it was refused. */
function theirs(server: Server, text: string): Promise<{ body: string } | { refused: string }> {
  return new Promise((resolve) => {
    const sender = new Sender();
    const finish = (verdict: { body: string } | { refused: string }): void => {
      server.removeAllListeners("request").removeAllListeners("clientError");
      sender.destroy();
      resolve(verdict);
    };
    server.on("clientError", (error: NodeJS.ErrnoException) => finish({ refused: error.code ?? error.message }));
    server.on("request", (request) => {
      let body = "";
      request.setEncoding("latin1");
      request.on("data", (piece: string) => {
        body += piece;
      });
      request.on("end", () => finish({ body }));
      request.on("error", (error) => finish({ refused: error.message }));
    });
    // Without a word, after CONNECT for example.
    sender.on("close", () => finish({ refused: "closed" }));
    server.emit("connection", sender as unknown as Socket);
    sender.push(octets(text));
    sender.push(null);
  });
}

/** The message with its chunk extensions replaced and its trailer section rewritten; its chunks are known to be good. */
function rewriteChunks(
  text: string,
  { head, headLength }: Accepted,
  extension: string,
  trailers: (section: string) => string,
): string {
  if (!head.chunked) return text;
  let rewritten = text.slice(0, headLength);
  for (let at = headLength; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    const line = text.slice(at, lineEnd);
    rewritten += `${line.replace(/;.*/, extension)}\r\n`;
    const size = Number.parseInt(line, 16);
    if (size === 0) return rewritten + trailers(text.slice(lineEnd + 2));
    at = lineEnd + 2 + size + 2;
    rewritten += text.slice(lineEnd + 2, at);
  }
}

/**
 * What we accept and llhttp does not: the accepted list of architecture §8, and what we drop. Each rewrite takes one of them out of a
 * message that we accepted, so that llhttp must accept what is left, with the same body.
 */
const EXCEPTIONS: readonly {
  readonly reason: string;
  readonly rewrite: (text: string, message: Accepted) => string;
}[] = [
  {
    reason: "any method token: methods pass as they are, llhttp has a fixed list",
    rewrite: (text, { head }) => (METHODS.includes(head.method) ? text : text.replace(head.method, "POST")),
  },
  {
    reason: "target bytes 0x21-0x7E and from 0x80, `//`, any absolute form: forwarded byte for byte",
    rewrite: (text) => {
      const [line = ""] = text.split("\r\n", 1);
      const [method, , version] = line.split(" ");
      return `${method === "CONNECT" ? "POST" : method} / ${version}${text.slice(line.length)}`;
    },
  },
  {
    reason: "HTTP/1.2 to 1.9: parsed like HTTP/1.1 so that the logged raw 400 of data-plane §1.4.11 can be given",
    rewrite: (text) => text.replace(/HTTP\/1\.[2-9]\r\n/, "HTTP/1.1\r\n"),
  },
  {
    reason: "equal repeated Content-Length lines: merged, so that one goes upstream",
    rewrite: (text, { head, headLength }) => {
      const [line] = text.split("\r\n", 1);
      const merged = head.headers.fork();
      return `${line}\r\n${merged.toWire()}\r\n${text.slice(headLength)}`;
    },
  },
  {
    reason:
      "chunk extensions of any text without control bytes: dropped, never forwarded, and CRLF still ends the line",
    rewrite: (text, message) => rewriteChunks(text, message, "", (trailers) => trailers),
  },
  {
    reason: "framing fields in the trailer section: dropped (RFC 9110 §6.5.1), never forwarded, and they frame nothing",
    rewrite: (text, message) =>
      rewriteChunks(text, message, "$&", (trailers) =>
        trailers.replace(/^(content-length|transfer-encoding):[^\r\n]*\r\n/gim, ""),
      ),
  },
];

/** The HTTP/2 preface has no meaning in HTTP/1.1; we parse it for data-plane §1.4.11 only. */
const isPreface = (message: Accepted): boolean => message.head.protocol === "HTTP/2.0";

async function judge(server: Server, text: string): Promise<"accepted" | "refused" | "excepted"> {
  const message = ours(text);
  if (message === undefined || isPreface(message)) return "refused";
  let received = text.slice(0, message.end);
  const first = await theirs(server, received);
  if (!("refused" in first)) {
    assert.equal(first.body, message.body, `bodies differ: ${JSON.stringify(received)}`);
    return "accepted";
  }
  // Only the head may change in front of the body, so the last rewrites see where it began.
  let rewritten: Accepted = message;
  for (const { rewrite } of EXCEPTIONS) {
    received = rewrite(received, rewritten);
    const again = ours(received);
    assert.ok(again !== undefined, `no longer accepted by us: ${JSON.stringify(received)}`);
    rewritten = again;
  }
  const second = await theirs(server, received);
  const what = `we accept ${JSON.stringify(text)}, llhttp refuses even ${JSON.stringify(received)}`;
  assert.deepEqual(second, { body: message.body }, what);
  return "excepted";
}

const newServer = (): Server => createServer({ requireHostHeader: false, insecureHTTPParser: false });
const nodeOnly = gap(["bun", "deno"], "llhttp, the parser to compare with, is Node's own");

const requests = fc.oneof(
  fc.tuple(requestHeads, fc.constantFrom("", "hello", "hello world")).map((parts) => parts.join("")),
  fc.tuple(requestHeads, chunkedBodies).map(([head, body]) => {
    const chunked = head.includes("hunked") ? head : head.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n");
    return chunked + body;
  }),
);

describe("requests that we accept, given to llhttp", () => {
  it("never accepts what llhttp refuses, and sees the same body", nodeOnly, async () => {
    const server = newServer();
    const counts = { accepted: 0, refused: 0, excepted: 0 };
    await fc.assert(
      fc.asyncProperty(damaged(requests), async (text) => {
        counts[await judge(server, text)]++;
      }),
      { numRuns: 4000, seed: 20261121 },
    );
    // A comparison that compares nothing proves nothing.
    assert.ok(counts.accepted > 300 && counts.refused > 300 && counts.excepted > 300, JSON.stringify(counts));
  });

  it("needs each of its exceptions", nodeOnly, async () => {
    const server = newServer();
    const examples = [
      "FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET a+b://c HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.5\r\nHost: a\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1; a\r\nx\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n",
    ];
    for (const [index, text] of examples.entries()) {
      assert.equal(await judge(server, text), "excepted", EXCEPTIONS[index]?.reason);
    }
  });

  it("refuses the hostile messages, whatever llhttp does", nodeOnly, () => {
    for (const { name, text } of HOSTILE_MESSAGES) assert.equal(ours(text), undefined, name);
  });
});
