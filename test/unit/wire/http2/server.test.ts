import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../../../src/core/forwarding/failure.ts";
import { HeaderLines } from "../../../../src/wire/header-lines.ts";
import { windowUpdateFrame } from "../../../../src/wire/http2/frame-text.ts";
import {
  DATA,
  INTERNAL_ERROR,
  NO_ERROR,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "../../../../src/wire/http2/protocol.ts";
import type { Handler } from "../../../../src/wire/server-options.ts";
import { requestLine } from "../../../fixtures/http2-peer.ts";
import { createHttp2ServerRig } from "../../../fixtures/http2-server-rig.ts";
import { settled } from "../../../fixtures/memory-stream.ts";
import {
  Collected,
  collect,
  HandFedBody,
  Observed,
  pendingHandler,
  readAll,
  sourceResponse,
  textResponse,
} from "../../../fixtures/server-rig.ts";

const hello: Handler = () => textResponse("hello");

describe("HTTP/2 server connection: answers (data-plane §10.1)", () => {
  it("offers what upstream offers, and extended CONNECT", async () => {
    const { peer } = await createHttp2ServerRig(hello);
    const [settings, window] = peer.frames;
    assert.equal(settings!.type, SETTINGS);
    const values = new Map<number, number>();
    for (let at = 0; at < settings!.payload.length; at += 6) {
      const codes = [...settings!.payload.slice(at, at + 6)].map((letter) => letter.charCodeAt(0));
      values.set(
        codes[0]! * 256 + codes[1]!,
        codes.slice(2).reduce((sum, byte) => sum * 256 + byte, 0),
      );
    }
    assert.deepEqual(
      [...values],
      [
        [3, 250],
        [4, 1_048_576],
        [5, 1_048_576],
        [6, 1_048_896],
        [8, 1],
      ],
    );
    assert.equal(window!.type, WINDOW_UPDATE);
  });

  it("answers with lower-case names, content-length and date last", async () => {
    const { peer } = await createHttp2ServerRig(() => {
      const headers = HeaderLines.from([
        ["Content-Length", "5"],
        ["X-Cf-RouterError", "none"],
        ["Connection", "close"],
        ["Content-Type", "text/plain"],
      ]);
      return { status: 404, statusText: "Not Found", headers, body: null, content: "hello" };
    });
    peer.get(1);
    await settled();
    const { sections, body, ended } = peer.stream(1);
    assert.deepEqual(
      sections[0]!.map(([name]) => name),
      [":status", "x-cf-routererror", "content-type", "content-length", "date"],
    );
    assert.deepEqual([peer.status(1), body, ended], [404, "hello", true]);
  });

  it("gives the handler the request as HTTP/1.1 would show it", async () => {
    const seen: string[] = [];
    const { peer } = await createHttp2ServerRig((request, client) => {
      seen.push(`${request.method} ${client.target} ${client.protocol} ${request.url}`);
      for (const [name, value] of request.headers) seen.push(`${name}: ${value}`);
      return textResponse("");
    });
    peer.headers(
      1,
      [
        ...requestLine("GET", "/a%2Fb?c"),
        ["cookie", "a=1"],
        ["x-cf-app-instance", "x"],
        ["cookie", "b=2"],
        ["te", "trailers"],
        ["host", "ignored.test"],
        ["expect", "100-continue"],
      ],
      true,
    );
    await settled();
    assert.deepEqual(seen, [
      "GET /a%2Fb?c HTTP/2.0 http://app.test/a%2Fb?c",
      "Host: app.test",
      "X-Cf-App-Instance: x",
      "Te: trailers",
      "Cookie: a=1; b=2",
    ]);
  });

  it("takes Host where there is no :authority, and CONNECT without a path", async () => {
    const targets: string[] = [];
    const { peer } = await createHttp2ServerRig((request, client) => {
      targets.push(`${request.method} ${client.target} ${request.headers.get("host")}`);
      return textResponse("");
    });
    const line = requestLine("GET", "/").filter(([name]) => name !== ":authority");
    peer.headers(1, [...line, ["host", "only.test:8080"]], true);
    peer.headers(
      3,
      [
        [":method", "CONNECT"],
        [":authority", "db.test:5432"],
      ],
      true,
    );
    await settled();
    assert.deepEqual(targets, ["GET / only.test:8080", "CONNECT db.test:5432 db.test:5432"]);
  });

  it("answers OPTIONS * itself, and interim responses before the final one", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer } = await createHttp2ServerRig(handler);
    peer.headers(1, requestLine("OPTIONS", "*"), true);
    peer.get(3);
    await settled();
    assert.deepEqual([peer.status(1), peer.field(1, "content-length"), exchanges.length], [200, "0", 1]);
    exchanges[0]!.inform(103, HeaderLines.from([["Link", "</a>"]]));
    exchanges[0]!.answer(textResponse("ok"));
    await settled();
    assert.deepEqual(
      peer.stream(3).sections.map((fields) => fields[0]![1]),
      ["103", "200"],
    );
    assert.deepEqual(exchanges[0]!.observed.heard, ["finished 0 2 complete"]);
  });

  for (const [fields, text] of [
    [[["connection", "close"]], 'request header "Connection" is not valid in HTTP/2\n'],
    [[["upgrade", "x"]], 'request header "Upgrade" is not valid in HTTP/2\n'],
    [
      [
        ["transfer-encoding", "chunked"],
        ["keep-alive", "1"],
      ],
      'request header "Keep-Alive" is not valid in HTTP/2\n',
    ],
    [[["proxy-connection", "x"]], 'request header "Proxy-Connection" is not valid in HTTP/2\n'],
    [[["te", "gzip"]], 'request header "TE" may only be "trailers" in HTTP/2\n'],
  ] as [[string, string][], string][]) {
    it(`refuses ${fields[0]![0]}: ${fields[0]![1]}`, async () => {
      const { peer } = await createHttp2ServerRig(() => assert.fail("the handler was called"));
      peer.get(1, "/", ...fields);
      await settled();
      assert.deepEqual([peer.status(1), peer.stream(1).body], [400, text]);
      assert.equal(peer.field(1, "content-type"), "text/plain; charset=utf-8");
    });
  }

  it("refuses a header list that is too large, and serves the next request", async () => {
    const { peer } = await createHttp2ServerRig(hello);
    const large: [string, string][] = Array.from({ length: 70 }, (_, at) => [`x-${at}`, "v".repeat(15_900)]);
    peer.headers(1, [...requestLine("GET", "/"), ...large], true);
    peer.get(3);
    await settled();
    assert.deepEqual(
      [peer.status(1), peer.stream(1).body],
      [431, "<h1>HTTP Error 431</h1><p>Request Header Field(s) Too Large</p>"],
    );
    assert.equal(peer.status(3), 200);
  });

  it("does not send the body of an answer to HEAD", async () => {
    const { peer } = await createHttp2ServerRig(() => textResponse("hello"));
    peer.headers(1, requestLine("HEAD", "/"), true);
    await settled();
    assert.deepEqual([peer.field(1, "content-length"), peer.stream(1).body, peer.stream(1).ended], ["5", "", true]);
  });
});

