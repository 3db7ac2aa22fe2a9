import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { windowUpdateFrame } from "../../../../src/wire/http2/frame-text.ts";
import {
  CONTINUATION,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  HEADERS,
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
import type { Handler } from "../../../../src/wire/server-options.ts";
import { blockOf, type Http2Peer, requestLine } from "../../../fixtures/http2-peer.ts";
import { createHttp2ServerRig } from "../../../fixtures/http2-server-rig.ts";
import { settled } from "../../../fixtures/memory-stream.ts";
import { collect, pendingHandler, textResponse } from "../../../fixtures/server-rig.ts";

const hello: Handler = () => textResponse("hello");

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
      const { peer } = await createHttp2ServerRig(hello);
      peer.headers(1, fields, true).get(3);
      await settled();
      assert.deepEqual([peer.stream(1).reset, peer.stream(1).sections.length], [PROTOCOL_ERROR, 0]);
      assert.equal(peer.status(3), 200);
    });
  }

  it("resets a stream whose body is longer or shorter than announced", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer } = await createHttp2ServerRig(handler);
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
    const { peer } = await createHttp2ServerRig(handler);
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
      const { peer, client, errors } = await createHttp2ServerRig(pendingHandler().handler, { greets: false });
      say(peer);
      for (let i = 0; i < 5 && !client.sawEnd; i++) await settled();
      assert.equal(peer.goAway?.code, code);
      assert.equal(client.sawEnd, true);
      assert.deepEqual(errors, []);
    });
  }

  it("refuses streams above 250 at a time", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer } = await createHttp2ServerRig(handler);
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
    const { peer } = await createHttp2ServerRig(hello);
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
    const { peer } = await createHttp2ServerRig(hello);
    peer.frame(SETTINGS, 0, 0, "\0\x01\0\0\0\0").get(1);
    await settled();
    const [answer] = peer.frames.filter(({ type }) => type === HEADERS);
    assert.equal(answer!.payload.charCodeAt(0), 0x20);
  });
});
