import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { issue, makeAuthority, selfSigned } from "../fixtures/certificates.ts";
import { readAccessLog } from "./harness/access-log.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { get, type RawResponse } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter, workersUnderTest } from "./harness/router.ts";
import { OpensslBackend, startMisfit, TlsBackend } from "./harness/tls-backend.ts";

const authority = makeAuthority();
const stranger = makeAuthority("Stranger");
const good = issue(authority, { names: ["app-1", "*.apps.test"], ips: ["127.0.0.1"] });
const verify = "tls: failed to verify certificate: x509:";
const day = 24 * 3600 * 1000;

/** Backends to be stopped at the end. */
const stops: (() => Promise<void>)[] = [];
/** With a certificate of its own, and without; both retry. */
let mutual: RouterUnderTest;
let bare: RouterUnderTest;
const config = {
  ca_certs: [authority.certificate],
  disable_keep_alives: false,
  tls_handshake_timeout: "400ms",
  // It is for route services only (data-plane §7.3).
  skip_ssl_validation: true,
  logging: { level: "debug", extra_access_log_fields: ["dial_time", "tls_time", "failed_attempts"] },
};

before(async () => {
  const own = issue(authority, { names: ["router"], client: true });
  [mutual, bare] = await Promise.all([
    startRouter("embedded", {
      ...config,
      backends: { max_attempts: 3, cert_chain: own.certificate, private_key: own.key },
    }),
    startRouter("embedded", { ...config, backends: { max_attempts: 3 } }),
  ]);
});
after(async () => {
  await mutual?.stop();
  await bare?.stop();
  for (const stop of stops) await stop();
});

async function backend(...parts: Parameters<typeof TlsBackend.start>): Promise<TlsBackend> {
  const started = await TlsBackend.start(...parts);
  stops.push(() => started.stop());
  return started;
}

async function misfit(act: (socket: Socket) => void): Promise<number> {
  const started = await startMisfit(act);
  stops.push(() => started.stop());
  return started.port;
}

/** A backend that wants a certificate of another authority than ours. */
async function openssl(...options: string[]): Promise<number> {
  const started = await OpensslBackend.start(
    { "-cert": good.certificate, "-key": good.key, "-CAfile": stranger.certificate },
    "-Verify",
    "1",
    "-verify_return_error",
    ...options,
  );
  stops.push(() => started.stop());
  return started.port;
}

interface Expected {
  readonly statusLine: string;
  readonly body: string;
  /** ERR of `X-Cf-RouterError: endpoint_failure (ERR)` (data-plane §2.3). */
  readonly error: string | RegExp;
  readonly pruned: boolean;
}

function assertText(actual: string, expected: string | RegExp): void {
  if (typeof expected === "string") assert.equal(actual, expected);
  else assert.match(actual, expected);
}

/** Registers the endpoint, asks once, and checks answer, log lines and what became of the endpoint. */
async function assertFails(
  router: RouterUnderTest,
  host: string,
  port: number,
  { statusLine, body, error, pruned }: Expected,
  san = "app-1",
): Promise<void> {
  const address = `127.0.0.1:${port}`;
  await router.register({
    uris: [host],
    tls_port: port,
    server_cert_domain_san: san,
  });
  const answer = await get(router.port, host);
  assert.equal(answer.statusLine, statusLine);
  assert.equal(answer.body, `${body}\n`);
  const text = /^endpoint_failure \((.*)\)$/.exec(answer.header("x-cf-routererror") ?? "")?.[1] ?? "";
  assertText(text, error);
  assert.equal(answer.header("content-type"), "text/plain; charset=utf-8");
  assert.equal(answer.header("x-content-type-options"), "nosniff");
  const lines = await router.settledLogLines();
  const about = (message: string) =>
    lines.filter((line) => line.message === message && JSON.stringify(line.data).includes(`"${address}"`));
  const failures = about("backend-endpoint-failed");
  assert.equal(failures.length, 1);
  const { data } = failures[0]!;
  assertText(
    String(data?.["error"]),
    new RegExp(`^(incomplete request \\()?${literal(text)}( \\(via idempotent request\\))?\\)?$`),
  );
  assert.equal(about("prune-failed-endpoint").length, pruned ? 1 : 0);
  assert.equal((await get(router.port, host)).status, pruned ? 404 : answer.status);
  // Another worker's line of the request after it may stand before it.
  const ofFirst = (line: string): boolean => line.startsWith(host) && line.includes(`HTTP/1.1" ${answer.status} `);
  const logged = readAccessLog(await router.accessLogged(ofFirst));
  assert.equal(logged.status, String(answer.status));
  assert.equal(logged.named.get("x_cf_routererror"), `endpoint_failure (${text})`);
  assert.equal(logged.backend, address);
}

