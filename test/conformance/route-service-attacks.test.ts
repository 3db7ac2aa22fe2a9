import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { SignatureCipher } from "../../src/core/route-service/signature-cipher.ts";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, get, type RawResponse } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { plainService, ServiceHost } from "./harness/route-service.ts";
import { type RouterUnderTest, startRouter, writeConfig, type Yaml } from "./harness/router.ts";

const authority = makeAuthority("Route Service Authority");
const stranger = makeAuthority("Nobody");
const certificate = issue(authority, { names: ["localhost"], ips: ["127.0.0.1"] });
const secret = "tWPE+sWJq+ZnGJpyKkIPYg==";
const cipher = new SignatureCipher(secret);
const nonce = (): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(12));

/** Header lines of a service that comes back. */
async function signed(url: string, ageMs = 0, by = cipher): Promise<[signature: string, metadata: string]> {
  const { signature, metadata } = await by.sign(url, new Date(Date.now() - ageMs).toISOString(), nonce());
  return [`X-CF-Proxy-Signature: ${signature}`, `X-CF-Proxy-Metadata: ${metadata}`];
}

/** What no client may learn: secrets, signatures, and where things are. */
function assertSilent(answer: RawResponse, ...words: string[]): void {
  const text = [answer.statusLine, ...answer.lines, answer.body].join("\n");
  for (const word of [secret, "X-Cf-Proxy", "169.254", "src/", ...words]) assert.ok(!text.includes(word), text);
}

const invalid = (reason: string): string => `502 Bad Gateway: Failed to validate Route Service Signature: ${reason}\n`;
const unauthentic = invalid("cipher: message authentication failed");
const base: Yaml = {
  ca_certs: [authority.certificate],
  disable_keep_alives: false,
  endpoint_timeout: "5s",
  route_services_secret: secret,
  route_services_timeout: "30s",
};

