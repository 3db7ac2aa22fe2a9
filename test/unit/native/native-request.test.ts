import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { IncomingRequest, targetOf } from "../../../src/native/native-request.ts";
import { peerOf } from "../../../src/native/peer.ts";

describe("request target of a URL", () => {
  for (const [url, host, target] of [
    ["http://a.b/x?y=1", "a.b", "/x?y=1"],
    ["http://a.b", "a.b", "/"],
    ["http://a.b?y", "a.b", "/?y"],
    ["http://a.b/x", "A.b:80", "/x"],
    ["https://a.b/x", "a.b:443", "/x"],
    ["http://a.b:81/x", "a.b:81", "/x"],
    ["http://other/x?y", "a.b", "http://other/x?y"],
    ["http://a.b/x", null, "/x"],
    ["/x", null, "/x"],
  ] as const) {
    it(`${url} with Host ${host} is ${target}`, () => {
      assert.equal(targetOf(url, host), target);
    });
  }
});

describe("client of a Fetch request", () => {
  const request = new Request("http://a.b/");
  for (const [what, environment, address, port] of [
    ["Bun's server", { requestIP: () => ({ address: "10.0.0.1", port: 5 }) }, "10.0.0.1", 5],
    ["Deno's info", { remoteAddr: { hostname: "10.0.0.2", port: 6 } }, "10.0.0.2", 6],
    ["hono on Node", { incoming: { socket: { remoteAddress: "10.0.0.3", remotePort: 7 } } }, "10.0.0.3", 7],
    ["our own listener", { client: { remoteAddress: "10.0.0.4", remotePort: 8 } }, "10.0.0.4", 8],
    ["an object of the embedder's", { remoteAddress: "10.0.0.5", remotePort: 9 }, "10.0.0.5", 9],
    ["nothing", undefined, "unknown", 0],
    ["something else", { requestIP: () => null }, "unknown", 0],
  ] as const) {
    it(`comes from ${what}`, () => {
      const peer = peerOf(request, environment);
      assert.deepEqual([peer.remoteAddress, peer.remotePort], [address, port]);
    });
  }
});

describe("incoming request", () => {
  const incoming = (headers: [string, string][], entry: "server" | "fetch", body: string | null = null) =>
    new IncomingRequest(
      {
        method: body === null ? "GET" : "POST",
        url: "https://a.b/x",
        headers,
        body: body === null ? null : new Response(body).body,
        signal: new AbortController().signal,
      },
      peerOf(new Request("http://a.b/"), undefined),
      entry,
    );

  it("takes Host from the URL of a request that was made by hand, and only there", () => {
    assert.equal(incoming([], "fetch").headers.get("host"), "a.b");
    assert.equal(incoming([["Host", "c.d"]], "fetch").headers.get("host"), "c.d");
    assert.equal(incoming([], "server").headers.get("host"), null);
  });

  it("does not announce a body that Fetch has dropped", () => {
    const request = incoming([["Content-Length", "3"]], "server");
    assert.equal(request.body, null);
    assert.equal(request.headers.has("content-length"), false);
  });

  it("knows TLS by the scheme", () => {
    assert.equal(incoming([], "server").tls?.verified, false);
  });

  it("offers a tunnel for WebSocket only, and only from a server", () => {
    const lines: [string, string][] = [
      ["Upgrade", "WebSocket"],
      ["Sec-WebSocket-Extensions", "permessage-deflate"],
    ];
    const request = incoming(lines, "server");
    assert.equal(request.takesTunnel, true);
    assert.equal(request.headers.has("sec-websocket-extensions"), false);
    assert.equal(incoming(lines, "fetch").takesTunnel, false);
    assert.equal(incoming([["Upgrade", "tcp"]], "server").takesTunnel, false);
  });

  it("counts what is taken of its body", async () => {
    const request = incoming([["Content-Length", "5"]], "server", "hello");
    assert.equal(request.bytesTaken, 0);
    assert.equal(await new Response(request.body).text(), "hello");
    assert.equal(request.bytesTaken, 5);
  });
});