describe("HTTP/2 server connection: bodies", () => {
  it("joins a small body with its head, and END_STREAM with the last byte", async () => {
    const body = new HandFedBody(-1);
    body.onStart = () => {
      body.give("all");
      body.sink!.end(undefined);
    };
    const { peer, client } = await createHttp2ServerRig(() => sourceResponse(body));
    const before = client.far.writes;
    peer.get(1);
    await settled();
    assert.deepEqual([peer.stream(1).body, peer.stream(1).ended], ["all", true]);
    assert.equal(client.far.writes - before, 1);
    assert.equal(peer.frames.filter(({ type }) => type === DATA).length, 1);
  });

  it("sends trailers behind a body, and alone", async () => {
    const body = new HandFedBody(-1);
    const { peer } = await createHttp2ServerRig(() => sourceResponse(body, [["Content-Type", "application/grpc"]]));
    peer.get(1);
    await settled();
    body.give("message");
    body.sink!.end(HeaderLines.from([["Grpc-Status", "0"]]));
    await settled();
    assert.deepEqual(peer.stream(1).sections[1], [["grpc-status", "0"]]);
    assert.deepEqual([peer.stream(1).body, peer.stream(1).ended], ["message", true]);
  });

  it("passes a request body on with its length, and its trailers", async () => {
    const seen: unknown[] = [];
    const { peer } = await createHttp2ServerRig(async (request) => {
      const { text, trailers } = await readAll(request);
      seen.push(text, trailers?.get("x-sum"), request.headers.get("content-length"));
      return textResponse("");
    });
    peer.headers(1, [...requestLine("POST", "/"), ["content-length", "6"]]);
    peer.body(1, "abc").body(1, "def", true);
    peer
      .headers(3, requestLine("POST", "/"))
      .body(3, "xyz")
      .headers(3, [["x-sum", "1"]], true);
    await settled();
    assert.deepEqual(seen, ["abcdef", undefined, "6", "xyz", "1", null]);
  });

  it("says 100 when a body that waits for it is wanted", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer } = await createHttp2ServerRig(handler);
    peer.headers(1, [...requestLine("POST", "/"), ["expect", "100-Continue"]]);
    await settled();
    assert.equal(peer.stream(1).sections.length, 0);
    assert.equal(exchanges[0]!.request.headers.has("expect"), false);
    collect(exchanges[0]!.request);
    await settled();
    assert.deepEqual(peer.stream(1).sections[0], [[":status", "100"]]);
  });

  it("lets a client send only as much as leaves again", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer } = await createHttp2ServerRig(handler);
    peer.headers(1, requestLine("POST", "/"));
    await settled();
    const sink = new Collected();
    sink.more = false;
    (exchanges[0]!.request as unknown as { source: HandFedBody }).source.start(sink);
    for (let sent = 0; sent < 1_048_576; sent += 65_536) peer.body(1, "x".repeat(65_536));
    await settled();
    assert.equal(sink.bytes, 65_536);
    const updates = () => peer.frames.filter(({ type, stream }) => type === WINDOW_UPDATE && stream === 1).length;
    assert.equal(updates(), 0);
    sink.more = true;
    (exchanges[0]!.request as unknown as { source: HandFedBody }).source.resume();
    await settled();
    assert.equal(sink.bytes, 1_048_576);
    assert.ok(updates() > 0);
  });

  it("sends only what the client's windows allow, and goes on when they open", async () => {
    const body = new HandFedBody(-1);
    const { peer } = await createHttp2ServerRig(() => sourceResponse(body));
    peer.frame(SETTINGS, 0, 0, "\0\x04\0\0\0\x0a").get(1);
    await settled();
    assert.equal(body.give("x".repeat(25)), false);
    await settled();
    assert.equal(peer.stream(1).body.length, 10);
    peer.say(windowUpdateFrame(1, 10));
    await settled();
    assert.deepEqual([peer.stream(1).body.length, body.resumed], [20, 0]);
    peer.frame(SETTINGS, 0, 0, "\0\x04\0\0\0\x14");
    await settled();
    assert.deepEqual([peer.stream(1).body.length, body.resumed], [25, 1]);
    body.sink!.end(undefined);
    await settled();
    assert.equal(peer.stream(1).ended, true);
  });

  it("shares the connection's window between streams", async () => {
    const bodies = [new HandFedBody(-1), new HandFedBody(-1)];
    let next = 0;
    const { peer } = await createHttp2ServerRig(() => sourceResponse(bodies[next++]!));
    peer.frame(SETTINGS, 0, 0, "\0\x04\0\x0f\0\0").get(1).get(3);
    await settled();
    bodies[0]!.give("a".repeat(70_000));
    bodies[1]!.give("b".repeat(10));
    await settled();
    assert.deepEqual([peer.stream(1).body.length, peer.stream(3).body.length], [65_535, 0]);
    peer.say(windowUpdateFrame(0, 100_000));
    await settled();
    assert.deepEqual([peer.stream(1).body.length, peer.stream(3).body.length], [70_000, 10]);
  });

  it("resets a stream whose answer fails midway, or does not keep to its length", async () => {
    const bodies = [new HandFedBody(-1), new HandFedBody(5)];
    let next = 0;
    const observed = [new Observed(), new Observed()];
    const { peer } = await createHttp2ServerRig((_request, client) => {
      client.observer = observed[next]!;
      return sourceResponse(bodies[next++]!);
    });
    peer.get(1).get(3);
    await settled();
    bodies[0]!.give("half");
    bodies[0]!.sink!.fail(new Failure("body-cut", "backend", "never", "unexpected EOF"));
    bodies[1]!.give("123");
    bodies[1]!.sink!.end(undefined);
    await settled();
    assert.deepEqual([peer.stream(1).body, peer.stream(1).reset], ["half", INTERNAL_ERROR]);
    assert.equal(peer.stream(3).reset, INTERNAL_ERROR);
    assert.deepEqual(observed[0]!.heard, ["finished 0 4 response-cut"]);
  });

  it("delivers what came together with the failure, in front of the reset", async () => {
    const body = new HandFedBody(-1);
    body.onStart = () => {
      body.give("half");
      body.sink!.fail(new Failure("body-cut", "backend", "never", "unexpected EOF"));
    };
    const { peer } = await createHttp2ServerRig(() => sourceResponse(body));
    peer.get(1);
    await settled();
    assert.deepEqual([peer.stream(1).body, peer.stream(1).reset], ["half", INTERNAL_ERROR]);
  });

  it("tells the handler of a client that resets its stream", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer } = await createHttp2ServerRig(handler);
    peer.headers(1, requestLine("POST", "/")).get(3);
    await settled();
    const sink = collect(exchanges[0]!.request);
    peer.frame(RST_STREAM, 0, 1, "\0\0\0\x08").frame(RST_STREAM, 0, 3, "\0\0\0\x08");
    await settled();
    assert.equal(sink.failure?.kind, "client-gone");
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone"]);
    exchanges[0]!.answer(textResponse("late"));
    await settled();
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone", "finished 0 0 client-gone"]);
    assert.equal(exchanges[1]!.request.signal.aborted, true);
    assert.equal(peer.stream(1).sections.length, 0);
  });

  it("resets a request that goes on behind its answer", async () => {
    const { peer, server } = await createHttp2ServerRig(hello);
    peer.headers(1, requestLine("POST", "/"));
    await settled();
    assert.deepEqual([peer.status(1), peer.stream(1).ended, peer.stream(1).reset], [200, true, NO_ERROR]);
    assert.deepEqual([server.activeConnections, server.idleConnections], [0, 1]);
  });

  it("answers while the request is still coming", async () => {
    const { peer } = await createHttp2ServerRig((request) => {
      const { source } = request as unknown as { source: HandFedBody };
      return sourceResponse(source);
    });
    peer.headers(1, requestLine("POST", "/"));
    for (const word of ["one", "two"]) {
      peer.body(1, word);
      await settled();
      assert.ok(peer.stream(1).body.endsWith(word));
    }
    peer.body(1, "", true);
    await settled();
    assert.deepEqual([peer.stream(1).body, peer.stream(1).ended, peer.stream(1).reset], ["onetwo", true, undefined]);
  });
});
