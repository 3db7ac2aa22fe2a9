import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { routeService } from "../../docs/examples/route-service.ts";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, get, type RawResponse } from "./harness/connection.ts";
import { fetchService, plainService, type RouterPorts, ServiceHost, sendBy } from "./harness/route-service.ts";
import { type RouterUnderTest, startRouter, workersUnderTest } from "./harness/router.ts";

const authority = makeAuthority("Route Service Authority");
const certificate = issue(authority, { names: ["localhost", "app.test"], ips: ["127.0.0.1"] });
const pem = { cert_chain: certificate.certificate, private_key: certificate.key };
const secret = "tWPE+sWJq+ZnGJpyKkIPYg==";

/** One request on a TLS connection of its own. */
async function getSecurely(port: number, host: string, path = "/", ...lines: string[]): Promise<RawResponse> {
  const head = [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...lines, "", ""].join("\r\n");
  const connection = await Connection.openTls(port, { servername: "app.test" }, head);
  try {
    return await connection.response();
  } finally {
    connection.close();
  }
}

/** The same over HTTP/2. */
async function getByHttp2(port: number, host: string, path = "/", ...lines: string[]): Promise<RawResponse> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { servername: "app.test", rejectUnauthorized: false });
  try {
    const fields = lines.map((line) => line.split(": ") as [string, string]);
    const stream = session.request({ ":path": path, ":authority": host, ...Object.fromEntries(fields) });
    const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.on("response", resolve);
      stream.on("error", reject);
      session.on("error", reject);
    });
    let body = "";
    for await (const chunk of stream.setEncoding("utf8")) body += chunk;
    const header = (name: string): string | undefined => headers[name.toLowerCase()] as string | undefined;
    const status = Number(headers[":status"]);
    return { statusLine: "", status, lines: [], header, body, trailers: [], chunked: false };
  } finally {
    session.destroy();
  }
}

const askBy = { http: get, https: getSecurely, h2: getByHttp2 } as const;

