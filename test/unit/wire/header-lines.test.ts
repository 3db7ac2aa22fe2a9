import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderLines } from "../../../src/wire/header-lines.ts";
import { ResponseHeadParser } from "../../../src/wire/response-head.ts";
import { latin1, octets } from "../../fixtures/octets.ts";

function received(lines: string): HeaderLines {
  const parser = new ResponseHeadParser(latin1, { maxBytes: 65536, maxLines: 0 });
  const head = parser.push(octets(`HTTP/1.1 200 OK\r\n${lines}\r\n`));
  assert.ok(head);
  return head.headers;
}

const text = "Host: a.b\r\nx-A:1\r\nACCEPT:  */* \r\nX-a: 2\r\nSet-Cookie: s=1\r\n";

describe("header lines", () => {
  it("write received lines as they came", () => {
    assert.equal(received(text).toWire(), text);
    assert.equal(received("").toWire(), "");
    assert.equal(new HeaderLines().toWire(), "");
  });

  it("find lines in any case, and trim values", () => {
    const lines = received(text);
    assert.equal(lines.get("X-A"), "1, 2");
    assert.equal(lines.first("x-a"), "1");
    assert.equal(lines.get("accept"), "*/*");
    assert.equal(lines.get("acceptx"), null);
    assert.equal(lines.first("cookie"), null);
    assert.equal(lines.has("HOST"), true);
    assert.equal(lines.has("hos"), false);
    assert.equal(lines.lineCount, 5);
  });

  it("write what is left in its order, and what was added behind it in its spelling", () => {
    const lines = received(text);
    lines.delete("X-A");
    lines.set("hoST", "c.d");
    lines.append("X-New", "n");
    lines.append("accept", "text/html");
    assert.equal(lines.toWire(), "ACCEPT:  */* \r\nSet-Cookie: s=1\r\nhoST: c.d\r\nX-New: n\r\naccept: text/html\r\n");
    assert.equal(lines.get("Accept"), "*/*, text/html");
    assert.equal(lines.lineCount, 5);
    lines.set("X-NEW", "m");
    lines.delete("accept");
    assert.equal(lines.toWire(), "Set-Cookie: s=1\r\nhoST: c.d\r\nX-NEW: m\r\n");
  });

  it("give one entry for each line", () => {
    const lines = received(text);
    lines.append("Set-Cookie", "s=2");
    assert.deepEqual([...lines].slice(3), [
      ["X-a", "2"],
      ["Set-Cookie", "s=1"],
      ["Set-Cookie", "s=2"],
    ]);
    assert.deepEqual(lines.getSetCookie(), ["s=1", "s=2"]);
  });

  it("fork: neither side sees the other's changes", () => {
    const lines = received(text);
    lines.append("Q", "1");
    const fork = lines.fork();
    fork.delete("host");
    fork.set("q", "2");
    assert.equal(lines.toWire(), `${text}Q: 1\r\n`);
    lines.delete("accept");
    lines.append("R", "3");
    assert.equal(fork.get("accept"), "*/*");
    assert.equal(fork.has("r"), false);
    assert.equal(fork.get("Q"), "2");
  });

  it("copy platform headers", () => {
    const headers = new Headers({ "X-B": "b", A: "a" });
    headers.append("set-cookie", "1");
    headers.append("set-cookie", "2");
    // Platforms differ in the order in which they give Set-Cookie.
    const lines = HeaderLines.from(headers).toWire().split("\r\n").sort();
    assert.deepEqual(lines, ["", "a: a", "set-cookie: 1", "set-cookie: 2", "x-b: b"]);
  });

  it("let nothing become a second line", () => {
    const lines = new HeaderLines();
    for (const value of ["a\r\nb: c", "a\nb", "a\rb", "a\0", "a\u010ab"]) {
      assert.throws(() => lines.set("A", value), /cannot set header A: its value .* use characters/);
      assert.throws(() => lines.append("A", value), TypeError);
    }
    for (const name of ["", "a b", "a:", "a\r\n", "\xe9", "\u0141"]) {
      assert.throws(() => lines.set(name, "a"), TypeError);
      assert.throws(() => lines.append(name, "a"), TypeError);
    }
    lines.set("A", "\r\n a\tb \n");
    assert.equal(lines.toWire(), "A: a\tb\r\n");
  });
});
