import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../../../src/core/forwarding/failure.ts";
import { HeaderLines } from "../../../../src/wire/header-lines.ts";
import { windowUpdateFrame } from "../../../../src/wire/http2/frame-text.ts";
import {
  CONTINUATION,
  DATA,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  HEADERS,
  INTERNAL_ERROR,
  NO_ERROR,
  PING,
  PRIORITY,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  preface,
  REFUSED_STREAM,
  RST_STREAM,
  SETTINGS,
  STREAM_CLOSED,
  WINDOW_UPDATE,
} from "../../../../src/wire/http2/protocol.ts";
import { Http2ServerConnection } from "../../../../src/wire/http2/server-connection.ts";
import type { Handler } from "../../../../src/wire/server-options.ts";
import { blockOf, Http2Peer, requestLine } from "../../../fixtures/http2-peer.ts";
import { bytesOf, settled } from "../../../fixtures/memory-stream.ts";
import {
  Collected,
  collect,
  createServerRig,
  HandFedBody,
  Observed,
  pendingHandler,
  readAll,
  type ServerRig,
  sourceResponse,
  type TestClient,
  textResponse,
} from "../../../fixtures/server-rig.ts";

interface Rig extends ServerRig {
  readonly peer: Http2Peer;
  readonly client: TestClient;
}

/** A server and one HTTP/2 client that has greeted it. */
async function rigFor(handler: Handler, greets = true): Promise<Rig> {
  const rig = await createServerRig(handler, {
    http2: (stream, host) => new Http2ServerConnection(stream, host),
    http2PriorKnowledge: true,
  });
  const client = rig.connect();
  const peer = new Http2Peer((text) => client.stream.write(bytesOf(text)));
  client.stream.handler = {
    data: (bytes) => peer.feed(bytes),
    drained() {},
    ended: () => client.ended(),
    closed: (cause) => client.closed(cause),
  };
  if (greets) peer.greet();
  await settled();
  return { ...rig, peer, client };
}

const hello: Handler = () => textResponse("hello");

