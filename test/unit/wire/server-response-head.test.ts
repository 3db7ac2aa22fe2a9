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
