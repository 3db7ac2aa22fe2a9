import assert from "node:assert/strict";
import { constants } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { createServer } from "node:tls";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, get } from "./harness/connection.ts";
import { Http2Backend, hello } from "./harness/http2-backend.ts";
import { Http2Client, readAnswer } from "./harness/http2-client.ts";
import { type RouterUnderTest, startRouter, workersUnderTest } from "./harness/router.ts";

const authority = makeAuthority();
const pair = issue(authority, { names: ["backend.test", "app.test"] });

/** A TLS backend without ALPN that answers every request head with that text. */
async function oldBackend(answer: string): Promise<{ readonly port: number; stop(): void }> {
  const server = createServer({ cert: pair.certificate, key: pair.key }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, stop: () => void server.close() };
}

describe("HTTP/2 to backends (data-plane §10.3)", () => {
  let backend: Http2Backend;
  let plain: Http2Backend;
  let router: RouterUnderTest;
  let client: Http2Client;
  const registerTls = (uri: string, port: number, fields = {}): Promise<void> =>
    router.register({
      uris: [uri],
      tls_port: port,
      server_cert_domain_san: "backend.test",
      protocol: "http2",
      ...fields,
    });
  before(async () => {
    backend = await Http2Backend.start(hello, pair);
    plain = await Http2Backend.start(hello);
    router = await startRouter("embedded", {
      enable_ssl: true,
      ssl_port: 0,
      client_cert_validation: "none",
      cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
      tls_pem: [{ cert_chain: pair.certificate, private_key: pair.key }],
      ca_certs: [authority.certificate],
      disable_keep_alives: false,
      max_idle_conns_per_host: 10,
      endpoint_timeout: "10s",
      backends: { max_attempts: 3 },
    });
    await registerTls("app.test", backend.port);
    client = await Http2Client.open(router.tlsPort);
  });
  after(async () => {
    client?.close();
    await router?.stop();
    await backend.stop();
    await plain.stop();
  });
  beforeEach(() => {
    backend.clear();
    backend.answer = hello;
  });

  it("carries requests of HTTP/1.1 clients", async () => {
    const answer = await get(router.port, "app.test", "/a%2Fb?c=1", "X-Custom: Value", "TE: trailers", "Keep-Alive: x");
    assert.deepEqual([answer.status, answer.body], [200, "hello"]);
    assert.equal(answer.header("content-type"), "text/plain");
    assert.equal(answer.header("transfer-encoding"), "chunked");
    const { headers, lines } = await backend.request(1);
    assert.deepEqual(
      [headers[":method"], headers[":scheme"], headers[":authority"], headers[":path"]],
      ["GET", "https", "app.test", "/a%2Fb?c=1"],
    );
    const names = lines.map(([name]) => name).filter((name) => !/^(x-vcap|x-cf|x-request)/.test(name));
    assert.deepEqual(names.sort(), [
      ":authority",
      ":method",
      ":path",
      ":scheme",
      "te",
      "x-custom",
      "x-forwarded-for",
      "x-forwarded-proto",
    ]);
  });

  it("shares one connection between requests of all clients", async () => {
    const before = backend.sessions.length;
    const asked = Array.from({ length: 20 }, () => client.ask());
    const others = Array.from({ length: 5 }, () => get(router.port, "app.test"));
    for (const answer of [...(await Promise.all(asked)), ...(await Promise.all(others))])
      assert.equal(answer.body, "hello");
    assert.ok(backend.sessions.length - before <= 1);
    assert.equal(new Set(backend.requests.map(({ stream }) => stream.session)).size, 1);
  });

  it("sends each of many requests once that come before the first connection stands", async () => {
    await registerTls("many.test", backend.port);
    const asked = Array.from({ length: 240 }, (_, number) =>
      client.ask({ ":authority": "many.test", ":method": "POST", ":path": `/${number}`, body: "once" }),
    );
    for (const answer of await Promise.all(asked)) assert.deepEqual([answer.status, answer.body], [200, "hello"]);
    const paths = backend.requests.map(({ headers }) => headers[":path"]);
    assert.deepEqual([paths.length, new Set(paths).size], [240, 240]);
  });

  it("moves bodies with and without a length", async () => {
    backend.answer = ({ stream }) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    };
    const body = "0123456789".repeat(100_000);
    assert.equal((await client.ask({ ":method": "POST", body })).body, body);
    assert.equal(backend.requests[0]!.headers["content-length"], undefined);
    const known = body.slice(0, 100_000);
    const connection = await Connection.open(
      router.port,
      `POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${known.length}\r\n\r\n${known}`,
    );
    assert.equal((await connection.response()).body, known);
    assert.equal(backend.requests[1]!.headers["content-length"], String(known.length));
    connection.write("POST / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    assert.equal((await connection.response()).status, 200);
    assert.equal(backend.requests[2]!.headers["content-length"], "0");
    connection.close();
  });

  it("delivers trailers as such, or as chunked trailers", async () => {
    backend.answer = ({ stream }) => {
      stream.respond({ ":status": 200, trailer: "grpc-status" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
      stream.end("message");
    };
    const { body, headers, trailers } = await client.ask({ te: "trailers" });
    assert.deepEqual(
      [body, headers["trailer"], trailers["grpc-status"], trailers["grpc-message"]],
      ["message", "grpc-status", "0", "fine"],
    );
    const connection = await Connection.open(
      router.port,
      "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n",
    );
    const text = await connection.toEnd();
    assert.match(text, /\r\nTrailer: grpc-status\r\n/);
    assert.match(text, /7\r\nmessage\r\n0\r\nGrpc-Status: 0\r\nGrpc-Message: fine\r\n\r\n$/);
  });

  it("delivers an answer that is nothing but trailers", async () => {
    backend.answer = ({ stream }) =>
      stream.respond({ ":status": 200, "grpc-status": "12", "content-type": "application/grpc" }, { endStream: true });
    const { status, headers, body } = await client.ask({ ":method": "POST", te: "trailers", body: "x" });
    assert.deepEqual([status, headers["grpc-status"], body], [200, "12", ""]);
  });

  it("delivers interim responses", async () => {
    backend.answer = ({ stream }) => {
      stream.additionalHeaders({ ":status": 103, link: "</a>" });
      stream.respond({ ":status": 204 }, { endStream: true });
    };
    const { interim, status } = await client.ask();
    assert.deepEqual([interim, status], [[103], 204]);
  });

  it("tells the backend of a client that resets its stream (data-plane §4.9)", async () => {
    backend.answer = () => {};
    const stream = client.begin({ ":path": "/left" }, true);
    const seen = await backend.request(1);
    stream.close(constants.NGHTTP2_CANCEL);
    await condition("the reset", () => seen.closed === constants.NGHTTP2_CANCEL || undefined);
    await router.accessLogged((line) => line.includes('"GET /left HTTP/2.0" 499 '));
    backend.answer = hello;
    assert.equal((await client.ask()).body, "hello");
  });

  it("passes a backend's reset on as 502, without another attempt", async () => {
    backend.answer = ({ stream }) => stream.close(constants.NGHTTP2_CANCEL);
    const { status, headers, body } = await client.ask();
    assert.equal(status, 502);
    assert.equal(body, "502 Bad Gateway: Registered endpoint failed to handle the request.\n");
    assert.match(
      String(headers["x-cf-routererror"]),
      /^endpoint_failure \(stream error: stream ID \d+; CANCEL; received from peer\)$/,
    );
    assert.equal(backend.requests.length, 1);
  });

  it("cuts the answer when the backend resets it midway (data-plane §2.4)", async () => {
    backend.answer = ({ stream }) => {
      stream.respond({ ":status": 200 });
      stream.write("half", () => stream.destroy(new Error("cut")));
    };
    await assert.rejects(client.ask(), /INTERNAL_ERROR/);
  });

  it("sends a refused request again (RFC 9113 §8.7)", async () => {
    backend.answer = ({ stream }) => {
      if (backend.requests.length === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else hello({ stream } as never);
    };
    assert.equal((await client.ask()).body, "hello");
    assert.equal(backend.requests.length, 2);
  });

  it("says what a backend's GOAWAY said, and dials anew", async () => {
    backend.answer = ({ stream }) => {
      stream.session!.goaway(0, stream.id);
      setImmediate(() => stream.session!.destroy());
    };
    const { status, headers } = await client.ask();
    assert.equal(status, 502);
    assert.match(
      String(headers["x-cf-routererror"]),
      /^endpoint_failure \(http2: server sent GOAWAY and closed the connection; LastStreamID=\d+, ErrCode=NO_ERROR, debug=""\)$/,
    );
    backend.answer = hello;
    assert.equal((await client.ask()).body, "hello");
  });

  it("uses HTTP/1.1 for WebSockets, and refuses other upgrades", async () => {
    const old = await oldBackend(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfrom h1",
    );
    try {
      await registerTls("ws.test", old.port);
      const upgrade = (protocol: string): string =>
        `GET / HTTP/1.1\r\nHost: ws.test\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
      const connection = await Connection.open(router.port, upgrade("websocket"));
      await connection.waitFor("the tunnel", () => connection.received.endsWith("from h1") || undefined);
      connection.close();
    } finally {
      old.stop();
    }
    const other = await Connection.open(
      router.port,
      "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n",
    );
    const answer = await other.response();
    assert.equal(answer.status, 502);
    assert.equal(
      answer.header("x-cf-routererror"),
      'endpoint_failure (http2: invalid Upgrade request header: ["foo"])',
    );
    assert.equal(backend.requests.length, 0);
    other.close();
  });

  it("speaks HTTP/1.1 to a backend whose ALPN does not answer h2, and to a plain one", async () => {
    const old = await oldBackend(ok("old"));
    const bare = await Backend.start(() => ok("bare"));
    try {
      await registerTls("old.test", old.port);
      await router.register({ uris: ["bare.test"], port: bare.port, protocol: "http2" });
      for (const [host, body] of [
        ["old.test", "old"],
        ["bare.test", "bare"],
      ] as const) {
        for (let i = 0; i < 3; i++) assert.equal((await client.ask({ ":authority": host })).body, body);
      }
      // A backend that speaks nothing but HTTP/2 is not understood (data-plane §10.3).
      await router.register({ uris: ["h2c.test"], port: plain.port, protocol: "http2" });
      const refused = await client.ask({ ":authority": "h2c.test" });
      assert.equal(refused.status, 502);
      assert.match(String(refused.headers["x-cf-routererror"]), /malformed HTTP response/);
    } finally {
      old.stop();
      await bare.stop();
    }
  });

  it("takes an absolute https target apart, and refuses an http one", async () => {
    const ask = async (target: string): Promise<[number, string | undefined]> => {
      const connection = await Connection.open(router.port, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
      const answer = await connection.response();
      connection.close();
      return [answer.status, answer.header("x-cf-routererror")];
    };
    assert.deepEqual(await ask("https://app.test/q?1"), [200, undefined]);
    assert.equal(backend.requests[0]!.headers[":path"], "/q?1");
    assert.deepEqual(await ask("http://app.test/q?1"), [
      502,
      'endpoint_failure (invalid request :path "http://app.test/q?1" from URL.Opaque = "http://app.test/q?1")',
    ]);
  });

  it("answers early while a request goes on, and lets go of it", async () => {
    backend.answer = ({ stream }) => {
      stream.respond({ ":status": 413 });
      stream.end("too much");
    };
    const stream = client.begin({ ":method": "POST" });
    const answer = readAnswer(stream);
    stream.write("x".repeat(100_000));
    const { status, body } = await answer;
    assert.deepEqual([status, body], [413, "too much"]);
  });
});

describe("HTTP/2 to backends: limits and options", () => {
  it("speaks HTTP/2 to plain backends with enable_h2c, times out per protocol, and keeps nothing when told so", async () => {
    const backend = await Http2Backend.start(hello);
    const router = await startRouter("embedded", {
      enable_h2c: true,
      disable_keep_alives: true,
      endpoint_timeout: "60s",
      http_2_endpoint_timeout: "300ms",
    });
    try {
      await router.register({ uris: ["app.test"], port: backend.port, protocol: "http2" });
      // On a busy machine the first one of a worker may take longer than the timeout.
      let [asked, served] = [0, 0];
      await condition("three answers", async () => {
        asked++;
        const { status, body } = await get(router.port, "app.test");
        if (status === 200 && body === "hello") served++;
        return served === 3 || undefined;
      });
      const { length } = backend.sessions;
      assert.ok(length >= 3 && length <= asked, `${length} connections for ${asked} requests`);
      await condition(
        "the connections to end",
        () => backend.sessions.every(({ destroyed }) => destroyed) || undefined,
      );
      backend.answer = () => {};
      const late = await get(router.port, "app.test");
      assert.equal(late.status, 502);
      assert.equal(late.header("x-cf-routererror"), "endpoint_failure (context deadline exceeded)");
      await condition("the reset", () => backend.requests.at(-1)!.closed === constants.NGHTTP2_CANCEL || undefined);
    } finally {
      await router.stop();
      await backend.stop();
    }
  });

  it("max_conns counts requests, not connections", async () => {
    const backend = await Http2Backend.start(() => {});
    const router = await startRouter("embedded", {
      enable_h2c: true,
      disable_keep_alives: false,
      backends: { max_conns: 2 },
    });
    try {
      await router.register({ uris: ["app.test"], port: backend.port, protocol: "http2" });
      const held: ReturnType<typeof get>[] = [];
      for (const count of [1, 2]) {
        held.push(get(router.port, "app.test"));
        await condition(`${count} in flight`, () => backend.requests.length === count || undefined);
      }
      const refused = await get(router.port, "app.test");
      assert.deepEqual([refused.status, refused.header("x-cf-routererror")], [503, "Connection Limit Reached"]);
      for (const { stream } of backend.requests) {
        stream.respond({ ":status": 200 });
        stream.end("hello");
      }
      assert.deepEqual(
        (await Promise.all(held)).map(({ body }) => body),
        ["hello", "hello"],
      );
      // Each worker that has one of them has a connection.
      assert.ok(backend.sessions.length <= workersUnderTest, `${backend.sessions.length} connections`);
    } finally {
      await router.stop();
      await backend.stop();
    }
  });
});
