import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderLines } from "../../../src/wire/header-lines.ts";
import { ResponseHeadWriter } from "../../../src/wire/server-response-head.ts";

const date = "Tue, 01 Apr 2025 12:34:56 GMT";

/** The head of a router's own answer of four bytes. */
function own(method: string, old = false): string {
  const lines = HeaderLines.from([
    ["Content-Length", "4"],
    ["X-Cf-Routererror", "e"],
  ]);
  const response = { status: 404, statusText: "", content: "page" };
  return new ResponseHeadWriter().write(response, lines, { method, old, persistent: true }, 4, true, date);
}

describe("heads of the router's own answers", () => {
  it("have the length behind Date (data-plane §13.2), to HEAD as well", () => {
    const head = `HTTP/1.1 404 Not Found\r\nX-Cf-Routererror: e\r\nDate: ${date}\r\nContent-Length: 4\r\n\r\n`;
    for (const method of ["GET", "HEAD"]) assert.equal(own(method), head);
    const kept = head.replace("HTTP/1.1", "HTTP/1.0").replace(/\r\n\r\n$/, "\r\nConnection: keep-alive\r\n\r\n");
    for (const method of ["GET", "HEAD"]) assert.equal(own(method, true), kept);
  });

  it("have behind Date what the server made out itself, in its order", () => {
    const lines = HeaderLines.from([
      ["Content-Length", "2"],
      ["Content-Type", "text/plain"],
      ["Expires", "0"],
    ]);
    const response = { status: 200, statusText: "", behindDate: ["content-length", "content-type"] };
    const to = { method: "GET", old: false, persistent: false };
    const head = new ResponseHeadWriter().write(response, lines, to, -1, true, date);
    const own = `Date: ${date}\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nConnection: close\r\n`;
    assert.equal(head, `HTTP/1.1 200 OK\r\nExpires: 0\r\n${own}\r\n`);
  });

  it("leave a handler's Connection: close where it stands, for HTTP/1.0 too", () => {
    for (const old of [false, true]) {
      const lines = HeaderLines.from([
        ["Connection", "close"],
        ["Content-Length", "2"],
      ]);
      const writer = new ResponseHeadWriter();
      const to = { method: "GET", old, persistent: true };
      const head = writer.write({ status: 200, statusText: "" }, lines, to, -1, true, date);
      const line = old ? "HTTP/1.0 200 OK" : "HTTP/1.1 200 OK";
      assert.equal(head, `${line}\r\nConnection: close\r\nContent-Length: 2\r\nDate: ${date}\r\n\r\n`);
      assert.equal(writer.persistent, false);
    }
  });

  it("leave the length of a backend's answer where it stands", () => {
    for (const method of ["GET", "HEAD"]) {
      const lines = HeaderLines.from([
        ["Content-Length", "4"],
        ["ETag", "e"],
      ]);
      const to = { method, old: false, persistent: true };
      const head = new ResponseHeadWriter().write({ status: 200, statusText: "" }, lines, to, -1, true, date);
      assert.equal(head, `HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: e\r\nDate: ${date}\r\n\r\n`);
    }
  });
});
