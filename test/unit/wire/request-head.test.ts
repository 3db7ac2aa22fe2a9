import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ChunkError, ChunkedDecoder } from "../../../src/wire/chunked.ts";
import { HeadRefusal } from "../../../src/wire/head-refusal.ts";
import { type RequestHead, RequestHeadParser } from "../../../src/wire/request-head.ts";
import { HOSTILE_MESSAGES, MAX_HEAD_BYTES } from "../../fixtures/hostile-messages.ts";
import { latin1, octets, textOf } from "../../fixtures/octets.ts";

const limits = { maxBytes: MAX_HEAD_BYTES, maxLines: 0 };
const date = (): string => "Fri, 21 Nov 2026 10:00:00 GMT";
const newParser = (): RequestHeadParser => new RequestHeadParser(latin1, limits, date);

function parse(text: string): RequestHead {
  const head = newParser().push(octets(text));
  assert.ok(head !== undefined, "the head should be complete");
  return head;
}

function refusal(text: string, parser = newParser()): HeadRefusal {
  try {
    parser.push(octets(text));
  } catch (error) {
    if (error instanceof HeadRefusal) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: `not refused: ${JSON.stringify(text.slice(0, 200))}` });
}

const get = (lines: string, version = "1.1"): RequestHead =>
  parse(`GET / HTTP/${version}\r\nHost: a.b\r\n${lines}\r\n`);

