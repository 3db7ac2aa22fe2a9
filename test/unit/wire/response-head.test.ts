import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../../src/core/forwarding/failure.ts";
import { type ResponseHead, ResponseHeadParser } from "../../../src/wire/response-head.ts";
import { latin1, octets, textOf } from "../../fixtures/octets.ts";

const limits = { maxBytes: 4096, maxLines: 0 };
const prefix = "net/http: HTTP/1.x transport connection broken: ";

function parse(text: string): ResponseHead {
  const head = new ResponseHeadParser(latin1, limits).push(octets(text));
  assert.ok(head !== undefined, "the head should be complete");
  return head;
}

function failure(text: string, parser = new ResponseHeadParser(latin1, limits)): Failure {
  try {
    parser.push(octets(text));
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: `not refused: ${JSON.stringify(text.slice(0, 200))}` });
}

const ok = (lines: string): ResponseHead => parse(`HTTP/1.1 200 OK\r\n${lines}\r\n`);

describe("response head: regular", () => {
  it("keeps lines as they came and tells status, phrase and length", () => {
    const parser = new ResponseHeadParser(latin1, limits);
    const lines = "Content-Length:5\r\nx-A:  b \r\nSet-Cookie: a\r\nset-cookie: b\r\n";
    const message = octets(`HTTP/1.1 299 Quite Fine\r\n${lines}\r\nhello`);
    const head = parser.push(message);
    assert.ok(head);
    assert.deepEqual([head.status, head.reason, head.minor], [299, "Quite Fine", 1]);
    assert.deepEqual([head.contentLength, head.chunked, head.persistent, head.irregular], [5, false, true, false]);
    assert.equal(head.headers.toWire(), lines);
    assert.deepEqual(head.headers.getSetCookie(), ["a", "b"]);
    assert.equal(head.byteLength, 25 + lines.length + 2);
    assert.equal(textOf([message.subarray(parser.end)]), "hello");
  });

  it("takes an empty phrase, interim heads, odd statuses and bytes from 0x80", () => {
    assert.deepEqual([parse("HTTP/1.1 200 \r\n\r\n").reason, parse("HTTP/1.1 200 \r\n\r\n").irregular], ["", false]);
    assert.equal(parse("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").status, 103);
    assert.equal(parse("HTTP/1.1 999 X\r\n\r\n").status, 999);
    assert.equal(parse("HTTP/1.1 200 \xe9\r\nA: \xff\r\n\r\n").headers.get("a"), "\xff");
  });

  it("knows persistence", () => {
    assert.equal(ok("Connection: close\r\n").persistent, false);
    assert.equal(parse("HTTP/1.0 200 OK\r\n\r\n").persistent, false);
    const old = parse("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n");
    assert.deepEqual([old.persistent, old.irregular], [true, false]);
  });

  it("reads one head after the other", () => {
    const parser = new ResponseHeadParser(latin1, limits);
    assert.equal(parser.started, false);
    assert.equal(parser.push(octets("HTTP/1.1 100 Conti")), undefined);
    assert.equal(parser.started, true);
    const rest = octets("nue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    assert.equal(parser.push(rest)?.status, 100);
    assert.equal(parser.push(rest, parser.end)?.status, 204);
    assert.equal(parser.end, rest.length);
    assert.equal(parser.started, false);
  });
});

describe("response head: made regular", () => {
  const irregular: [name: string, text: string, wire: string][] = [
    ["LF line ends", "HTTP/1.1 200 OK\nA: b\nC: d\n\n", "A: b\r\nC: d\r\n"],
    ["one LF line end", "HTTP/1.1 200 OK\r\nA: b\nC:d\r\n\r\n", "A: b\r\nC: d\r\n"],
    ["a closing LF", "HTTP/1.1 200 OK\r\nA: b\r\n\n", "A: b\r\n"],
    ["folding", "HTTP/1.1 200 OK\r\nA: b\r\n \t c \r\n\td\r\nE: f\r\n\r\n", "A: b c d\r\nE: f\r\n"],
    ["folding of an empty value", "HTTP/1.1 200 OK\r\nA:\r\n b\r\n\r\n", "A: b\r\n"],
    ["a fold that is empty", "HTTP/1.1 200 OK\r\nA: b\r\n \r\n\r\n", "A: b\r\n"],
    ["folding with LF", "HTTP/1.1 200 OK\nA: b\n c\n\n", "A: b c\r\n"],
    ["a missing phrase", "HTTP/1.1 200\r\nA:b\r\n\r\n", "A:b\r\n"],
    ["another version", "HTTP/1.7 200 OK\r\nA: b\r\n\r\n", "A: b\r\n"],
    ["another major version", "HTTP/3.1 200 OK\r\nA: b\r\n\r\n", "A: b\r\n"],
    [
      "repeated Content-Length",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
      "Content-Length: 5\r\n",
    ],
    [
      "Content-Length beside chunked",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "Transfer-Encoding: chunked\r\n",
    ],
    ["chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding: chunked\r\n"],
    ["a name with SP", "HTTP/1.1 200 OK\r\nA b: c\r\nD: e\r\nContent-Length : 7\r\n\r\n", "D: e\r\n"],
    ["a folded line with SP in its name", "HTTP/1.1 200 OK\r\nA : b\r\n c\r\nD: e\r\n\r\n", "D: e\r\n"],
  ];
  for (const [name, text, wire] of irregular) {
    it(name, () => {
      const head = parse(text);
      assert.equal(head.headers.toWire(), wire);
      assert.deepEqual([head.status, head.irregular, head.persistent], [200, true, false]);
      assert.equal(head.byteLength, text.length);
    });
  }

  it("frames by the regular lines", () => {
    const folded = parse("HTTP/1.1 200 OK\r\nContent-Length:\r\n 7\r\nconnection: a,\r\n\tclose\r\n\r\n");
    assert.equal(folded.contentLength, 7);
    const both = ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
    assert.deepEqual([both.contentLength, both.chunked], [-1, true]);
    assert.equal(ok("Content-Length : 7\r\n").contentLength, -1);
  });
});

describe("response head: malformed", () => {
  const malformed: [name: string, text: string, message: string][] = [
    ["garbage", "garbage\r\n", 'malformed HTTP response "garbage"'],
    ["binary garbage", 'a"\\\xff\0', 'malformed HTTP response "a\\"\\\\\\xff\\x00"'],
    ["no HTTP", "SSH-2.0 x y\r\n", 'malformed HTTP status code "x"'],
    ["another protocol", "ICY 200 OK\r\n", 'malformed HTTP version "ICY"'],
    ["lower case", "http/1.1 200 OK\r\n", 'malformed HTTP version "http/1.1"'],
    ["two blanks before the status", "HTTP/1.1  200 OK\r\n", 'malformed HTTP status code ""'],
    ["a short status", "HTTP/1.1 20 OK\r\n", 'malformed HTTP status code "20"'],
    ["a long status", "HTTP/1.1 2000 OK\r\n", 'malformed HTTP status code "2000"'],
    ["a status that is no number", "HTTP/1.1 2x0 OK\r\n", 'malformed HTTP status code "2x0"'],
    ["a status below 100", "HTTP/1.1 099 OK\r\n", 'malformed HTTP status code "099"'],
    ["no status", "HTTP/1.1 \r\n", 'malformed HTTP status code ""'],
    ["an empty line", "\r\n", 'malformed HTTP response ""'],
    ["no colon", "HTTP/1.1 200 OK\r\nfoo\r\n", 'malformed MIME header: missing colon: "foo"'],
    ["an empty name", "HTTP/1.1 200 OK\r\nA: b\r\n: x\r\n", 'malformed MIME header line: ":"'],
    ["a control byte", "HTTP/1.1 200 OK\r\nA: b\r\nC: d\x01e", 'malformed MIME header line: "C: d\\x01"'],
    ["a NUL in a name", "HTTP/1.1 200 OK\r\nA\0: b", 'malformed MIME header line: "A\\x00"'],
    ["a bare CR", "HTTP/1.1 200 OK\r\nA: b\rC: d", 'malformed MIME header line: "A: b\\rC"'],
    ["a fold with nothing before", "HTTP/1.1 200 OK\r\n A: b", 'malformed MIME header initial line: " "'],
    ["a bad length", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 'bad Content-Length "x"'],
    ["an empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", 'bad Content-Length ""'],
    ["a list as length", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", 'bad Content-Length "1, 1"'],
    [
      "differing lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      'http: message cannot contain multiple Content-Length headers; got ["1" "2"]',
    ],
    ["gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 'unsupported transfer encoding: "gzip"'],
    [
      "two codings",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      'too many transfer encodings: ["chunked" "chunked"]',
    ],
  ];
  for (const [name, text, message] of malformed) {
    it(name, () => {
      const failed = failure(text);
      assert.equal(failed.message, prefix + message);
      assert.deepEqual([failed.kind, failed.source, failed.retry], ["malformed-response", "backend", "never"]);
    });
  }

  it("quotes no more of garbage than anybody reads", () => {
    assert.equal(failure(`${"x".repeat(200)}\r\n`).message, `${prefix}malformed HTTP response "${"x".repeat(128)}..."`);
  });

  it("takes exactly the limits and no more", () => {
    const text = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
    const parser = (maxBytes: number, maxLines: number): ResponseHeadParser =>
      new ResponseHeadParser(latin1, { maxBytes, maxLines });
    assert.ok(parser(text.length, 2).push(octets(text)));
    const large = failure(text, parser(text.length - 1, 0));
    const message = `net/http: server response headers exceeded ${text.length - 1} bytes; aborted`;
    assert.deepEqual([large.kind, large.message], ["response-head-too-large", prefix + message]);
    const many = failure(text, parser(4096, 1));
    assert.deepEqual([many.kind, many.message], ["too-many-response-headers", "Too many response headers"]);
  });
});
