import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RequestLike } from "../../../src/core/message.ts";
import { HeaderLines } from "../../../src/wire/header-lines.ts";
import { bytesOf, settled } from "../../fixtures/memory-stream.ts";
import {
  createServerRig,
  HandFedBody,
  Observed,
  pendingHandler,
  sourceResponse,
  textResponse,
  undated,
} from "../../fixtures/server-rig.ts";

const get = "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n";
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("server: one request", () => {
  it("answers in one write, the lines as given, then Date and the length of what is at hand (data-plane §13.2)", async () => {
    const rig = await createServerRig(() => {
      const headers = new HeaderLines();
      headers.append("x-foo", "BAR");
      headers.append("Content-Length", "2");
      headers.append("ETag", "\xe4");
      return { status: 200, statusText: "OK", headers, body: null, content: "ok" };
    });
    const client = rig.connect();
    const date = new Date(1_000_000).toUTCString();
    assert.equal(
      await client.say(get),
      `HTTP/1.1 200 OK\r\nx-foo: BAR\r\nETag: \xe4\r\nDate: ${date}\r\nContent-Length: 2\r\n\r\nok`,
    );
    assert.equal(client.far.writes, 1);
    assert.equal(rig.server.idleConnections, 1);
    assert.equal(rig.server.activeConnections, 0);
  });

  it("keeps a Date of the handler's", async () => {
    const rig = await createServerRig(() => {
      const headers = HeaderLines.from([["date", "then"]]);
      return { status: 200, statusText: "OK", headers, body: null };
    });
    assert.equal(await rig.connect().say(get), "HTTP/1.1 200 OK\r\ndate: then\r\nContent-Length: 0\r\n\r\n");
  });

  it("makes a new Date text each second", async () => {
    const rig = await createServerRig(() => textResponse("ok"));
    const client = rig.connect();
    assert.match(await client.say(get), /00:16:40 GMT/);
    rig.clock.turn(999);
    assert.match(await client.say(get), /00:16:40 GMT/);
    rig.clock.turn(1);
    assert.match(await client.say(get), /00:16:41 GMT/);
  });

  it("sends head and first body bytes of a source in one write", async () => {
    const rig = await createServerRig(() => {
      const body = new HandFedBody(5);
      body.onStart = () => {
        body.give("hello");
        body.sink!.end(undefined);
      };
      return sourceResponse(body, [["content-length", "5"]]);
    });
    const client = rig.connect();
    assert.equal(undated(await client.say(get)), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    assert.equal(client.far.writes, 1);
  });

  it("sends a small chunked response that is at hand in one write", async () => {
    const rig = await createServerRig(() => {
      const body = new HandFedBody();
      body.onStart = () => {
        body.give("hello");
        body.sink!.end(undefined);
      };
      return sourceResponse(body);
    });
    const client = rig.connect();
    const text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    assert.equal(undated(await client.say(get)), text);
    assert.equal(client.far.writes, 1);
  });

  it("adds Content-Length when the source knows its length", async () => {
    const body = new HandFedBody(3);
    const rig = await createServerRig(() => sourceResponse(body));
    const client = rig.connect();
    assert.equal(undated(await client.say(get)), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
    body.give("a");
    assert.equal(await client.take(), "a");
    body.give("bc");
    body.sink!.end(undefined);
    assert.equal(await client.take(), "bc");
    assert.match(await client.say(get), /^HTTP\/1.1 200 OK/);
  });

  it("passes chunks on at once, each complete", async () => {
    const body = new HandFedBody();
    const rig = await createServerRig(() => sourceResponse(body));
    const client = rig.connect();
    assert.equal(undated(await client.say(get)), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    body.give("one");
    assert.equal(await client.take(), "3\r\none\r\n");
    body.give("two");
    body.give("three");
    assert.equal(await client.take(), "3\r\ntwo\r\n5\r\nthree\r\n");
    const large = "x".repeat(20_000);
    body.give(large);
    assert.equal(await client.take(), `4e20\r\n${large}\r\n`);
    body.give(large);
    body.give("y");
    body.sink!.end(undefined);
    assert.equal(await client.take(), `4e20\r\n${large}\r\n1\r\ny\r\n0\r\n\r\n`);
    assert.equal(rig.server.idleConnections, 1);
  });

  it("sends trailers on chunked responses in their order and spelling", async () => {
    const rig = await createServerRig((request) => {
      const body = new HandFedBody();
      body.onStart = () => {
        body.give("x");
        body.sink!.end(
          HeaderLines.from([
            ["x-B", "2"],
            ["X-a", "1"],
          ]),
        );
      };
      return sourceResponse(body, request.method === "GET" ? [["Trailer", "x-B"]] : []);
    });
    const chunked = "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-B: 2\r\nX-a: 1\r\n\r\n";
    const client = rig.connect();
    assert.equal(undated(await client.say(get)), `HTTP/1.1 200 OK\r\nTrailer: x-B\r\n${chunked}`);
    assert.equal(undated(await client.say(get.replace("GET", "PUT"))), `HTTP/1.1 200 OK\r\n${chunked}`);
    const old = rig.connect();
    assert.equal(
      undated(await old.say("GET / HTTP/1.0\r\nHost: a\r\n\r\n")),
      "HTTP/1.0 200 OK\r\nTrailer: x-B\r\n\r\nx",
    );
  });

  it("sends no body for HEAD, 204 and 304", async () => {
    const bodies: HandFedBody[] = [];
    const rig = await createServerRig((request) => {
      const body = new HandFedBody();
      bodies.push(body);
      if (request.method === "HEAD") return sourceResponse(body, [["Content-Length", "7"]]);
      return sourceResponse(body, [["Content-Length", "7"]], request.url.endsWith("/204") ? 204 : 304);
    });
    const client = rig.connect();
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
    assert.equal(undated(await client.say(get.replace("GET", "HEAD"))), head);
    assert.equal(undated(await client.say(get.replace("/", "/204"))), "HTTP/1.1 204 No Content\r\n\r\n");
    assert.equal(undated(await client.say(get)), "HTTP/1.1 304 Not Modified\r\n\r\n");
    assert.deepEqual(
      bodies.map((body) => body.cancelled),
      [true, true, true],
    );
    assert.equal(rig.server.idleConnections, 1);
  });

  it("counts the suppressed body of an answer to HEAD", async () => {
    const observed = new Observed();
    const rig = await createServerRig((_request, client) => {
      client.observer = observed;
      return textResponse("0123456789", 404);
    });
    const text = "HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n";
    assert.equal(undated(await rig.connect().say(get.replace("GET", "HEAD"))), text);
    assert.deepEqual(observed.heard, ["finished 0 10 complete"]);
  });

  it("answers OPTIONS * itself", async () => {
    const rig = await createServerRig(() => assert.fail("the handler was asked"));
    const client = rig.connect();
    const text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert.equal(undated(await client.say("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")), text);
    assert.equal(undated(await client.say("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")), text);
  });

  it("sends raw answers as they are and closes", async () => {
    const rig = await createServerRig(() => ({ ...textResponse(""), raw: "HTTP/1.0 400 Bad\r\n\r\nno" }));
    const client = rig.connect();
    assert.equal(await client.say(get + get), "HTTP/1.0 400 Bad\r\n\r\nno");
    assert.equal(client.sawEnd, true);
  });

  it("answers 502 for a handler that throws or rejects, and tells", async () => {
    const rig = await createServerRig((request) => {
      if (request.method === "GET") throw new Error("one");
      return Promise.reject(new Error("two"));
    });
    const client = rig.connect();
    const text = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
    assert.equal(undated(await client.say(get)), text);
    assert.equal(undated(await client.say(get.replace("GET", "PUT"))), text);
    assert.deepEqual(rig.errors.map(String), ["Error: one", "Error: two"]);
  });

  it("shows the request's parts", async () => {
    let seen: RequestLike | undefined;
    const rig = await createServerRig((request, client) => {
      seen = request;
      const facts = [client.remoteAddress, client.remotePort, client.localAddress, client.localPort];
      const { tls, target, protocol, takesTunnel } = client;
      return textResponse(JSON.stringify({ facts, tls, target, protocol, takesTunnel, url: request.url }));
    });
    const client = rig.connect({ remoteAddress: "10.0.0.1", remotePort: 7 });
    const answer = await client.say("GET //x/../y?q HTTP/1.1\r\nHost: a.b:81\r\nX-Y: z\r\nx-y: 2\r\n\r\n");
    assert.deepEqual(JSON.parse(answer.slice(answer.indexOf("{"))), {
      facts: ["10.0.0.1", 7, "192.0.2.2", 80],
      target: "//x/../y?q",
      protocol: "HTTP/1.1",
      takesTunnel: true,
      url: "http://a.b:81//x/../y?q",
    });
    assert.equal(seen!.headers.get("X-y"), "z, 2");
    assert.equal(seen!.body, null);
    assert.equal(seen!.signal.aborted, false);
  });

  it("makes a URL of every target form", async () => {
    const rig = await createServerRig((request) => textResponse(request.url));
    const url = async (method: string, target: string): Promise<string> =>
      (await rig.connect().say(`${method} ${target} HTTP/1.1\r\nHost: a.b\r\n\r\n`)).split("\r\n\r\n")[1]!;
    assert.equal(await url("GET", "http://x.y/z"), "http://x.y/z");
    assert.equal(await url("CONNECT", "x.y:443"), "http://a.b/");
    assert.equal(await url("GET", "/?u=http://c/"), "http://a.b/?u=http://c/");
  });
});

describe("server: connection reuse", () => {
  it("closes when the client asks for it, and says so to HTTP/1.1", async () => {
    const rig = await createServerRig(() => textResponse("ok"));
    const client = rig.connect();
    const text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    assert.equal(undated(await client.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")), text);
    assert.equal(client.sawEnd, true);
    assert.equal(rig.server.activeConnections, 0);
    await client.end();
    assert.equal(client.sawClose, true);
  });

  it("closes for HTTP/1.0 without a Connection line, or keeps it and says so", async () => {
    const rig = await createServerRig(() => textResponse("ok"));
    const client = rig.connect();
    const kept = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok";
    assert.equal(undated(await client.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")), kept);
    const closed = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert.equal(undated(await client.say("GET / HTTP/1.0\r\n\r\n")), closed);
    assert.equal(client.sawEnd, true);
  });

  it("delimits an unknown length for HTTP/1.0 by the close", async () => {
    const body = new HandFedBody();
    const rig = await createServerRig(() => sourceResponse(body));
    const client = rig.connect();
    const text = "HTTP/1.0 200 OK\r\n\r\n";
    assert.equal(undated(await client.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")), text);
    body.give("abc");
    body.sink!.end(undefined);
    assert.equal(await client.take(), "abc");
    assert.equal(client.sawEnd, true);
  });

  it("honours Connection: close of the handler and removes its framing lines", async () => {
    const body = new HandFedBody();
    body.onStart = () => body.sink!.end(undefined);
    const rig = await createServerRig(() =>
      sourceResponse(body, [
        ["Connection", "x, Close"],
        ["Transfer-Encoding", "gzip"],
        ["Content-Length", "x"],
      ]),
    );
    const client = rig.connect();
    const text = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert.equal(undated(await client.say(get)), text);
    assert.equal(client.sawEnd, true);
  });

  it("answers pipelined requests in order, one at a time", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(`${get.replace("/", "/1")}${get.replace("/", "/2")}${get.replace("/", "/3").slice(0, 9)}`);
    assert.deepEqual(
      exchanges.map((exchange) => exchange.client.target),
      ["/1"],
    );
    exchanges[0]!.answer(textResponse("one"));
    assert.match(await client.take(), /one$/);
    await client.say(get.replace("/", "/3").slice(9));
    assert.deepEqual(
      exchanges.map((exchange) => exchange.client.target),
      ["/1", "/2"],
    );
    exchanges[1]!.answer(textResponse("two"));
    assert.match(await client.take(), /two$/);
    assert.deepEqual(
      exchanges.map((exchange) => exchange.client.target),
      ["/1", "/2", "/3"],
    );
    exchanges[2]!.answer(textResponse("three"));
    assert.match(await client.take(), /three$/);
    assert.deepEqual(exchanges[2]!.observed.heard, ["finished 0 5 complete"]);
  });

  it("serves 10 000 pipelined requests in one chunk, answered at once or later", async () => {
    for (const later of [false, true]) {
      let served = 0;
      const rig = await createServerRig(() => {
        served++;
        return later ? Promise.resolve(textResponse("ok")) : textResponse("ok");
      });
      const client = rig.connect();
      client.discard = true;
      client.stream.write(bytesOf(get.repeat(10_000)));
      for (let before = -1; before !== served; ) {
        before = served;
        await settled();
      }
      assert.equal(served, 10_000);
      assert.equal(rig.server.idleConnections, 1);
    }
  });

  it("stops serving a pipelining client that does not read", async () => {
    let served = 0;
    const rig = await createServerRig(() => {
      served++;
      return textResponse("x".repeat(10_000));
    });
    const client = rig.connect();
    client.stream.pause();
    await client.say(get.repeat(5000));
    assert.ok(served < 10, `${served} were served`);
    await client.say(get.repeat(5000));
    assert.equal(client.far.paused, true);
    client.discard = true;
    client.stream.resume();
    while (client.receivedBytes < 10_000 * 10_000) await settled();
    assert.equal(served, 10_000);
  });

  it("bounds what is read ahead", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(get);
    const long = get.replace("\r\n\r\n", `\r\nX: ${"y".repeat(1000)}\r\n\r\n`);
    for (let i = 0; i < 200; i++) client.stream.write(bytesOf(long));
    await settled();
    assert.equal(client.far.paused, true);
    assert.ok(client.stream.pending > 100_000);
    for (let i = 0; i < exchanges.length; i++) {
      exchanges[i]!.answer(textResponse(""));
      await settled();
    }
    assert.equal(exchanges.length, 201);
  });

  it("refuses a bad head with its answer and closes behind what it served", async () => {
    const rig = await createServerRig(() => textResponse("ok"));
    const client = rig.connect();
    const text =
      "HTTP/1.1 400 Bad Request: missing required Host header\r\nContent-Type: text/plain; charset=utf-8\r\n" +
      "Connection: close\r\n\r\n400 Bad Request: missing required Host header";
    assert.equal(undated(await client.say(`${get}GET / HTTP/1.1\r\n\r\n${get}`)), ok + text);
    assert.equal(client.sawEnd, true);
    assert.equal(client.sawClose, false);
    // What it goes on to send is read, so that no RST takes the answer away, for a while.
    await client.say("x".repeat(100_000));
    assert.equal(client.stream.pending, 0);
    // Of one that sends very much no more is read, which keeps the answer from being taken away as well.
    const much = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 20; i++) client.stream.write(much);
    await settled();
    assert.deepEqual([client.far.paused, client.far.over, client.sawClose], [true, false, false]);
    assert.ok(client.stream.pending > 0);
    rig.clock.turn(3000);
    await settled();
    assert.equal(client.far.over, true);
  });
});
