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

  it("setAhead: one line in front of the others, whatever there was", () => {
    const lines = received(text);
    const before = lines.fork();
    lines.append("X-New", "n");
    lines.setAhead("x-a", " 3 ");
    const rest = "Host: a.b\r\nACCEPT:  */* \r\nSet-Cookie: s=1\r\nX-New: n\r\n";
    assert.equal(lines.toWire(), `x-a: 3\r\n${rest}`);
    assert.deepEqual([lines.get("X-A"), lines.get("accept"), lines.lineCount], ["3", "*/*", 5]);
    lines.delete("set-cookie");
    lines.setAhead("Q", "");
    assert.deepEqual([...lines].slice(0, 3), [
      ["Q", ""],
      ["x-a", "3"],
      ["Host", "a.b"],
    ]);
    assert.equal(before.toWire(), text);
    const empty = new HeaderLines();
    empty.setAhead("Host", "a.b");
    assert.equal(empty.toWire(), "Host: a.b\r\n");
    assert.throws(() => empty.setAhead("Host", "a\r\nX: 1"), TypeError);
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

  it("appendAll: as if appended one by one, and never changed by what follows", () => {
    const block = HeaderLines.from([
      ["X-One", "1"],
      ["Set-Cookie", "s=2"],
      ["X-A", "3"],
    ]);
    const both = (change: (lines: HeaderLines) => void): HeaderLines[] => {
      const [shared, single] = [received(text), received(text)];
      shared.append("Q", "0");
      single.append("Q", "0");
      shared.appendAll(block);
      for (const [name, value] of block) single.append(name, value);
      change(shared);
      change(single);
      return [shared, single];
    };
    const changes: ((lines: HeaderLines) => void)[] = [
      () => {},
      (lines) => lines.append("Z", "9"),
      (lines) => lines.set("x-one", "9"),
      (lines) => lines.set("x-a", "9"),
      (lines) => lines.delete("X-A"),
      (lines) => lines.delete("Host"),
      (lines) => lines.appendAll(HeaderLines.from([["X-One", "4"]])),
      (lines) => lines.appendAll(new Headers({ "x-one": "4" })),
      (lines) => lines.fork().set("x-one", "9"),
    ];
    for (const change of changes) {
      const [shared, single] = both(change) as [HeaderLines, HeaderLines];
      for (const name of ["X-One", "x-a", "set-cookie", "Host", "Q", "Z", "Y"]) {
        assert.equal(shared.get(name), single.get(name), name);
        assert.equal(shared.first(name), single.first(name), name);
        assert.equal(shared.has(name), single.has(name), name);
      }
      assert.deepEqual(shared.getSetCookie(), single.getSetCookie());
      assert.deepEqual([shared.lineCount, shared.byteLength], [single.lineCount, single.byteLength]);
      assert.deepEqual([...shared], [...single]);
      assert.equal(shared.toWire(), single.toWire());
      assert.equal(block.toWire(), "X-One: 1\r\nSet-Cookie: s=2\r\nX-A: 3\r\n");
    }
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