describe("route services (data-plane §8)", () => {
  let router: RouterUnderTest;
  let app: Backend;
  let external: ServiceHost;
  let internal: ServiceHost;
  let back: RouterPorts;
  const url = (path = "/"): string => `https://localhost:${external.port}${path}`;

  before(async () => {
    app = await Backend.start(() => ok("from the app"));
    external = await ServiceHost.start(() => {}, certificate);
    internal = await ServiceHost.start(() => {});
    router = await startRouter("embedded", {
      enable_ssl: true,
      ssl_port: 0,
      client_cert_validation: "none",
      cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
      tls_pem: [pem],
      ca_certs: [authority.certificate],
      disable_keep_alives: false,
      max_idle_conns_per_host: 10,
      endpoint_timeout: "5s",
      route_services_secret: secret,
      route_services_hairpinning: true,
      route_services_hairpinning_allowlist: ["*.apps.internal"],
      route_services: { max_attempts: 3, enable_websockets: true },
      empty_pool_response_code_503: true,
    });
    back = { http: router.port };
    await router.register({ uris: ["app.test"], port: app.port, app: "app", route_service_url: url("/check?x=1") });
    await router.register({ uris: ["rs.apps.internal"], port: internal.port, app: "service" });
    await router.register({
      uris: ["inner.test"],
      port: app.port,
      app: "app",
      route_service_url: "https://rs.apps.internal/check",
    });
  });
  after(async () => {
    await router.stop();
    await Promise.all([app.stop(), external.stop(), internal.stop()]);
  });
  beforeEach(() => {
    app.clear();
    back = { http: router.port };
    const example = routeService(sendBy(() => back));
    const kinds = { hono: fetchService((request) => example.fetch(request)), plain: plainService(() => back) };
    external.handle = kinds.hono;
    internal.handle = kinds.plain;
    external.seen.length = 0;
    internal.seen.length = 0;
  });

  for (const ingress of ["http", "https", "h2"] as const) {
    for (const host of ["app.test", "inner.test"] as const) {
      for (const kind of ["hono", "node:http"] as const) {
        for (const returns of ["http", "https"] as const) {
          it(`goes through a service in ${kind} by ${ingress}, ${host}, and back by ${returns}`, async () => {
            back = returns === "http" ? { http: router.port } : { http: router.port, https: router.tlsPort };
            const service = host === "app.test" ? external : internal;
            const example = routeService(sendBy(() => back));
            service.handle =
              kind === "hono" ? fetchService((request) => example.fetch(request)) : plainService(() => back);
            const ask = askBy[ingress];
            const port = ingress === "http" ? router.port : router.tlsPort;
            const answer = await ask(port, host, "/a?b=c", "Authorization: Basic eA==");
            assert.deepEqual([answer.status, answer.body], [200, "from the app"]);
            assert.equal(answer.header("X-Passed"), kind === "hono" ? "example" : undefined);
            const seen = await app.request(1);
            assert.equal(seen.requestLine, "GET /a?b=c HTTP/1.1");
            assert.deepEqual(
              ["host", "x-forwarded-proto", "x-cf-applicationid", "x-cf-proxy-signature", "x-cf-forwarded-url"].map(
                (name) => seen.header(name),
              ),
              [host, ingress === "http" ? "http" : "https", "app", undefined, undefined],
            );
            const [at] = service.seen;
            assert.equal(at?.url, host === "app.test" ? "/check?x=1" : "/check");
            assert.equal(at?.headers["x-cf-forwarded-url"], `http://${host}/a?b=c`);
            assert.equal(at?.headers["x-cf-applicationid"], host === "app.test" ? undefined : "service");
            assert.equal(at?.headers.host, host === "app.test" ? `localhost:${external.port}` : "rs.apps.internal");
          });
        }
      }
    }
  }

  it("lets the service answer itself, and strips the signature", async () => {
    assert.equal((await get(router.port, "app.test")).status, 401);
    external.handle = (_, answer) => {
      answer.writeHead(302, { Location: "/elsewhere", "X-CF-Proxy-Signature": "s" });
      answer.end();
    };
    const answer = await get(router.port, "app.test");
    assert.deepEqual([answer.status, answer.header("Location")], [302, "/elsewhere"]);
    assert.equal(answer.header("X-CF-Proxy-Signature"), undefined);
    assert.equal(app.requests.length, 0);
    const line = await router.accessLogged((text) => text.includes('"GET / HTTP/1.1" 302 '));
    assert.match(
      line,
      /^app\.test .* "127\.0\.0\.1:\d+" "-" x_forwarded_for:"127\.0\.0\.1" .*app_id:"-" app_index:"-"/,
    );
  });

  it("writes one access log line for each pass, the inner one first", async () => {
    await get(router.port, "inner.test", "/lines", "Authorization: x", "User-Agent: lines");
    const lines = await condition("three lines", () => {
      const found = router.accessLog().filter((text) => text.includes(' "lines" '));
      return found.length === 3 ? found : undefined;
    });
    const passes = lines.map((text) => [text.split(" ")[0], /app_id:"([^"]*)"/.exec(text)?.[1]]);
    const expected = [
      ["inner.test", "app"],
      ["rs.apps.internal", "service"],
      ["inner.test", "-"],
    ];
    // Each worker writes what it has served a tenth of a second later (docs/workers.md).
    if (workersUnderTest === 1) assert.deepEqual(passes, expected);
    else assert.deepEqual(passes.toSorted(), expected.toSorted());
    const inner = lines.find((text) => text.startsWith("rs.apps.internal "))!;
    assert.match(inner, /"127\.0\.0\.1:\d+" "127\.0\.0\.1:\d+" x_forwarded_for:"127\.0\.0\.1, 127\.0\.0\.1" /);
  });

  it("streams a body through, and keeps connections to the service", async () => {
    app.answer = ({ body }) => ok(String(body.length));
    external.handle = plainService(() => back);
    const body = "x".repeat(200_000);
    const request = `POST /up HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    // Each worker keeps connections of its own: both requests are one worker's.
    const client = await Connection.open(router.port, request);
    await client.response();
    const { accepted } = external;
    client.write(request);
    const answer = await client.response();
    client.close();
    assert.deepEqual([answer.status, answer.body], [200, "200000"]);
    assert.equal(external.accepted, accepted);
    app.answer = () => ok("from the app");
  });

  for (const host of ["app.test", "inner.test"]) {
    it(`carries WebSockets through, ${host}`, async () => {
      const service = host === "app.test" ? external : internal;
      const key = "dGhlIHNhbXBsZSBub25jZQ==";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      app.answer = ({ socket }) => {
        socket.on("data", (bytes) => socket.write(bytes));
        return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nhi`;
      };
      service.onUpgrade = (received, socket, head) => {
        void (async () => {
          const onward = await Connection.open(router.port);
          const { "x-cf-forwarded-url": forwarded, host: _, ...headers } = received.headers;
          const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
          onward.write(`GET /ws HTTP/1.1\r\nHost: ${new URL(String(forwarded)).host}\r\n${lines.join("\r\n")}\r\n\r\n`);
          if (head.length > 0) onward.socket.write(head);
          splice(onward.socket, socket);
        })();
      };
      const upgrade = ["Connection: Upgrade", "Upgrade: websocket", `Sec-WebSocket-Key: ${key}`];
      const client = await Connection.open(
        router.port,
        `GET /ws HTTP/1.1\r\nHost: ${host}\r\n${upgrade.join("\r\n")}\r\n\r\n`,
      );
      await client.waitFor("the switch", () => client.received.includes("\r\n\r\nhi") || undefined);
      assert.match(client.received, /^HTTP\/1\.1 101 /);
      client.write("echo");
      await client.waitFor("the echo", () => client.received.endsWith("echo") || undefined);
      client.close();
      app.answer = () => ok("from the app");
      for (const { socket } of app.requests) socket.destroy();
    });
  }
});

function splice(a: Socket, b: Socket): void {
  a.pipe(b);
  b.pipe(a);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on("close", () => other.destroy());
    one.on("error", () => other.destroy());
  }
}