describe("attacks on route services", () => {
  let router: RouterUnderTest;
  let app: Backend;
  let service: ServiceHost;
  let inner: Backend;

  before(async () => {
    app = await Backend.start(() => ok("from the app"));
    inner = await Backend.start(() => ok("from the inner service"));
    service = await ServiceHost.start((_, answer) => answer.end("from the service"), certificate);
    router = await startRouter("embedded", {
      ...base,
      route_services_hairpinning: true,
      route_services: { max_attempts: 2, egress_block: ["private", "203.0.113.0/24"], egress_allow: ["192.168.7.7"] },
    });
    const url = `https://localhost:${service.port}/`;
    const services: Record<string, string> = {
      "app.test": url,
      "other.test": url,
      // Two services in a row: the first is an app of the same router, and bound to the second.
      "twice.test": "https://first.internal/",
      "first.internal": "https://second.internal/",
      // A service that is its own.
      "self.test": "https://self.test/",
      "metadata.test": "https://169.254.169.254/latest/meta-data/",
      "named.test": "https://0xa9fea9fe/latest/meta-data/",
      "mapped.test": "https://[::ffff:169.254.169.254]/",
      "private.test": "https://10.0.0.1/",
      "range.test": "https://203.0.113.9/",
      "unknown.test": "https://nobody.invalid/",
    };
    for (const [uri, route_service_url] of Object.entries(services)) {
      await router.register({ uris: [uri], port: app.port, route_service_url });
    }
    await router.register({ uris: ["second.internal"], port: inner.port });
    await router.register({ uris: ["free.test"], port: app.port });
  });
  after(async () => {
    await router.stop();
    await Promise.all([app.stop(), inner.stop(), service.stop()]);
  });
  beforeEach(() => {
    app.clear();
    inner.clear();
    service.seen.length = 0;
    service.handle = (_, answer) => answer.end("from the service");
  });

  const cut = ([signature, metadata]: readonly string[]): string[] => [signature!.slice(0, -9), metadata!];
  const cases: readonly [name: string, lines: () => Promise<string[]>, status: number, body: string][] = [
    ["a valid one", () => signed("http://app.test/"), 200, "from the app"],
    ["forged", () => signed("http://app.test/", 0, new SignatureCipher("guess")), 502, unauthentic],
    [
      "expired",
      () => signed("http://app.test/", 31_000),
      504,
      "504 Gateway Timeout: Failed to validate Route Service Signature: route service request expired\n",
    ],
    [
      "truncated",
      async () => cut(await signed("http://app.test/")),
      502,
      invalid("illegal base64 data at input byte N"),
    ],
    [
      "with the metadata of another",
      async () => [(await signed("http://app.test/"))[0], (await signed("http://app.test/"))[1]],
      502,
      unauthentic,
    ],
    ["without metadata", async () => (await signed("http://app.test/")).slice(0, 1), 502, invalid("No metadata found")],
    [
      "with signature and metadata swapped",
      async () =>
        (await signed("http://app.test/")).map((line) =>
          line.replace(/Signature|Metadata/, (name) => (name === "Metadata" ? "Signature" : "Metadata")),
        ),
      502,
      "",
    ],
    [
      "of another route",
      () => signed("http://other.test/"),
      502,
      invalid("route service forwarded URL app.test/ does not match the original request URL other.test/"),
    ],
    [
      "of a route that is not there",
      () => signed("http://gone.test/x"),
      502,
      invalid("original request URL gone.test/x does not exist in the routing table"),
    ],
    [
      "huge",
      async () => [`X-CF-Proxy-Signature: ${"A".repeat(200_000)}`, "X-CF-Proxy-Metadata: e30="],
      502,
      invalid("incorrect nonce length"),
    ],
    [
      "rubbish",
      async () => ["X-CF-Proxy-Signature: %", "X-CF-Proxy-Metadata: %"],
      502,
      invalid("illegal base64 data at input byte 0"),
    ],
  ];
  for (const [name, lines, status, body] of cases) {
    it(`a signature: ${name}`, async () => {
      const answer = await get(router.port, "app.test", "/", ...(await lines()));
      assert.equal(answer.status, status, answer.body);
      const text = answer.body.replace(/input byte [1-9]\d*/, "input byte N");
      if (body !== "") assert.equal(text, body);
      else assert.match(answer.body, /^502 Bad Gateway: Failed to validate Route Service Signature: /);
      assert.equal(app.requests.length, status === 200 ? 1 : 0);
      assert.equal(service.seen.length, 0);
      assertSilent(answer);
    });
  }

  it("a signature replayed is good for its route until it expires, and for no other", async () => {
    const lines = await signed("http://app.test/");
    for (const [host, status] of [
      ["app.test", 200],
      ["app.test", 200],
      ["other.test", 502],
    ] as const) {
      assert.equal((await get(router.port, host, "/again", ...lines)).status, status);
    }
  });

  it("a head that is too large is refused before any signature is looked at", async () => {
    const answer = await get(router.port, "app.test", "/", `X-CF-Proxy-Signature: ${"A".repeat(1_048_576 - 100)}`);
    assert.equal(answer.status, 431);
    assert.equal(service.seen.length, 0);
  });

  it("signatures of clients do not reach the service; the router's own do", async () => {
    await get(
      router.port,
      "app.test",
      "/",
      "X-CF-Forwarded-Url: http://evil/",
      "X-CF-Proxy-Metadata: x",
      "X-CF-Proxy-Signature:",
    );
    const { headers } = service.seen[0]!;
    assert.equal(headers["x-cf-forwarded-url"], "http://app.test/");
    assert.notEqual(headers["x-cf-proxy-metadata"], "x");
  });

  it("a loop through two services ends at the second", async () => {
    const answer = await get(router.port, "twice.test");
    assert.equal(answer.status, 502);
    assert.equal(
      answer.body,
      invalid("route service forwarded URL first.internal/ does not match the original request URL twice.test/"),
    );
    assert.equal(inner.requests.length, 0);
    assertSilent(answer);
  });

  it("a service that is the route itself reaches the app with nothing to spare", async () => {
    const answer = await get(router.port, "self.test");
    assert.deepEqual([answer.status, answer.body], [200, "from the app"]);
    assert.equal(app.requests.length, 1);
  });

  for (const [host, detail] of [
    ["metadata.test", "169.254.169.254"],
    ["named.test", "0xa9fea9fe"],
    ["mapped.test", "[::ffff:169.254.169.254]"],
    ["private.test", "10.0.0.1"],
    ["range.test", "203.0.113.9"],
  ] as const) {
    it(`a service at an address that is not allowed: ${host}`, async () => {
      const answer = await get(router.port, host);
      assert.equal(answer.status, 502);
      assert.equal(
        answer.header("X-Cf-Routererror"),
        `endpoint_failure (dial tcp ${detail}:443: connection to IP not allowed)`,
      );
      assert.equal(answer.body, "502 Bad Gateway: Registered endpoint failed to handle the request.\n");
      const lines = (await router.settledLogLines()).filter(
        ({ message }) => message === "route-service-egress-blocked",
      );
      assert.match(String(lines.at(-1)?.data?.["error"]), /^dial .*:443: .*may not be dialled$/);
    });
  }

  it("a service whose name does not resolve", async () => {
    const answer = await get(router.port, "unknown.test");
    assert.equal(answer.status, 502);
    assert.equal(answer.header("X-Cf-Routererror"), "endpoint_failure (dial tcp: lookup nobody.invalid: no such host)");
    const lines = (await router.settledLogLines()).filter(
      ({ message }) => message === "route-service-connection-failed",
    );
    assert.equal(lines.filter(({ data }) => data?.["route-service-endpoint"] === "https://nobody.invalid/").length, 2);
  });

  it("a service that answers 1xx, redirects, breaks off, resets, talks rubbish, or never ends", async () => {
    service.handle = (_, answer) => {
      answer.writeProcessing();
      answer.end("late");
    };
    const interim = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    assert.equal((await interim.response(true)).status, 102);
    assert.deepEqual([(await interim.response()).body], ["late"]);
    interim.close();
    service.handle = (_, answer) => answer.writeHead(307, { Location: "http://169.254.169.254/" }).end();
    const redirect = await get(router.port, "app.test");
    assert.deepEqual([redirect.status, service.seen.length], [307, 2]);
    service.handle = (received) => received.socket.end();
    assert.equal((await get(router.port, "app.test")).header("X-Cf-Routererror"), "endpoint_failure (EOF)");
    service.handle = (received) => received.socket.end("rubbish\r\n\r\n");
    const rubbish = await get(router.port, "app.test");
    assert.match(rubbish.header("X-Cf-Routererror") ?? "", /^endpoint_failure \(.*malformed HTTP/);
    service.handle = (received) => received.socket.destroy();
    assert.equal((await get(router.port, "app.test")).status, 502);
    assert.equal(app.requests.length, 0);
  });
});

describe("services that cannot be trusted (data-plane §7.4)", () => {
  let router: RouterUnderTest;
  let app: Backend;
  const services: ServiceHost[] = [];
  const start = async (options: Parameters<typeof ServiceHost.start>[1]): Promise<number> => {
    const host = await ServiceHost.start((_, answer) => answer.end("ok"), options);
    services.push(host);
    return host.port;
  };
  const client = issue(authority, { names: ["router"], client: true });

  before(async () => {
    app = await Backend.start(() => ok("from the app"));
    router = await startRouter("embedded", {
      ...base,
      route_services: {
        egress_block: ["loopback"],
        egress_allow: ["127.0.0.1"],
        cert_chain: client.certificate,
        private_key: client.key,
      },
    });
    const plain = await ServiceHost.start((_, answer) => answer.end("plain"));
    services.push(plain);
    const mutual = { ...certificate, requestCert: true, rejectUnauthorized: true, ca: authority.certificate };
    const ports: Record<string, string> = {
      good: `127.0.0.1:${await start(certificate)}`,
      misnamed: `127.0.0.1:${await start(issue(authority, { names: ["elsewhere.test"] }))}`,
      untrusted: `127.0.0.1:${await start(issue(stranger, { ips: ["127.0.0.1"] }))}`,
      modern: `127.0.0.1:${await start({ ...certificate, minVersion: "TLSv1.3" })}`,
      mutual: `127.0.0.1:${await start(mutual)}`,
      plain: `127.0.0.1:${plain.port}`,
      dead: `127.0.0.1:${await deadPort()}`,
      loopback: `[::1]:${await deadPort()}`,
    };
    for (const [name, address] of Object.entries(ports)) {
      await router.register({ uris: [`${name}.test`], port: app.port, route_service_url: `https://${address}/` });
    }
  });
  after(async () => {
    await router.stop();
    await app.stop();
    for (const service of services) await service.stop();
  });

  for (const [host, status, error] of [
    ["good", 200, undefined],
    ["mutual", 200, undefined],
    ["misnamed", 503, /x509: (cannot validate certificate for 127\.0\.0\.1|certificate is valid for)/],
    ["untrusted", 526, /x509: certificate signed by unknown authority/],
    ["modern", 502, /tls: /],
    ["plain", 525, /first record does not look like a TLS handshake/],
    ["dead", 502, /dial tcp 127\.0\.0\.1:\d+: connect: connection refused/],
    ["loopback", 502, /dial tcp \[::1\]:\d+: connection to IP not allowed/],
  ] as const) {
    it(`${host}: ${status}`, async () => {
      const answer = await get(router.port, `${host}.test`);
      assert.equal(answer.status, status, answer.header("X-Cf-Routererror"));
      if (error === undefined) assert.equal(answer.body, "ok");
      else assert.match(answer.header("X-Cf-Routererror") ?? "", error);
      assert.equal(app.requests.length, 0);
    });
  }
});

describe("a route whose app does not run", () => {
  it("is reserved, asked for, served, left and given up", async () => {
    const app = await Backend.start(() => ok("from the app"));
    const service = await ServiceHost.start(() => {}, certificate);
    const router = await startRouter("embedded", base);
    service.handle = plainService(() => ({ http: router.port }));
    try {
      const url = `https://127.0.0.1:${service.port}/`;
      const publish = (subject: string, message: object): void => router.nats.publish(subject, JSON.stringify(message));
      const status = async (): Promise<number> => (await get(router.port, "shop.test")).status;
      const uris = ["shop.test"];
      assert.equal(await status(), 404);
      publish("router.reserve", { uris });
      await condition("the reservation", async () => (await status()) === 503 || undefined);
      assert.equal(service.seen.length, 0);
      publish("router.reserve", { uris, route_service_url: url, options: { without_endpoints: true } });
      await condition("the service", async () => ((await status()) === 503 && service.seen.length > 0) || undefined);
      const answer = await get(router.port, "shop.test");
      assert.deepEqual(
        [answer.status, answer.header("X-Cf-Routererror"), answer.header("Retry-After")],
        [503, "no_endpoints", "5"],
      );
      const asked = service.seen.length;
      await router.register({ uris, port: app.port, route_service_url: url });
      assert.equal(await status(), 200);
      assert.equal(service.seen.length, asked + 1);
      await router.unregister({ uris, port: app.port });
      assert.equal(await status(), 503);
      assert.equal(service.seen.length, asked + 2);
      publish("router.unreserve", { uris });
      await condition("the end", async () => (await status()) === 404 || undefined);
    } finally {
      await router.stop();
      await Promise.all([app.stop(), service.stop()]);
    }
  });
});

describe("route services at start", () => {
  /** Runs the program until it ends by itself. */
  async function ended(config: Yaml): Promise<Program & { code: number | string }> {
    const folder = mkdtempSync(join(tmpdir(), "causeway-rs-"));
    const program = new Program(["router", "-c", writeConfig(folder, "embedded", config)]);
    try {
      return Object.assign(program, { code: await program.end() });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  it("a hairpinning allowlist entry that is no host ends in a panic, even when that is off (control-plane §1.2)", async () => {
    const program = await ended({ route_services_hairpinning_allowlist: ["a.b", "*.com*"] });
    assert.deepEqual([program.code, program.stderr], [2, "panic: allowlist-entry-invalid\n"]);
    const line = program.logLines.find(({ message }) => message === "allowlist-entry-invalid");
    assert.equal(
      line?.data?.["error"],
      "invalid route service hairpinning allowlist entry: *.com*. Must be wildcard (*.domain.com) or FQDN (hostname.domain.com)",
    );
  });

  it("an address that cannot be used is quoted", async () => {
    const program = await ended({ route_services: { egress_block: ["10.0.0.0/40"] } });
    assert.equal(program.code, 1);
    const line = program.logLines.find(({ message }) => message === "route-services-egress-list-invalid");
    assert.match(String(line?.data?.["error"]), /^cannot use "10\.0\.0\.0\/40" in route_services\.egress_block: /);
  });

  it("a port that is taken", async () => {
    const taken: Server = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    try {
      const program = await ended({ route_services_internal_server_port: port });
      assert.equal(program.code, 1);
      const line = program.logLines.find(({ message }) => message === "new-route-services-server");
      assert.equal(
        line?.data?.["error"],
        `starting local listener: listen tcp 127.0.0.1:${port}: bind: address already in use`,
      );
    } finally {
      taken.close();
    }
  });
});