describe("HTTP/2 server connection: answers (data-plane §10.1)", () => {
  it("offers what upstream offers, and extended CONNECT", async () => {
    const { peer } = await rigFor(hello);
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
    const { peer } = await rigFor(() => {
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
    const { peer } = await rigFor((request, client) => {
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
    const { peer } = await rigFor((request, client) => {
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
    const { peer } = await rigFor(handler);
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
      const { peer } = await rigFor(() => assert.fail("the handler was called"));
      peer.get(1, "/", ...fields);
      await settled();
      assert.deepEqual([peer.status(1), peer.stream(1).body], [400, text]);
      assert.equal(peer.field(1, "content-type"), "text/plain; charset=utf-8");
    });
  }

  it("refuses a header list that is too large, and serves the next request", async () => {
    const { peer } = await rigFor(hello);
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
    const { peer } = await rigFor(() => textResponse("hello"));
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
    const { peer, client } = await rigFor(() => sourceResponse(body));
    const before = client.far.writes;
    peer.get(1);
    await settled();
    assert.deepEqual([peer.stream(1).body, peer.stream(1).ended], ["all", true]);
    assert.equal(client.far.writes - before, 1);
    assert.equal(peer.frames.filter(({ type }) => type === DATA).length, 1);
  });

  it("sends trailers behind a body, and alone", async () => {
    const body = new HandFedBody(-1);
    const { peer } = await rigFor(() => sourceResponse(body, [["Content-Type", "application/grpc"]]));
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
    const { peer } = await rigFor(async (request) => {
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
    const { peer } = await rigFor(handler);
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
    const { peer } = await rigFor(handler);
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
    const { peer } = await rigFor(() => sourceResponse(body));
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
    const { peer } = await rigFor(() => sourceResponse(bodies[next++]!));
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
    const { peer } = await rigFor((_request, client) => {
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

  it("tells the handler of a client that resets its stream", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer } = await rigFor(handler);
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
    const { peer, server } = await rigFor(hello);
    peer.headers(1, requestLine("POST", "/"));
    await settled();
    assert.deepEqual([peer.status(1), peer.stream(1).ended, peer.stream(1).reset], [200, true, NO_ERROR]);
    assert.deepEqual([server.activeConnections, server.idleConnections], [0, 1]);
  });

  it("answers while the request is still coming", async () => {
    const { peer } = await rigFor((request) => {
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

describe("HTTP/2 server connection: malformed requests (RFC 9113 §8)", () => {
  const line = requestLine("GET", "/");
  const without = (name: string): [string, string][] => line.filter(([other]) => other !== name);
  const withValue = (name: string, value: string): [string, string][] =>
    line.map(([other, old]) => [other, other === name ? value : old]);
  for (const [what, fields] of [
    ["an upper-case name", [...line, ["X-Foo", "1"]]],
    ["an empty name", [...line, ["", "1"]]],
    ["a line end in a value", [...line, ["x", "a\r\nb: c"]]],
    ["NUL in a value", [...line, ["x", "a\0"]]],
    ["a pseudo-header field behind others", [...without(":path"), ["x", "1"], [":path", "/"]]],
    ["an unknown pseudo-header field", [[":foo", "1"], ...line]],
    ["a response's pseudo-header field", [[":status", "200"], ...line]],
    ["a field twice", [...line, [":path", "/b"]]],
    ["no method", without(":method")],
    ["no scheme", without(":scheme")],
    ["no path", without(":path")],
    ["an empty path", withValue(":path", "")],
    ["a path that does not start with /", withValue(":path", "a")],
    ["a bad escape in the path", withValue(":path", "/%zz")],
    ["a blank in the path", withValue(":path", "/a b")],
    ["a bad authority", withValue(":authority", "a b")],
    ["a method that is no token", withValue(":method", "G T")],
    ["CONNECT with a path", withValue(":method", "CONNECT")],
    ["differing lengths", [...line, ["content-length", "1"], ["content-length", "2"]]],
    ["a length that is no number", [...line, ["content-length", "+1"]]],
    ["a length without a body", [...line, ["content-length", "1"]]],
    [":protocol without CONNECT", [[":protocol", "websocket"], ...line]],
    ["an extended CONNECT to another protocol", [[":protocol", "tcp"], ...withValue(":method", "CONNECT")]],
  ] as [string, [string, string][]][]) {
    it(`resets a stream with ${what}, and serves the next`, async () => {
      const { peer } = await rigFor(hello);
      peer.headers(1, fields, true).get(3);
      await settled();
      assert.deepEqual([peer.stream(1).reset, peer.stream(1).sections.length], [PROTOCOL_ERROR, 0]);
      assert.equal(peer.status(3), 200);
    });
  }

  it("resets a stream whose body is longer or shorter than announced", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer } = await rigFor(handler);
    for (const [id, body] of [
      [1, "12345"],
      [3, "1"],
    ] as const) {
      peer.headers(id, [...requestLine("POST", "/"), ["content-length", "3"]]);
      await settled();
      const sink = collect(exchanges.at(-1)!.request);
      peer.body(id, body, true);
      await settled();
      assert.equal(peer.stream(id).reset, PROTOCOL_ERROR);
      assert.equal(sink.failure?.kind, "request-body");
      exchanges.at(-1)!.answer(textResponse("late"));
      await settled();
      assert.match(exchanges.at(-1)!.observed.heard.at(-1)!, /^finished \d 0 client-gone$/);
    }
  });

  it("resets trailers that do not end the stream", async () => {
    const { handler } = pendingHandler();
    const { peer } = await rigFor(handler);
    peer.headers(1, requestLine("POST", "/")).headers(1, [["x", "1"]]);
    await settled();
    assert.equal(peer.stream(1).reset, PROTOCOL_ERROR);
  });
});

describe("HTTP/2 server connection: hostile frames", () => {
  const block = blockOf(requestLine("GET", "/"));
  const settings = "\0\0\0\x04\0\0\0\0\0";
  for (const [what, code, say] of [
    ["another preface", PROTOCOL_ERROR, (peer) => peer.say("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")],
    ["no SETTINGS first", PROTOCOL_ERROR, (peer) => peer.say(preface).get(1)],
    ["SETTINGS on a stream", PROTOCOL_ERROR, (peer) => peer.greet().frame(SETTINGS, 0, 1)],
    ["SETTINGS with a broken entry", FRAME_SIZE_ERROR, (peer) => peer.greet().frame(SETTINGS, 0, 0, "12345")],
    ["SETTINGS acknowledged with content", FRAME_SIZE_ERROR, (peer) => peer.greet().frame(SETTINGS, 1, 0, "123456")],
    ["ENABLE_PUSH 2", PROTOCOL_ERROR, (peer) => peer.greet([[2, 2]])],
    [
      "INITIAL_WINDOW_SIZE 2^31",
      FLOW_CONTROL_ERROR,
      (peer) => peer.say(preface).frame(SETTINGS, 0, 0, "\0\x04\x80\0\0\0"),
    ],
    ["MAX_FRAME_SIZE 16383", PROTOCOL_ERROR, (peer) => peer.greet([[5, 16_383]])],
    ["a frame that is too long", FRAME_SIZE_ERROR, (peer) => peer.greet().say("\x10\0\x01\0\0\0\0\0\x01")],
    ["PING with 7 bytes", FRAME_SIZE_ERROR, (peer) => peer.greet().frame(PING, 0, 0, "1234567")],
    ["PING on a stream", PROTOCOL_ERROR, (peer) => peer.greet().frame(PING, 0, 1, "12345678")],
    ["PRIORITY with 4 bytes", FRAME_SIZE_ERROR, (peer) => peer.greet().frame(PRIORITY, 0, 1, "1234")],
    ["PUSH_PROMISE", PROTOCOL_ERROR, (peer) => peer.greet().frame(PUSH_PROMISE, 4, 1, `\0\0\0\x02${block}`)],
    ["HEADERS on stream 0", PROTOCOL_ERROR, (peer) => peer.greet().frame(HEADERS, 5, 0, block)],
    ["HEADERS on an even stream", PROTOCOL_ERROR, (peer) => peer.greet().frame(HEADERS, 5, 2, block)],
    ["padding longer than its frame", PROTOCOL_ERROR, (peer) => peer.greet().frame(HEADERS, 13, 1, "\x05abc")],
    ["DATA on stream 0", PROTOCOL_ERROR, (peer) => peer.greet().body(0, "x")],
    ["DATA on an idle stream", PROTOCOL_ERROR, (peer) => peer.greet().body(1, "x")],
    ["RST_STREAM on an idle stream", PROTOCOL_ERROR, (peer) => peer.greet().frame(RST_STREAM, 0, 1, "\0\0\0\0")],
    ["RST_STREAM with 3 bytes", FRAME_SIZE_ERROR, (peer) => peer.greet().get(1).frame(RST_STREAM, 0, 1, "\0\0\0")],
    ["WINDOW_UPDATE by 0", PROTOCOL_ERROR, (peer) => peer.greet().frame(WINDOW_UPDATE, 0, 0, "\0\0\0\0")],
    [
      "WINDOW_UPDATE on an idle stream",
      PROTOCOL_ERROR,
      (peer) => peer.greet().frame(WINDOW_UPDATE, 0, 1, "\0\0\0\x01"),
    ],
    ["a window above 2^31 - 1", FLOW_CONTROL_ERROR, (peer) => peer.greet().say(windowUpdateFrame(0, 0x7fff_ffff))],
    ["CONTINUATION without HEADERS", PROTOCOL_ERROR, (peer) => peer.greet().frame(CONTINUATION, 4, 1, block)],
    [
      "a frame within a header block",
      PROTOCOL_ERROR,
      (peer) => peer.greet().frame(HEADERS, 1, 1, block).frame(PING, 0, 0, "12345678"),
    ],
    [
      "CONTINUATION of another stream",
      PROTOCOL_ERROR,
      (peer) => peer.greet().frame(HEADERS, 1, 1, block).frame(CONTINUATION, 4, 3, ""),
    ],
    ["an index that stands for nothing", 9, (peer) => peer.greet().frame(HEADERS, 5, 1, "\xff\x00")],
    ["a string that is cut off", 9, (peer) => peer.greet().frame(HEADERS, 5, 1, "\0\x05ab")],
    ["a header table that was not offered", 9, (peer) => peer.greet().frame(HEADERS, 5, 1, `\x3f\xe2\x1f${block}`)],
    [
      "a flood of CONTINUATION",
      ENHANCE_YOUR_CALM,
      (peer) => {
        peer.greet().frame(HEADERS, 1, 1, block);
        for (let i = 0; i < 300; i++) peer.frame(CONTINUATION, 0, 1, "");
      },
    ],
    [
      "a header block without end",
      ENHANCE_YOUR_CALM,
      (peer) => {
        peer.greet().frame(HEADERS, 1, 1, block);
        for (let i = 0; i < 140; i++) peer.frame(CONTINUATION, 0, 1, "x".repeat(16_000));
      },
    ],
    [
      "a flood of PING",
      ENHANCE_YOUR_CALM,
      (peer) => {
        peer.greet();
        for (let i = 0; i < 1100; i++) peer.frame(PING, 0, 0, "12345678");
      },
    ],
    [
      "a flood of SETTINGS",
      ENHANCE_YOUR_CALM,
      (peer) => {
        peer.greet();
        for (let i = 0; i < 1100; i++) peer.say(settings);
      },
    ],
    [
      "a flood of empty DATA",
      ENHANCE_YOUR_CALM,
      (peer) => {
        peer.greet().headers(1, requestLine("POST", "/"));
        for (let i = 0; i < 1100; i++) peer.body(1, "");
      },
    ],
    [
      "a flood of resets",
      ENHANCE_YOUR_CALM,
      (peer) => {
        peer.greet();
        for (let i = 0; i < 600; i++) peer.get(2 * i + 1).frame(RST_STREAM, 0, 2 * i + 1, "\0\0\0\x08");
      },
    ],
    [
      "more DATA than a stream takes",
      FLOW_CONTROL_ERROR,
      (peer) => {
        peer.greet().headers(1, requestLine("POST", "/"));
        for (let i = 0; i < 17; i++) peer.body(1, "x".repeat(65_536));
      },
    ],
  ] as [string, number, (peer: Http2Peer) => unknown][]) {
    it(`ends a connection with ${what}`, async () => {
      const { peer, client, errors } = await rigFor(pendingHandler().handler, false);
      say(peer);
      for (let i = 0; i < 5 && !client.sawEnd; i++) await settled();
      assert.equal(peer.goAway?.code, code);
      assert.equal(client.sawEnd, true);
      assert.deepEqual(errors, []);
    });
  }

  it("refuses streams above 250 at a time", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer } = await rigFor(handler);
    for (let i = 0; i <= 250; i++) peer.get(2 * i + 1);
    await settled();
    assert.equal(exchanges.length, 250);
    assert.equal(peer.stream(501).reset, REFUSED_STREAM);
    exchanges[0]!.answer(textResponse(""));
    await settled();
    peer.get(503);
    await settled();
    assert.equal(exchanges.length, 251);
  });

  it("ignores what it does not know, and what comes late for a stream that is over", async () => {
    const { peer } = await rigFor(hello);
    peer.frame(0x42, 255, 77, "whatever").frame(SETTINGS, 0, 0, "\x12\x34\0\0\0\x01").get(1);
    await settled();
    peer.body(1, "late").frame(WINDOW_UPDATE, 0, 1, "\0\0\0\x01").frame(RST_STREAM, 0, 1, "\0\0\0\x08").get(3);
    await settled();
    assert.deepEqual([peer.status(1), peer.status(3), peer.goAway], [200, 200, undefined]);
    peer.get(1);
    await settled();
    assert.equal(peer.stream(1).reset, STREAM_CLOSED);
  });

  it("begins its next block without a table when the client made its own smaller", async () => {
    const { peer } = await rigFor(hello);
    peer.frame(SETTINGS, 0, 0, "\0\x01\0\0\0\0").get(1);
    await settled();
    const [answer] = peer.frames.filter(({ type }) => type === HEADERS);
    assert.equal(answer!.payload.charCodeAt(0), 0x20);
  });
});

describe("HTTP/2 server connection: its life", () => {
  it("answers PING", async () => {
    const { peer } = await rigFor(hello);
    peer.frame(PING, 0, 0, "12345678");
    await settled();
    const ping = peer.frames.find(({ type }) => type === PING);
    assert.deepEqual([ping!.flags, ping!.payload], [1, "12345678"]);
  });

  it("is closed with GOAWAY when it has been idle for long", async () => {
    const { peer, clock, client } = await rigFor(hello);
    peer.get(1);
    await settled();
    clock.turn(61_000);
    await settled();
    assert.deepEqual([peer.goAway, client.sawEnd], [{ last: 1, code: NO_ERROR }, true]);
  });

  it("stays while a request is being served", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer, clock } = await rigFor(handler);
    peer.get(1);
    await settled();
    clock.turn(600_000);
    exchanges[0]!.answer(textResponse("late"));
    await settled();
    assert.deepEqual([peer.stream(1).body, peer.goAway], ["late", undefined]);
  });

  it("is given up when it does not greet in time", async () => {
    const { clock, client, peer } = await rigFor(hello, false);
    peer.say(preface);
    await settled();
    clock.turn(11_000);
    await settled();
    assert.equal(client.sawEnd, true);
  });

  it("drains: idle at once, else behind the last answer", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer, server, client } = await rigFor(handler);
    peer.get(1);
    await settled();
    assert.equal(server.activeConnections, 1);
    let drained = false;
    void server.drain().then(() => {
      drained = true;
    });
    await settled();
    assert.deepEqual(peer.goAway, { last: 0x7fff_ffff, code: NO_ERROR });
    // The client has not read that when it sends this.
    peer.get(3);
    await settled();
    peer.frame(PING, 1, 0, "draining").get(5);
    await settled();
    assert.deepEqual(peer.goAway, { last: 3, code: NO_ERROR });
    assert.deepEqual([exchanges.length, drained], [2, false]);
    for (const exchange of exchanges) exchange.answer(textResponse("done"));
    await settled();
    assert.deepEqual([peer.stream(1).body, peer.stream(3).body], ["done", "done"]);
    assert.deepEqual([client.sawEnd, drained], [true, true]);
  });

  it("ends everything when the client closes the connection", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer, client, server } = await rigFor(handler);
    peer.get(1);
    await settled();
    await client.end();
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone"]);
    assert.deepEqual([server.activeConnections, server.idleConnections], [0, 0]);
  });
});