describe("request head: refused", () => {
  for (const message of HOSTILE_MESSAGES.filter(({ where }) => where === "head")) {
    it(message.name, () => {
      const { status, answer } = refusal(message.text);
      assert.equal(status, message.status);
      if (status === 417) {
        const head = "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\n";
        assert.equal(answer, `${head}Date: ${date()}\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      const statusLine = status === 501 ? "501 Not Implemented" : message.body;
      const head = `HTTP/1.1 ${statusLine}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n`;
      assert.equal(answer, head + message.body);
    });
  }

  for (const message of HOSTILE_MESSAGES.filter(({ where }) => where === "body")) {
    it(`has a good head: ${message.name}`, () => {
      const parser = newParser();
      const bytes = octets(message.text);
      assert.equal(parser.push(bytes)?.chunked, true);
      const decoder = new ChunkedDecoder(latin1, { maxLineBytes: 4096, maxTrailerBytes: 4096 });
      const data: Uint8Array[] = [];
      assert.throws(() => decoder.push(bytes, parser.end, { data: (bytes) => data.push(bytes) }), ChunkError);
      assert.ok(["", "hello", "hell"].includes(textOf(data)));
    });
  }

  it("answers 417 in HTTP/1.0 to HTTP/1.0, and without a clock without Date", () => {
    const text = "GET / HTTP/1.0\r\nExpect: x\r\n\r\n";
    const { answer } = refusal(text, new RequestHeadParser(latin1, limits));
    assert.equal(answer, "HTTP/1.0 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });

  it("refuses a bad byte before the head is complete", () => {
    for (const text of ["GET / HTTP/1.1\n", "GET /\0", "GET / HTTP/1.1\r\nA: b\rc", "GET / HTTP/1.1\r\nA: \x01"]) {
      assert.equal(refusal(text).status, 400);
    }
  });

  it("judges the request line as soon as it is complete, and first", () => {
    assert.equal(refusal("GET / HTTP/7.0\r\n").status, 505);
    assert.equal(refusal("GET / HTTP/7.0\r\nbad name: x\r\n\r\n").status, 505);
  });

  it("takes exactly the limits and no more", () => {
    const text = "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
    const parser = (maxBytes: number, maxLines: number): RequestHeadParser =>
      new RequestHeadParser(latin1, { maxBytes, maxLines });
    assert.ok(parser(text.length, 2).push(octets(text)));
    assert.equal(refusal(text, parser(text.length - 1, 0)).status, 431);
    assert.equal(refusal(text, parser(1000, 1)).status, 431);
  });
});

describe("request head: accepted", () => {
  const targets = [
    "/",
    "//a//b",
    "/a/../b;c#d",
    '/"{}[]^|`<>\\',
    "/\xc3\xa9\xff",
    "/%2F%5a",
    "/a?b=%zz&c=%",
    "*",
    "http://other.host:8080/x?y",
    "HTTPS://user:pw@h_x",
    "http:///x",
    "ws+x://[::1]?q",
    "http://[::1]:80/",
    "http://a.b:/",
    "http://a:b:80/",
  ];
  for (const target of targets) {
    it(`target ${target}`, () => {
      assert.equal(parse(`GET ${target} HTTP/1.1\r\nHost: a.b\r\n\r\n`).target, target);
    });
  }

  it("any method token, CONNECT with an authority or a path", () => {
    for (const method of ["get", "FOO", "!#$%&'*+-.^_`|~1"]) {
      assert.equal(parse(`${method} / HTTP/1.1\r\nHost: a.b\r\n\r\n`).method, method);
    }
    assert.equal(parse("CONNECT a.b:443 HTTP/1.1\r\nHost: a.b\r\n\r\n").target, "a.b:443");
    assert.equal(parse("CONNECT /x HTTP/1.1\r\nHost: a.b\r\n\r\n").target, "/x");
  });

  it("HTTP/1.0 without Host, an empty Host, and unusual Host bytes", () => {
    assert.equal(parse("GET / HTTP/1.0\r\n\r\n").headers.get("host"), null);
    assert.equal(parse("GET / HTTP/1.1\r\nHost:\r\n\r\n").headers.get("host"), "");
    const host = "A-_.~!$&'()*+,;=%:[]";
    assert.equal(parse(`GET / HTTP/1.1\r\nHost: ${host} \r\n\r\n`).headers.get("host"), host);
  });

  it("HTTP/1.2 to 1.9 and the HTTP/2 preface, by the name they came with", () => {
    for (let minor = 0; minor <= 9; minor++) assert.equal(get("", `1.${minor}`).protocol, `HTTP/1.${minor}`);
    const parser = newParser();
    const bytes = octets("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    const head = parser.push(bytes);
    assert.deepEqual([head?.method, head?.target, head?.protocol], ["PRI", "*", "HTTP/2.0"]);
    assert.equal(head?.persistent, false);
    assert.equal(textOf([bytes.subarray(parser.end)]), "SM\r\n\r\n");
  });

  it("bytes from 0x80 and HTAB in values, blanks around them", () => {
    const head = get("A: \t x\ty\xff \t\r\nB:\r\n");
    assert.equal(head.headers.get("a"), "x\ty\xff");
    assert.equal(head.headers.get("b"), "");
  });

  it("equal repeated Content-Length lines, merged", () => {
    const head = get("Content-Length: 5\r\nA: b\r\ncontent-length:  5 \r\n");
    assert.equal(head.contentLength, 5);
    assert.equal(head.headers.get("content-length"), "5");
    assert.equal(head.headers.toWire(), "Host: a.b\r\nContent-Length: 5\r\nA: b\r\n");
  });
});

describe("request head: facts", () => {
  it("Content-Length", () => {
    assert.equal(get("").contentLength, -1);
    assert.equal(get("Content-Length: 0\r\n").contentLength, 0);
    assert.equal(get("Content-Length: 007\r\n").contentLength, 7);
    assert.equal(get("Content-Length: 9007199254740991\r\n").contentLength, 9007199254740991);
  });

  it("Transfer-Encoding", () => {
    assert.equal(get("").chunked, false);
    assert.equal(get("transfer-encoding: CHUNKED \r\n").chunked, true);
  });

  it("persistence", () => {
    assert.equal(get("").persistent, true);
    assert.equal(get("Connection: foo , CLOSE\r\n").persistent, false);
    assert.equal(get("Connection: keep-alive\r\nConnection: close\r\n").persistent, false);
    assert.equal(get("Connection: closed, x-close\r\n").persistent, true);
    assert.equal(get("", "1.0").persistent, false);
    assert.equal(get("Connection:,, Keep-Alive\r\n", "1.0").persistent, true);
    assert.equal(get("Connection: keep-alive, close\r\n", "1.0").persistent, false);
  });

  it("upgrade needs the token and the line", () => {
    assert.equal(get("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n").upgrade, true);
    assert.equal(get("Upgrade: websocket\r\n").upgrade, false);
    assert.equal(get("Connection: upgrade\r\n").upgrade, false);
  });

  it("Expect: 100-continue, from HTTP/1.1 on", () => {
    assert.equal(get("Expect: 100-Continue\r\n").expectContinue, true);
    assert.equal(get("Expect: 100-continue\r\n", "1.0").expectContinue, true);
    assert.equal(get("Expect:\r\n").expectContinue, false);
  });
});

describe("request head: arriving", () => {
  it("says what has begun", () => {
    const parser = newParser();
    assert.deepEqual([parser.started, parser.inRequestLine], [false, false]);
    assert.equal(parser.push(new Uint8Array(0)), undefined);
    assert.deepEqual([parser.started, parser.inRequestLine], [false, false]);
    parser.push(octets("G"));
    assert.deepEqual([parser.started, parser.inRequestLine], [true, true]);
    parser.push(octets("ET / HTTP/1.1\r\n"));
    assert.deepEqual([parser.started, parser.inRequestLine], [true, false]);
    assert.ok(parser.push(octets("Host: a\r\n\r\nrest")));
    assert.deepEqual([parser.started, parser.inRequestLine], [false, false]);
  });

  it("gives pipelined heads one by one, from views of one piece", () => {
    const parser = newParser();
    let bytes = octets("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\nX: y\r\n\r\nGET /3 ");
    assert.equal(parser.push(bytes)?.target, "/1");
    bytes = bytes.subarray(parser.end);
    const second = parser.push(bytes);
    assert.deepEqual([second?.target, second?.headers.get("host")], ["/2", "b"]);
    assert.equal(parser.push(bytes.subarray(parser.end)), undefined);
    const last = octets("HTTP/1.1\r\nHost: c\r\n\r\n");
    assert.equal(parser.push(last)?.target, "/3");
    assert.equal(parser.end, last.length);
  });

  it("costs no more than linear time, byte by byte up to the limit", () => {
    let looked = 0;
    const counting = (bytes: Uint8Array, start: number, end: number): string => {
      looked += end - start;
      return latin1(bytes, start, end);
    };
    const parser = new RequestHeadParser(counting, limits);
    const text = `GET / HTTP/1.1\r\nHost: a\r\nA: ${"x".repeat(MAX_HEAD_BYTES - 32)}\r\n\r\n`;
    assert.equal(text.length, MAX_HEAD_BYTES);
    const bytes = octets(text);
    let head: RequestHead | undefined;
    for (let at = 0; at < bytes.length; at++) head = parser.push(bytes.subarray(at, at + 1));
    assert.equal(head?.headers.get("a")?.length, MAX_HEAD_BYTES - 32);
    assert.ok(looked < MAX_HEAD_BYTES + 100, "the head is decoded once, and its request line once before");
  });
});
