import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { ok } from "../../conformance/harness/backend.ts";
import { condition } from "../../conformance/harness/condition.ts";
import { Connection, exchange, get } from "../../conformance/harness/connection.ts";
import { type Adapter, kept, startAdapter } from "./adapter.ts";

describe("listener native", () => {
  let adapter: Adapter;
  before(async () => {
    adapter = await startAdapter();
  });
  after(async () => {
    await adapter.stop();
  });
  beforeEach(() => {
    adapter.backend.clear();
    adapter.backend.answer = () => ok("hello");
    adapter.log.length = 0;
  });
  const port = (): number => adapter.server.port;
  const host = "Host: app.test\r\n";

  it("routes a request and gives back the answer", async () => {
    const answer = await get(port(), "app.test", "/x?q=1", "X-One: 1");
    assert.equal(answer.status, 200);
    assert.equal(answer.body, "hello");
    const seen = await adapter.backend.request(1);
    assert.equal(seen.requestLine, "GET /x?q=1 HTTP/1.1");
    assert.equal(seen.header("x-one"), "1");
    assert.equal(seen.header("host"), "app.test");
  });

  it("tells the client's address and the scheme", async () => {
    await get(port(), "app.test");
    const seen = await adapter.backend.request(1);
    assert.equal(seen.header("x-forwarded-for"), "127.0.0.1");
    assert.equal(seen.header("x-forwarded-proto"), "http");
  });

  it("answers an unknown route with the router's own page", async () => {
    const answer = await get(port(), "nobody.test");
    assert.equal(answer.status, 404);
    assert.equal(answer.header("x-cf-routererror"), "unknown_route");
    assert.equal(answer.body, "404 Not Found: Requested route ('nobody.test') does not exist.\n");
  });

  it("answers 502 for a backend that is gone", async () => {
    adapter.router.register({ uri: "dead.test", port: 1 });
    const answer = await get(port(), "dead.test");
    assert.equal(answer.status, 502);
    assert.match(answer.header("x-cf-routererror") ?? "", /^endpoint_failure \(dial tcp 127\.0\.0\.1:1: /);
  });

  it("logs each request with what it moved", async () => {
    await exchange(port(), `POST /p HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`);
    const line = await condition("the access log line", () => adapter.log[0]);
    assert.match(line, /^app\.test - \[[^\]]+\] "POST \/p HTTP\/1\.1" 200 3 5 /);
    assert.match(line, /"127\.0\.0\.1:\d+" "127\.0\.0\.1:\d+" x_forwarded_for:"127\.0\.0\.1"/);
  });

  it("serves one request after another on a connection", async () => {
    const connection = await Connection.open(port());
    for (const path of ["/1", "/2", "/3"]) {
      connection.write(`GET ${path} HTTP/1.1\r\n${host}\r\n`);
      assert.equal((await connection.response()).body, "hello");
    }
    connection.close();
    assert.deepEqual(
      adapter.backend.requests.map(({ requestLine }) => requestLine.split(" ")[1]),
      ["/1", "/2", "/3"],
    );
  });

  it("passes a body of known length with that length", async () => {
    await exchange(port(), `PUT / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\n12345`);
    const seen = await adapter.backend.request(1);
    assert.equal(seen.body, "12345");
    assert.equal(seen.header("content-length"), "5");
    assert.equal(seen.chunked, false);
  });

  it("passes a chunked body chunked", async () => {
    await exchange(
      port(),
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
    );
    const seen = await adapter.backend.request(1);
    assert.equal(seen.body, "abcde");
    assert.equal(seen.chunked, true);
  });

  it("passes an empty body as one", async () => {
    await exchange(port(), `POST / HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`);
    const seen = await adapter.backend.request(1);
    assert.equal(seen.header("content-length"), "0");
    assert.equal(seen.chunked, false);
  });

  it("gives back a chunked answer", async () => {
    adapter.backend.answer = () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    const answer = await get(port(), "app.test");
    assert.equal(answer.body, "abcde");
  });

  it("gives back Content-Length, to HEAD too", async () => {
    assert.equal((await get(port(), "app.test")).header("content-length"), "5");
    adapter.backend.answer = () => "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n";
    const answer = await exchange(port(), `HEAD / HTTP/1.1\r\n${host}\r\n`, true);
    assert.equal(answer.header("content-length"), "77");
  });

  for (const status of [204, 304]) {
    it(`gives back ${status} without a body`, async () => {
      adapter.backend.answer = () => `HTTP/1.1 ${status} X\r\nX-A: 1\r\n\r\n`;
      const answer = await get(port(), "app.test");
      assert.equal(answer.status, status);
      assert.equal(answer.header("x-a"), "1");
    });
  }

  it("gives back every Set-Cookie on its own line", async () => {
    adapter.backend.answer = () => ok("x", "Set-Cookie: a=1", "Set-Cookie: b=2; Path=/");
    const answer = await get(port(), "app.test");
    const cookies = answer.lines.filter((line) => /^set-cookie:/i.test(line)).map((line) => line.slice(12));
    assert.deepEqual(cookies, ["a=1", "b=2; Path=/"]);
  });

  it("neither follows redirects nor decodes bodies", async () => {
    adapter.backend.answer = () =>
      ok("xyz", "Content-Encoding: gzip", "Location: /elsewhere").replace("200 OK", "302 F");
    const answer = await get(port(), "app.test");
    assert.equal(answer.status, 302);
    assert.equal(answer.body, "xyz");
    assert.equal(answer.header("content-encoding"), "gzip");
    assert.equal(adapter.backend.requests.length, 1);
  });

  it("keeps the one Date of a backend", async () => {
    adapter.backend.answer = () => ok("x", "Date: Tue, 01 Jan 2030 00:00:00 GMT");
    const answer = await get(port(), "app.test");
    const dates = answer.lines.filter((line) => /^date:/i.test(line));
    assert.equal(dates.length, 1);
    assert.match(dates[0]!, /2030/);
  });

  it("tells the backend when the client leaves before the answer", async () => {
    adapter.backend.answer = () => undefined;
    const connection = await Connection.open(port(), `GET / HTTP/1.1\r\n${host}\r\n`);
    await adapter.backend.request(1);
    connection.close();
    await condition(
      "the end of the backend's connection",
      () => adapter.backend.connections.at(-1)?.ended || undefined,
    );
    const line = await condition("the access log line", () => adapter.log[0]);
    assert.match(line, /" 499 0 /);
  });

  it("stops a backend whose client has left the answer", async () => {
    const endless = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n${"x".repeat(0x10000)}\r\n`;
    adapter.backend.answer = ({ socket }) => {
      socket.write(endless);
      const more = (): void => {
        if (!socket.destroyed) socket.write(`10000\r\n${"x".repeat(0x10000)}\r\n`, () => setTimeout(more, 1));
      };
      more();
      return undefined;
    };
    const connection = await Connection.open(port(), `GET / HTTP/1.1\r\n${host}\r\n`);
    await connection.text("xxxx");
    connection.close();
    await condition(
      "the end of the backend's connection",
      () => adapter.backend.connections.at(-1)?.ended || undefined,
    );
  });

  it("holds a fast backend back when the client is slow", async () => {
    let sent = 0;
    const piece = Buffer.alloc(0x10000, "x");
    adapter.backend.answer = ({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${200 * 1024 * 1024}\r\n\r\n`);
      const more = (): void => {
        while (!socket.destroyed && sent < 200 * 1024 * 1024) {
          sent += piece.length;
          if (!socket.write(piece)) {
            socket.once("drain", more);
            return;
          }
        }
      };
      more();
      return undefined;
    };
    const connection = await Connection.open(port());
    connection.socket.pause();
    connection.write(`GET / HTTP/1.1\r\n${host}\r\n`);
    await adapter.backend.request(1);
    let before = -1;
    await condition("a backend that has to wait", async () => {
      const still = sent === before && sent > 0;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return still || undefined;
    });
    assert.ok(sent < 60 * 1024 * 1024, `${sent} bytes were taken from the backend`);
    connection.close();
  });

  it("holds a fast client back when the backend is slow", async () => {
    adapter.backend.onData = (socket) => socket.pause();
    const connection = await Connection.open(port());
    const piece = Buffer.alloc(0x10000, "x");
    const total = 200 * 1024 * 1024;
    let sent = 0;
    connection.write(`POST / HTTP/1.1\r\n${host}Content-Length: ${total}\r\n\r\n`);
    const more = (): void => {
      while (!connection.closed && sent < total) {
        sent += piece.length;
        if (!connection.socket.write(piece)) {
          connection.socket.once("drain", more);
          return;
        }
      }
    };
    more();
    let before = -1;
    await condition("a client that has to wait", async () => {
      const still = sent === before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return still || undefined;
    });
    connection.close();
    adapter.backend.onData = () => {};
    for (const socket of adapter.backend.sockets) socket.destroy();
    assert.ok(sent < 60 * 1024 * 1024, `${sent} bytes were taken from the client`);
  });

  it("cuts the connection when the backend's body ends early", async () => {
    adapter.backend.answer = ({ socket }) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      return undefined;
    };
    const connection = await Connection.open(port(), `GET / HTTP/1.1\r\n${host}\r\n`);
    const received = await connection.toEnd();
    assert.ok(!received.includes("\r\n0\r\n\r\n"));
    assert.ok(!/\r\n\r\nabc.{7}/.test(received));
  });

  it("refuses CONNECT", async () => {
    const connection = await Connection.open(port(), "CONNECT app.test:80 HTTP/1.1\r\nHost: app.test:80\r\n\r\n");
    const first = await Promise.race([connection.toEnd(), connection.response().then(({ statusLine }) => statusLine)]);
    connection.close();
    assert.ok(first === "" || first.startsWith("HTTP/1.1 501"), first);
    assert.equal(adapter.backend.requests.length, 0);
  });

  it("refuses upgrades other than WebSocket, whatever the backend says", async () => {
    adapter.backend.answer = () => "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    const request = `GET / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n`;
    assert.equal((await exchange(port(), request)).status, 502);
  });

  it("drops interim responses", async () => {
    adapter.backend.answer = () => `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${ok("x")}`;
    assert.equal((await get(port(), "app.test")).status, 200);
  });

  it("drops trailers, and the line that announces them", async () => {
    adapter.backend.answer = () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n1\r\na\r\n0\r\nX-T: 1\r\n\r\n";
    const answer = await get(port(), "app.test");
    assert.equal(answer.body, "a");
    assert.deepEqual(answer.trailers, []);
    assert.equal(answer.header("trailer"), undefined);
  });

  it("takes no PROXY protocol", async () => {
    const connection = await Connection.open(port(), `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n${host}\r\n`);
    const received = await connection.toEnd();
    assert.ok(received === "" || received.startsWith("HTTP/1.1 400"), received);
    assert.equal(adapter.backend.requests.length, 0);
  });

  it("answers a status that Fetch cannot hold by 502", async () => {
    adapter.backend.answer = () => ok("x").replace("200", "700");
    assert.equal((await get(port(), "app.test")).status, 502);
  });

  kept("the request target byte for byte", { bun: "the path is normalised" }, async () => {
    await get(port(), "app.test", "/a/../b//%7e?q=%20{}");
    assert.equal((await adapter.backend.request(1)).requestLine, "GET /a/../b//%7e?q=%20{} HTTP/1.1");
  });

  kept("the absolute form of a target", { bun: "the authority comes from Host" }, async () => {
    const answer = await exchange(port(), "GET http://app.test/abs HTTP/1.1\r\nHost: other.test\r\n\r\n");
    assert.equal(answer.status, 200);
  });

  kept("OPTIONS *", { bun: "OPTIONS * is answered with 400", deno: "OPTIONS * is routed as /*" }, async () => {
    const answer = await exchange(port(), `OPTIONS * HTTP/1.1\r\n${host}\r\n`);
    assert.equal(answer.status, 200);
    assert.equal(adapter.backend.requests.length, 0);
  });

  kept(
    "any method",
    { bun: "a method that it does not know gets no answer", node: "a method that it does not know gets 400" },
    async () => {
      const connection = await Connection.open(port(), `FOO /x HTTP/1.1\r\n${host}\r\n`);
      try {
        assert.equal((await connection.response()).status, 200);
        assert.equal(adapter.backend.requests[0]?.requestLine, "FOO /x HTTP/1.1");
      } finally {
        connection.close();
      }
    },
  );

  kept(
    "the body of a GET",
    { bun: "bodies of GET and HEAD are dropped", deno: "bodies of GET and HEAD are dropped" },
    async () => {
      await exchange(port(), `GET / HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`);
      assert.equal((await adapter.backend.request(1)).body, "abc");
    },
  );

  kept(
    "spelling and order of a request's header lines",
    { bun: "request header names are lower-cased and sorted", deno: "request header names are lower-cased and sorted" },
    async () => {
      await get(port(), "app.test", "/", "X-ZuLu: 1", "X-Alpha: 2");
      const seen = await adapter.backend.request(1);
      assert.deepEqual(seen.lines.slice(0, 3), ["Host: app.test", "X-ZuLu: 1", "X-Alpha: 2"]);
    },
  );

  kept(
    "equal names of a request on lines of their own",
    { bun: "equal request header names are joined", deno: "equal request header names are joined" },
    async () => {
      await get(port(), "app.test", "/", "X-A: 1", "X-A: 2");
      const seen = await adapter.backend.request(1);
      assert.deepEqual(
        seen.lines.filter((line) => /^x-a:/i.test(line)).map((line) => line.slice(5)),
        ["1", "2"],
      );
    },
  );

  kept("spelling of a response's header lines", {}, async () => {
    adapter.backend.answer = () => ok("x", "X-ZuLu: 1");
    assert.ok((await get(port(), "app.test")).lines.includes("X-ZuLu: 1"));
  });

  kept(
    "equal names of a response on lines of their own",
    { bun: "equal response header names are joined" },
    async () => {
      adapter.backend.answer = () => ok("x", "X-A: 1", "X-A: 2");
      const answer = await get(port(), "app.test");
      assert.equal(answer.lines.filter((line) => /^x-a:/i.test(line)).length, 2);
    },
  );

  kept("bytes above 0x7F in header values", {}, async () => {
    adapter.backend.answer = () => ok("x", "X-A: \xe4\xff");
    const answer = await get(port(), "app.test", "/", "X-B: \xe4\xff");
    assert.equal((await adapter.backend.request(1)).header("x-b"), "\xe4\xff");
    assert.equal(answer.header("x-a"), "\xe4\xff");
  });

  kept("reason phrases", {}, async () => {
    adapter.backend.answer = () => ok("x").replace("200 OK", "421 X");
    assert.equal((await get(port(), "app.test")).statusLine, "HTTP/1.1 421 Misdirected Request");
  });

  kept("an answer to HTTP/1.0 without Host", {}, async () => {
    const answer = await exchange(port(), "GET / HTTP/1.0\r\n\r\n");
    assert.equal(answer.header("x-cf-routererror"), "empty_host");
  });

  kept(
    "HTTP/1.0 in the access log",
    { bun: "the protocol version is not shown", deno: "the protocol version is not shown" },
    async () => {
      await exchange(port(), `GET / HTTP/1.0\r\n${host}\r\n`);
      assert.match(await condition("the access log line", () => adapter.log[0]), /"GET \/ HTTP\/1\.0"/);
    },
  );

  kept("a request head of 30 KB", { bun: "a request head is at most 16 KiB" }, async () => {
    assert.equal((await get(port(), "app.test", "/", `X-Big: ${"x".repeat(30_000)}`)).status, 200);
  });

  kept("300 header lines", { bun: "at most 200 header lines", deno: "at most 100 header lines" }, async () => {
    const lines = Array.from({ length: 300 }, (_, i) => `X-${i}: 1`);
    assert.equal((await get(port(), "app.test", "/", ...lines)).status, 200);
  });

  it("says 100 Continue by itself, whatever the backend would say", async () => {
    const expects = `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n`;
    const connection = await Connection.open(port(), expects);
    assert.equal((await connection.response()).status, 100);
    connection.write("abc");
    assert.equal((await connection.response()).status, 200);
    connection.close();
  });
});
