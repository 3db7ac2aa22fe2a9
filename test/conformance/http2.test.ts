import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Http2Peer, requestLine } from "../fixtures/http2-peer.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection } from "./harness/connection.ts";
import { Http2Client, readAnswer } from "./harness/http2-client.ts";
import { type RouterUnderTest, startRouter, type Yaml } from "./harness/router.ts";

const authority = makeAuthority("HTTP/2 Test Authority");
const pair = issue(authority, { names: ["app.test"] });

/** A TLS listener with HTTP/2, and HTTP/2 by prior knowledge on the plain one. */
const listeners: Yaml = {
  enable_ssl: true,
  ssl_port: 0,
  client_cert_validation: "none",
  cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
  tls_pem: [{ cert_chain: pair.certificate, private_key: pair.key }],
  enable_h2c: true,
  disable_keep_alives: false,
  max_idle_conns_per_host: 10,
  backends: { max_attempts: 3 },
};

describe("HTTP/2 from clients (data-plane §10.1, §10.2)", () => {
  let backend: Backend;
  let router: RouterUnderTest;
  let client: Http2Client;
  before(async () => {
    backend = await Backend.start(() => ok("hello"));
    router = await startRouter("embedded", listeners);
    await router.register({ uris: ["app.test"], port: backend.port, app: "app-1" });
    client = await Http2Client.open(router.tlsPort);
  });
  after(async () => {
    client.close();
    await router.stop();
    await backend.stop();
  });
  beforeEach(() => {
    backend.clear();
    backend.answer = () => ok("hello");
  });

  it("is proxied as HTTP/1.1, :authority as Host and :path byte for byte", async () => {
    const answer = await client.ask({
      ":authority": "app.test:8443",
      ":path": "//a%2Fb;c/../{d}?e=f&&g",
      "x-custom-NAME": "value",
      cookie: ["a=1", "b=2"],
      te: "trailers",
      "user-agent": "me",
    });
    assert.deepEqual([answer.status, answer.body], [200, "hello"]);
    const seen = await backend.request(1);
    assert.equal(seen.requestLine, "GET http://app.test:8443//a%2Fb;c/../{d}?e=f&&g HTTP/1.1");
    assert.deepEqual(
      seen.lines.filter((line) => !/^(X-Request-Start|X-Vcap-Request-Id|X-Cf-)/.test(line)),
      [
        "Host: app.test:8443",
        "X-Custom-Name: value",
        "User-Agent: me",
        "Cookie: a=1; b=2",
        "X-Forwarded-Proto: https",
        "Te: trailers",
        "X-Forwarded-For: 127.0.0.1",
      ],
    );
  });

  it("answers with lower-case names, and logs HTTP/2.0", async () => {
    backend.answer = () =>
      ok("hello", "X-Some-Header: Value", "ETag: x", "Connection: X-Gone", "X-Gone: 1", "Date: now");
    const { headers } = await client.ask({ ":path": "/logged" });
    assert.deepEqual(
      Object.keys(headers).filter((name) => name !== "x-vcap-request-id"),
      [":status", "x-some-header", "etag", "date", "content-length"],
    );
    assert.match(headers["x-vcap-request-id"] as string, /^[0-9a-f-]{36}$/);
    const line = await router.accessLogged((text) => text.includes("/logged"));
    assert.match(line, /^app\.test - \[.*\] "GET \/logged HTTP\/2\.0" 200 0 5 "-" "-" "127\.0\.0\.1:\d+" "127/);
    assert.match(line, /x_forwarded_proto:"https"/);
  });

  it("gives bodies without a length as chunks, and with one as they are", async () => {
    await client.ask({ ":method": "POST", body: "unknown length" });
    assert.deepEqual([backend.requests[0]!.chunked, backend.requests[0]!.body], [true, "unknown length"]);
    await client.ask({ ":method": "POST", "content-length": 5, body: "known" });
    assert.deepEqual([backend.requests[1]!.header("content-length"), backend.requests[1]!.body], ["5", "known"]);
    await client.ask({ ":method": "POST" });
    assert.deepEqual([backend.requests[2]!.header("content-length"), backend.requests[2]!.body], ["0", ""]);
  });

  it("delivers the trailers of a chunked answer, and its interim responses", async () => {
    backend.answer = () =>
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status\r\n\r\n" +
      "5\r\nhello\r\n0\r\nGrpc-Status: 0\r\nX-Unannounced: 1\r\n\r\n";
    const answer = await client.ask();
    assert.deepEqual([answer.interim, answer.status, answer.body], [[103], 200, "hello"]);
    assert.equal(answer.headers["trailer"], "Grpc-Status");
    assert.deepEqual(Object.entries(answer.trailers), [
      ["grpc-status", "0"],
      ["x-unannounced", "1"],
    ]);
  });

  it("waits with a body for the router's 100, which comes when the backend wants it", async () => {
    const stream = client.begin({ ":method": "POST", expect: "100-continue" });
    const answer = readAnswer(stream);
    await new Promise<void>((resolve) => stream.once("continue", () => resolve()));
    stream.end("body");
    assert.equal((await answer).body, "hello");
    assert.equal(backend.requests[0]!.body, "body");
    assert.equal(backend.requests[0]!.header("expect"), undefined);
  });

  it("answers errors as HTTP/1.1 does, the reason phrase in the body only", async () => {
    const { status, headers, body } = await client.ask({ ":authority": "unknown.test" });
    assert.equal(status, 404);
    assert.equal(body, "404 Not Found: Requested route ('unknown.test') does not exist.\n");
    assert.equal(headers["x-cf-routererror"], "unknown_route");
    assert.equal(headers["content-type"], "text/plain; charset=utf-8");
    assert.equal((await client.ask({ ":method": "OPTIONS", ":path": "*" })).status, 200);
  });

  it("carries many requests at a time on one connection", async () => {
    backend.answer = (request) => ok(request.body);
    const bodies = Array.from({ length: 300 }, (_, at) => `${at}-`.repeat(at));
    const answers = await Promise.all(bodies.map((body) => client.ask({ ":method": "POST", body })));
    assert.deepEqual(
      answers.map(({ body }) => body),
      bodies,
    );
  });

  it("moves large bodies both ways", async () => {
    backend.answer = (request) => ok(request.body);
    const body = "0123456789abcdef".repeat(200_000);
    const { body: echoed } = await client.ask({ ":method": "PUT", body });
    assert.equal(createHash("md5").update(echoed).digest("hex"), createHash("md5").update(body).digest("hex"));
  });

  it("moves large bodies in frames that are longer than a read, both ways", async () => {
    backend.answer = (request) => ok("d".repeat(3_000_000), `X-Uploaded: ${request.body.length}`);
    const connection = await Connection.open(router.port);
    const peer = new Http2Peer((text) => connection.write(text));
    connection.socket.on("data", (bytes: Buffer) => peer.feed(bytes));
    // MAX_FRAME_SIZE and INITIAL_WINDOW_SIZE (RFC 9113 §6.5.2), and a window for all streams together (§6.9).
    peer.greet([
      [5, 1 << 20],
      [4, 100_000_000],
    ]);
    peer.frame(8, 0, 0, "\x05\xf5\xe1\x00");
    const frame = "u".repeat(300_000);
    const frames = 10;
    /** What the router has let in on a stream (0: all of them) beyond its first window. */
    const allowed = (id: number): number =>
      peer.frames
        .filter(({ type, stream }) => type === 8 && stream === id)
        .reduce((sum, { payload }) => sum + Buffer.from(payload, "latin1").readUInt32BE(), 0);
    for (const [stream, fields] of [
      [1, []],
      [3, [["content-length", String(frame.length * frames)]]],
    ] as [number, [string, string][]][]) {
      const others = stream === 1 ? 0 : frame.length * frames;
      peer.headers(stream, [...requestLine("POST", "/large"), ...fields]);
      for (let sent = 0; sent < frames; sent++) {
        const bytes = (sent + 1) * frame.length;
        await condition(
          "room for a frame",
          () => (bytes <= (1 << 20) + allowed(stream) && others + bytes <= 65_535 + allowed(0)) || undefined,
        );
        peer.body(stream, frame, sent === frames - 1);
      }
      await condition(`the answer on stream ${stream}`, () => peer.stream(stream).ended || undefined);
      assert.equal(peer.field(stream, "x-uploaded"), String(frame.length * frames));
      assert.equal(peer.stream(stream).body.length, 3_000_000);
    }
    connection.close();
  });

  it("cuts the stream when the backend dies midway (data-plane §2.4)", async () => {
    backend.answer = (request) => {
      request.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      return undefined;
    };
    await assert.rejects(client.ask(), /INTERNAL_ERROR/);
    backend.answer = () => ok("next");
    assert.equal((await client.ask()).body, "next");
  });

  it("gives the backend up when the client resets its stream: 499 (data-plane §4.9)", async () => {
    backend.answer = () => undefined;
    const stream = client.begin({ ":path": "/given-up" }, true);
    await backend.request(1);
    stream.close(8);
    await condition(
      "the backend's connection to end",
      () => backend.connections.some(({ ended }) => ended) || undefined,
    );
    const line = await router.accessLogged((text) => text.includes("/given-up"));
    assert.match(line, /"GET \/given-up HTTP\/2\.0" 499 /);
  });

  it("lets a WebSocket through by extended CONNECT (RFC 8441)", async () => {
    backend.answer = (request) => {
      const key = request.header("sec-websocket-key")!;
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      request.socket.on("data", (bytes) => request.socket.write(bytes.toString("latin1").toUpperCase()));
      return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\nearly`
      );
    };
    assert.equal(client.session.remoteSettings.enableConnectProtocol, true);
    const stream = client.begin({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "https",
      ":path": "/chat",
      "sec-websocket-version": "13",
    });
    let received = "";
    stream.setEncoding("latin1").on("data", (text: string) => {
      received += text;
    });
    const [headers] = await new Promise<[Record<string, unknown>]>((resolve) =>
      stream.once("response", (...args) => resolve(args as never)),
    );
    assert.deepEqual(
      [headers[":status"], headers["sec-websocket-protocol"], headers["sec-websocket-accept"], headers["upgrade"]],
      [200, "chat", undefined, undefined],
    );
    const seen = backend.requests[0]!;
    assert.equal(seen.requestLine, "GET /chat HTTP/1.1");
    assert.deepEqual(
      [seen.header("upgrade"), seen.header("connection"), seen.header("sec-websocket-version")],
      ["websocket", "Upgrade", "13"],
    );
    stream.write("frames");
    await condition("the echo", () => received === "earlyFRAMES" || undefined);
    stream.end();
    await router.accessLogged((text) => text.includes('"GET /chat HTTP/2.0" 101 '));
    assert.equal((await client.ask({ ":authority": "unknown.test" })).status, 404);
  });

  it("speaks to curl", async () => {
    const url = `https://app.test:${router.tlsPort}/curl`;
    const args = ["-sk", "--http2", "--resolve", `app.test:${router.tlsPort}:127.0.0.1`, "-w", " %{http_version}", url];
    const out = await new Promise<string>((resolve) => execFile("curl", args, (_error, stdout) => resolve(stdout)));
    assert.equal(out, "hello 2");
  });

  it("takes HTTP/2 and HTTP/1.1 on the plain port with enable_h2c", async () => {
    const plain = await Http2Client.open(router.port, "http");
    assert.equal((await plain.ask()).body, "hello");
    plain.close();
    assert.equal(backend.requests[0]!.header("x-forwarded-proto"), "http");
    const old = await Connection.open(router.port, "G");
    for (const letter of "ET / HTTP/1.1\r\nHost: app.test\r\n\r\n") old.write(letter);
    assert.equal((await old.response()).body, "hello");
    old.close();
  });
});

describe("HTTP/2 switched off (enable_http2: false)", () => {
  it("offers no ALPN protocol", async () => {
    const router = await startRouter("embedded", { ...listeners, enable_http2: false });
    try {
      let alpn: string | false | null = null;
      const connection = await Connection.openTls(
        router.tlsPort,
        { ALPNProtocols: ["h2", "http/1.1"] },
        "",
        (socket) => {
          alpn = socket.alpnProtocol;
        },
      );
      assert.equal(alpn, false);
      connection.close();
    } finally {
      await router.stop();
    }
  });
});

describe("HTTP/2 while draining", () => {
  it("ends connections behind their last answer", async () => {
    const backend = await Backend.start(() => undefined);
    const router = await startRouter("embedded", { ...listeners, drain_wait: "0s" });
    try {
      await router.register({ uris: ["app.test"], port: backend.port });
      const client = await Http2Client.open(router.tlsPort);
      const answer = client.ask();
      const request = await backend.request(1);
      router.program.child.kill("SIGUSR1");
      await condition("GOAWAY", () => client.goAway === 0 || undefined);
      request.socket.write(ok("in time"));
      assert.equal((await answer).body, "in time");
      assert.equal(await router.program.end(), 0);
    } finally {
      await router.stop();
      await backend.stop();
    }
  });
});