const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

const misnamed = { statusLine: "HTTP/1.1 503 Service Unavailable", body: "503 Service Unavailable", pruned: true };
const untrusted = { statusLine: "HTTP/1.1 526 status code 526", body: "526 Invalid SSL Certificate", pruned: true };
const noCertificate = {
  statusLine: "HTTP/1.1 496 status code 496",
  body: "496 SSL Certificate Required",
  pruned: true,
};
const noHandshake = { statusLine: "HTTP/1.1 525 status code 525", body: "525 SSL Handshake Failed", pruned: true };
const badGateway = {
  statusLine: "HTTP/1.1 502 Bad Gateway",
  body: "502 Bad Gateway: Registered endpoint failed to handle the request.",
};
const instant = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";

describe("TLS to backends (data-plane §7.3)", () => {
  it("is mutual: the name is sent and checked, our certificate shown, 1.3 spoken, the times logged", async () => {
    const asking = await backend(good, { ca: [authority.certificate], requestCert: true, rejectUnauthorized: true });
    await mutual.register({ uris: ["mutual.test"], tls_port: asking.port, server_cert_domain_san: "app-1" });
    assert.equal((await get(mutual.port, "mutual.test")).body, "ok");
    assert.equal((await get(mutual.port, "mutual.test")).body, "ok");
    const facts = { serverName: "app-1", clientName: "router", version: "TLSv1.3", resumed: false };
    // Each worker that had one of the requests has a connection.
    const wanted = Array.from({ length: Math.min(asking.connections.length, workersUnderTest) }, () => facts);
    assert.deepEqual(asking.connections, wanted);
    const line = await mutual.accessLogged((text) => text.includes("mutual.test"));
    assert.match(line, / dial_time:0\.\d+ tls_time:0\.\d*[1-9]\d*/);
  });

  it("knows wildcards, IP addresses without SNI, and TLS 1.2", async () => {
    const old = await backend(good, { maxVersion: "TLSv1.2" });
    await bare.register({ uris: ["wild.test"], tls_port: old.port, server_cert_domain_san: "one.apps.test" });
    assert.equal((await get(bare.port, "wild.test")).body, "ok");
    const plain = await backend(good);
    await bare.register({ uris: ["ip.test"], tls_port: plain.port });
    assert.equal((await get(bare.port, "ip.test")).body, "ok");
    const facts = [...old.connections, ...plain.connections].map(({ serverName, version }) => [serverName, version]);
    assert.deepEqual(facts, [
      ["one.apps.test", "TLSv1.2"],
      ["", "TLSv1.3"],
    ]);
  });

  it("wrong name: 503", async () => {
    const { port } = await backend(good);
    const error = `${verify} certificate is valid for app-1, *.apps.test, not app-2`;
    await assertFails(mutual, "name.test", port, { ...misnamed, error }, "app-2");
  });

  it("no name registered, no IP in the certificate: 503", async () => {
    const { port } = await backend(issue(authority, { names: ["app-1"] }));
    const error = `${verify} cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs`;
    await assertFails(mutual, "noip.test", port, { ...misnamed, error }, "");
  });

  it("a common name alone: 503", async () => {
    const { port } = await backend(issue(authority, { commonName: "app-1" }));
    const error = `${verify} certificate relies on legacy Common Name field, use SANs instead`;
    await assertFails(mutual, "cn.test", port, { ...misnamed, error });
  });

  it("untrusted and misnamed: 503", async () => {
    const { port } = await backend(issue(stranger, { names: ["app-2"] }));
    const error = `${verify} certificate is valid for app-2, not app-1`;
    await assertFails(mutual, "both.test", port, { ...misnamed, error });
  });

  it("unknown authority: 526", async () => {
    const { port } = await backend(issue(stranger, { names: ["app-1"] }));
    const error = `${verify} certificate signed by unknown authority`;
    await assertFails(mutual, "stranger.test", port, { ...untrusted, error });
  });

  it("self-signed: 526", async () => {
    const { port } = await backend(selfSigned({ names: ["app-1"] }));
    const error = `${verify} certificate signed by unknown authority`;
    await assertFails(mutual, "self.test", port, { ...untrusted, error });
  });

  it("expired: 526", async () => {
    const { port } = await backend(issue(authority, { names: ["app-1"], notAfter: new Date(Date.now() - day) }));
    const text = `certificate has expired or is not yet valid: current time ${instant} is after ${instant}`;
    await assertFails(mutual, "expired.test", port, { ...untrusted, error: new RegExp(`^${verify} ${text}$`) });
  });

  it("not yet valid: 526", async () => {
    const early = issue(authority, { names: ["app-1"], notBefore: new Date(Date.now() + day) });
    const { port } = await backend(early);
    const text = `certificate has expired or is not yet valid: current time ${instant} is before ${instant}`;
    await assertFails(mutual, "early.test", port, { ...untrusted, error: new RegExp(`^${verify} ${text}$`) });
  });

  it("no TLS at all: 525", async () => {
    const port = await misfit((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const error = "tls: first record does not look like a TLS handshake";
    await assertFails(mutual, "plain.test", port, { ...noHandshake, error });
  });

  for (const [version, expected, alert] of [
    ["TLSv1.2", noHandshake, "handshake failure"],
    ["TLSv1.3", noCertificate, "certificate required"],
  ] as const) {
    it(`demands a certificate that we lack, ${version}: ${expected.body}`, async () => {
      const { port } = await backend(good, {
        requestCert: true,
        rejectUnauthorized: true,
        ca: [authority.certificate],
        minVersion: version,
        maxVersion: version,
      });
      await assertFails(bare, `demands-${version}.test`, port, { ...expected, error: `remote error: tls: ${alert}` });
    });
  }

  for (const version of ["1_2", "1_3"]) {
    it(`refuses our certificate, TLS ${version.replace("_", ".")}: 496`, async () => {
      const port = await openssl(`-tls${version}`);
      const error = "remote error: tls: unknown certificate authority";
      await assertFails(mutual, `refused-${version}.test`, port, { ...noCertificate, error });
    });
  }

  it("has no version in common: 502, not pruned", async () => {
    const { port } = await backend(good, {
      minVersion: "TLSv1.1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    const error = "remote error: tls: protocol version not supported";
    await assertFails(mutual, "old.test", port, { ...badGateway, pruned: false, error });
  });

  it("takes too long: 502, pruned", async () => {
    const port = await misfit(() => {});
    const error = "net/http: TLS handshake timeout";
    await assertFails(mutual, "mute.test", port, { ...badGateway, pruned: true, error });
  });

  it("closes during the handshake: 502, not pruned", async () => {
    const port = await misfit((socket) => socket.end());
    await assertFails(mutual, "closes.test", port, { ...badGateway, pruned: false, error: "EOF" });
  });

  it("resets during the handshake: 502, not pruned, both addresses told", async () => {
    const port = await misfit((socket) => socket.resetAndDestroy());
    const error = new RegExp(
      `^read tcp 127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${port}: read: connection reset by peer$`,
    );
    await assertFails(mutual, "resets.test", port, { ...badGateway, pruned: false, error });
  });

  it("is killed: 502, pruned, and back with its next registration", async () => {
    const first = await TlsBackend.start(good);
    const message = { uris: ["killed.test"], tls_port: first.port, server_cert_domain_san: "app-1" };
    await mutual.register(message);
    assert.equal((await get(mutual.port, "killed.test")).status, 200);
    await first.stop();
    const error = `dial tcp 127.0.0.1:${first.port}: connect: connection refused`;
    const answer = await get(mutual.port, "killed.test");
    assert.equal(answer.statusLine, badGateway.statusLine);
    assert.equal(answer.header("x-cf-routererror"), `endpoint_failure (${error})`);
    await mutual.program.logged("prune-failed-endpoint", ({ data }) =>
      JSON.stringify(data).includes(`"127.0.0.1:${first.port}"`),
    );
    assert.equal((await get(mutual.port, "killed.test")).status, 404);
    await backend(good, {}, "again", first.port);
    await mutual.register(message);
    assert.equal((await get(mutual.port, "killed.test")).body, "again");
  });
});

describe("TLS to backends: attempts and pools (data-plane §4.4, §4.5)", () => {
  const pinned = (answer: RawResponse): [number, string] => [answer.status, answer.body];

  it("another endpoint serves when the first fails; only the bad ones are pruned", async () => {
    const right = await backend(good, {}, "right");
    const wrong = await backend(issue(authority, { names: ["moved"] }));
    const dead = await deadPort();
    const tls = { uris: ["mixed.test"], server_cert_domain_san: "app-1" };
    await mutual.register({ ...tls, tls_port: wrong.port });
    await mutual.register({ ...tls, tls_port: dead });
    await mutual.register({ ...tls, tls_port: right.port });
    for (let i = 0; i < 4; i++) assert.deepEqual(pinned(await get(mutual.port, "mixed.test")), [200, "right"]);
    const left = (await mutual.routes())["mixed.test"]?.map(({ address }) => address);
    assert.deepEqual(left, [`127.0.0.1:${right.port}`]);
    const failed = (await mutual.settledLogLines()).filter(
      ({ message, data }) =>
        message === "backend-endpoint-failed" &&
        String(data?.["error"]).includes("app-1, not") === false &&
        [wrong.port, dead].some((port) => JSON.stringify(data).includes(`"127.0.0.1:${port}"`)),
    );
    assert.deepEqual(
      failed.map(({ data }) => data?.["retriable"]),
      [true, true],
    );
    assert.ok(failed.every(({ data }) => data?.["got-connection"] === false));
  });

  it("a connection is not used for another name at the same address, nor for plain text", async () => {
    const app = await backend(good);
    const message = { uris: ["moving.test"], tls_port: app.port };
    await mutual.register({ ...message, server_cert_domain_san: "app-1" });
    assert.equal((await get(mutual.port, "moving.test")).status, 200);
    await mutual.register({ ...message, server_cert_domain_san: "two.apps.test" });
    await mutual.program.logged(
      "endpoint-registered",
      ({ data }) => data?.["server_cert_domain_san"] === "two.apps.test",
    );
    // The log tells of the supervisor's table, this of all workers'.
    await mutual.routes();
    assert.equal((await get(mutual.port, "moving.test")).status, 200);
    assert.deepEqual(
      app.connections.map(({ serverName }) => serverName),
      ["app-1", "two.apps.test"],
    );
    mutual.nats.publish(
      "router.register",
      JSON.stringify({ host: "127.0.0.1", uris: ["moving.test"], port: app.port }),
    );
    await mutual.program.logged(
      "endpoint-registered",
      ({ data }) => data?.["backend"] === `127.0.0.1:${app.port}` && data["isTLS"] === false,
    );
    await mutual.routes();
    // Plain HTTP to a TLS port: the backend ends it.
    assert.equal((await get(mutual.port, "moving.test")).status, 502);
  });

  it("an endpoint turns from plain text to TLS", async () => {
    const plain = await Backend.start(() => ok("plain"));
    await mutual.register({ uris: ["turning.test"], port: plain.port });
    assert.equal((await get(mutual.port, "turning.test")).body, "plain");
    await plain.stop();
    await backend(good, {}, "secure", plain.port);
    mutual.nats.publish(
      "router.register",
      JSON.stringify({
        host: "127.0.0.1",
        uris: ["turning.test"],
        tls_port: plain.port,
        server_cert_domain_san: "app-1",
      }),
    );
    await mutual.program.logged(
      "endpoint-registered",
      ({ data }) => data?.["backend"] === `127.0.0.1:${plain.port}` && data["isTLS"] === true,
    );
    await mutual.routes();
    assert.equal((await get(mutual.port, "turning.test")).body, "secure");
  });
});
