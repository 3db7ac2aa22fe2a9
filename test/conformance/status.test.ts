import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { type RouterUnderTest, startRouter, writeConfig } from "./harness/router.ts";

const authority = makeAuthority();
const pair = issue(authority, { names: ["localhost"], ips: ["127.0.0.1"] });
const authorized = `Authorization: Basic ${btoa("user:pass")}`;
const noCache = ["Cache-Control", "Expires"];

interface Answer {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

/** A GET over TLS. */
async function getSecurely(port: number, path: string, options: object = {}): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const target = { host: "127.0.0.1", port, path, ca: authority.certificate, agent: false, ...options };
    const request = httpsRequest(target, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    request.on("error", reject).end();
  });
}

describe("TLS health listener (control-plane §4.1, §4.2)", () => {
  let router: RouterUnderTest;
  let port: number;
  before(async () => {
    port = await deadPort();
    const tls = { port, certificate: pair.certificate, key: pair.key };
    router = await startRouter("embedded", {
      status: { port: 0, routes: { port: 0 }, user: "user", pass: "pass", tls },
    });
  });
  after(() => router?.stop());

  it("serves what the plain one does, and asks for no certificate", async () => {
    const health = await getSecurely(port, "/health");
    assert.deepEqual([health.status, health.body], [200, "ok\n"]);
    for (const name of noCache) assert.ok(health.headers[name.toLowerCase()] !== undefined, name);
    const alive = await getSecurely(port, "/is-process-alive-do-not-use-for-loadbalancing");
    assert.deepEqual([alive.status, alive.body], [200, "ok\n"]);
    assert.equal((await getSecurely(port, "/healthz")).status, 404);
    assert.equal((await get(router.statusPort, "x", "/health")).status, 200);
  });

  it("does not wait for the body of a request (docs/differences.md)", async () => {
    const connection = await Connection.open(router.statusPort);
    try {
      connection.write("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
      assert.equal((await connection.response()).body, "ok\n");
    } finally {
      connection.close();
    }
  });

  it("speaks HTTP/2, too", async () => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: authority.certificate });
    try {
      const status = await new Promise((resolve, reject) => {
        session.on("error", reject);
        session.request({ ":path": "/health" }).on("response", (headers) => resolve(headers[":status"]));
      });
      assert.equal(status, 200);
    } finally {
      session.close();
    }
  });
});

describe("deprecated varz component (control-plane §4.4)", () => {
  let router: RouterUnderTest;
  let backend: Backend;
  before(async () => {
    backend = await Backend.start(() => ok("hello"));
    router = await startRouter("embedded", {
      index: 3,
      status: {
        host: "127.0.0.1",
        port: await deadPort(),
        routes: { port: 0 },
        user: "user",
        pass: "pass",
        enable_deprecated_varz_healthz_endpoints: true,
      },
    });
    const message = { uris: ["a.test"], port: backend.port, app: "app-1", tags: { component: "api" } };
    await router.register(message);
  });
  after(async () => {
    await router?.stop();
    await backend?.stop();
  });

  const varz = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await get(router.statusPort, "x", "/varz", authorized)).body) as Record<string, unknown>;

  it("answers health without, everything else with credentials", async () => {
    for (const path of ["/health", "/healthz"]) {
      const answer = await get(router.statusPort, "x", path);
      assert.deepEqual([answer.status, answer.body], [200, "ok\n"]);
    }
    for (const path of ["/varz", "/routes", "/nope", "/is-process-alive-do-not-use-for-loadbalancing"]) {
      const refused = await get(router.statusPort, "x", path);
      assert.deepEqual([refused.status, refused.header("www-authenticate")], [401, "Basic"]);
      assert.equal(refused.body, "401 Unauthorized\n");
    }
    assert.equal((await get(router.statusPort, "x", "/nope", authorized)).status, 404);
    const routes = await get(router.statusPort, "x", "/routes", authorized);
    assert.match(routes.body, /^\{"a\.test":\[\{"address":/);
  });

  it("/varz: every key, in bytewise order", async () => {
    for (let i = 0; i < 3; i++) await get(router.port, "a.test");
    await get(router.port, "nowhere.test");
    await router.accessLogged((line) => line.startsWith("nowhere.test"));
    const answer = await get(router.statusPort, "x", "/varz", authorized);
    assert.deepEqual([answer.header("content-type"), answer.header("connection")], ["application/json", "close"]);
    assert.ok(answer.body.endsWith("}\n"));
    const shown = JSON.parse(answer.body) as Record<string, unknown>;
    const names =
      "bad_gateways bad_requests cpu credentials droplets host index latency log_counts mem " +
      "ms_since_last_registry_update num_cores rate requests requests_per_sec responses_2xx responses_3xx " +
      "responses_4xx responses_5xx responses_xxx start tags top10_app_requests type uptime urls uuid";
    assert.deepEqual(Object.keys(shown), names.split(" "));
    const { cpu, host, latency, mem, num_cores, rate, start, uptime, uuid, ...rest } = shown;
    const { ms_since_last_registry_update: since, requests_per_sec: perSecond, tags, ...counts } = rest;
    assert.deepEqual(counts, {
      bad_gateways: 0,
      bad_requests: 1,
      credentials: ["user", "pass"],
      droplets: 1,
      index: 3,
      log_counts: {},
      requests: 3,
      responses_2xx: 3,
      responses_3xx: 0,
      responses_4xx: 0,
      responses_5xx: 0,
      responses_xxx: 0,
      top10_app_requests: [{ application_id: "app-1", rpm: 3, rps: 0 }],
      type: "Router",
      urls: 1,
    });
    assert.equal(host, `127.0.0.1:${router.statusPort}`);
    for (const number of [cpu, mem, perSecond]) assert.equal(typeof number, "number");
    assert.ok((num_cores as number) >= 1);
    assert.equal((rate as number[]).length, 3);
    assert.match(start as string, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}$/);
    assert.match(uptime as string, /^0d:0h:\d+m:\d+s$/);
    assert.match(uuid as string, /^3-[0-9a-f-]{36}$/);
    assert.ok((since as number) >= 0 && (since as number) < 60_000);
    const { samples, value, ...percentiles } = latency as Record<string, number>;
    assert.deepEqual([samples, value, Object.keys(percentiles)], [1, 5e-7, ["50", "75", "90", "95", "99"]]);
    for (const seconds of Object.values(percentiles)) assert.ok(seconds > 0 && seconds < 10);
    const { api } = (tags as { component: Record<string, Record<string, unknown>> }).component;
    const tagNames = "latency rate requests responses_2xx responses_3xx responses_4xx responses_5xx responses_xxx";
    assert.deepEqual([Object.keys(api!), api!["requests"], api!["responses_2xx"]], [tagNames.split(" "), 3, 3]);
  });

  it("/varz: components in bytewise order", async () => {
    for (const component of ["9", "10", "B"]) {
      await router.register({ uris: [`${component}.test`], port: backend.port, tags: { component } });
      await get(router.port, `${component}.test`);
      await router.accessLogged((line) => line.startsWith(`${component}.test`));
    }
    const { body } = await get(router.statusPort, "x", "/varz", authorized);
    const names = [...body.matchAll(/"([^"]*)":\{"latency"/g)].map(([, name]) => name);
    assert.deepEqual(names, ["10", "9", "B", "api"]);
  });

  it("looks at the process every second, at rates every five", async () => {
    await condition("a look at the process", async () => ((await varz())["mem"] as number) > 1000 || undefined);
    await condition("rates", async () => ((await varz())["requests_per_sec"] as number) > 0 || undefined);
  });

  it("answers vcap.component.discover on the bus, and has announced itself", async () => {
    const answer = await router.nats.request("vcap.component.discover");
    const shown = answer.json<Record<string, unknown>>();
    assert.deepEqual([shown["type"], shown["index"]], ["Router", 3]);
    assert.ok(!answer.string().endsWith("\n"));
    const line = await router.program.logged("Component Router registered successfully");
    assert.deepEqual([line.log_level, line.source], [1, "gorouter.stdout.router"]);
    router.nats.publish("vcap.component.discover");
    const empty = await router.program.logged("Received message with empty reply");
    assert.deepEqual([empty.log_level, empty.data], [1, { "nats-msg-subject": "vcap.component.discover" }]);
  });
});

describe("debug server (control-plane §4.6, §9)", () => {
  let router: RouterUnderTest;
  let port: number;
  before(async () => {
    port = await deadPort();
    router = await startRouter("embedded", { debug_addr: `127.0.0.1:${port}`, logging: { level: "info" } });
  });
  after(() => router?.stop());

  const send = async (path: string, body: string, method = "POST"): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, method === "GET" ? {} : { method, body });
    return [answer.status, await answer.text()];
  };

  it("changes the log level while the router runs", async () => {
    const said = (level: string): string => `/log-level was invoked with Level: ${level}\n`;
    assert.deepEqual(await send("/log-level", " DEBUG\n"), [200, said("debug")]);
    await get(router.port, "nowhere");
    await router.program.logged("vcap-request-id-header-set");
    assert.deepEqual(await send("/log-level", "3"), [200, said("error")]);
    const lines = (await router.settledLogLines()).length;
    await get(router.port, "nowhere");
    assert.ok((await router.settledLogLines()).slice(lines).every(({ log_level }) => log_level === 3));
    assert.deepEqual(await send("/log-level", "i"), [200, said("info")]);
    const note = "Note: Fatal logs are reported as error logs in the Gorouter logs.\n";
    assert.deepEqual(await send("/log-level", "f"), [200, said("fatal") + note]);
    assert.deepEqual(await send("/log-level", "1"), [200, said("info")]);
  });

  it("refuses what is no level", async () => {
    assert.deepEqual(await send("/log-level", "", "GET"), [400, "method not allowed, use POST\n"]);
    assert.deepEqual(await send("/log-level", " "), [400, "log level cannot be empty\n"]);
    assert.deepEqual(await send("/log-level", "loud"), [400, "invalid log level: loud\n"]);
  });

  it("takes profiles of the runtime in the places of Go's", async () => {
    const [status, profile] = await send("/debug/pprof/profile?seconds=0.2", "", "GET");
    assert.equal(status, 200);
    assert.ok(Array.isArray((JSON.parse(profile) as { nodes: unknown[] }).nodes));
    const [, heap] = await send("/debug/pprof/heap", "", "GET");
    assert.ok((JSON.parse(heap) as { snapshot: object }).snapshot !== undefined);
    assert.match((await send("/debug/pprof/", "", "GET"))[1], /href="heap"/);
    assert.match((await send("/debug/pprof/cmdline", "", "GET"))[1], /\0router\0|\0-c\0|router/);
    assert.equal((await send("/debug/pprof/profile?seconds=x", "", "GET"))[0], 400);
    assert.equal((await send("/nope", "", "GET"))[0], 404);
  });

  it("takes and ignores the rates of Go's profiles", async () => {
    assert.deepEqual(await send("/block-profile-rate", "1"), [200, ""]);
    assert.deepEqual(await send("/mutex-profile-fraction", "xx"), [400, 'strconv.Atoi: parsing "xx": invalid syntax']);
    for (const edge of ["-9223372036854775808", "+9223372036854775807"])
      assert.deepEqual(await send("/block-profile-rate", edge), [200, ""]);
    const beyond = 'strconv.Atoi: parsing "9223372036854775808": value out of range';
    assert.deepEqual(await send("/block-profile-rate", "9223372036854775808"), [400, beyond]);
  });

  it("one that cannot be bound is logged, and the router starts (control-plane §1.3)", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = `127.0.0.1:${(taken.address() as { port: number }).port}`;
    const other = await startRouter("embedded", { debug_addr: address });
    try {
      const messages = other.program.logLines.map(({ message }) => message);
      const at = messages.indexOf("failed-to-start-debug-server");
      assert.equal(messages[at + 1], "setting-up-nats-connection");
      const error = `listen tcp ${address}: bind: address already in use`;
      assert.deepEqual(other.program.logLines[at]!.data, { error });
    } finally {
      await other.stop();
      taken.close();
    }
  });
});

describe("Prometheus endpoint with TLS (control-plane §4.5)", () => {
  it("wants a client certificate of its authority", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-prometheus-"));
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const port = await deadPort();
    const client = issue(authority, { names: ["scraper"], client: true });
    const stranger = issue(makeAuthority("Other"), { names: ["stranger"], client: true });
    const router = await startRouter("embedded", {
      prometheus: {
        enabled: true,
        port,
        cert_path: file("cert.pem", pair.certificate),
        key_path: file("key.pem", pair.key),
        ca_path: file("ca.pem", authority.certificate),
      },
    });
    try {
      assert.match(router.program.stderr, new RegExp(`Metrics endpoint is listening on 127\\.0\\.0\\.1:${port}\n`));
      const answer = await getSecurely(port, "/metrics", { cert: client.certificate, key: client.key });
      assert.equal(answer.status, 200);
      assert.match(answer.body, /^total_routes 0$/m);
      const ofVersion2 = { cert: client.certificate, key: client.key, maxVersion: "TLSv1.2" };
      const withSuite = (ciphers: string): Promise<Answer> => getSecurely(port, "/metrics", { ...ofVersion2, ciphers });
      assert.equal((await withSuite("ECDHE-ECDSA-AES128-GCM-SHA256")).status, 200);
      for (const other of ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA"])
        await assert.rejects(withSuite(other), other);
      await assert.rejects(getSecurely(port, "/metrics"));
      await assert.rejects(getSecurely(port, "/metrics", { cert: stranger.certificate, key: stranger.key }));
    } finally {
      await router.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("files that are of no use stop the start (control-plane §1.3)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-prometheus-"));
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const stranger = issue(authority, { names: ["stranger"] });
    const cert = file("cert.pem", pair.certificate);
    const key = file("key.pem", pair.key);
    const none = file("none.pem", "no PEM\n");
    const port = await deadPort();
    try {
      for (const [cert_path, key_path, ca_path, reason] of [
        ["/nowhere/c.pem", key, none, "failed to load keypair: open /nowhere/c.pem: no such file or directory"],
        [cert, "", none, "failed to load keypair: open : no such file or directory"],
        [none, key, none, "failed to load keypair: tls: failed to find any PEM data in certificate input"],
        [
          cert,
          file("other.pem", stranger.key),
          none,
          "failed to load keypair: tls: private key does not match public key",
        ],
        [cert, key, none, `unable to load CA certificate at ${none}`],
      ] as const) {
        const prometheus = { enabled: true, port, cert_path, key_path, ca_path };
        const program = new Program(["router", "-c", writeConfig(folder, "embedded", { prometheus })]);
        assert.equal(await program.end(), 1, reason);
        const at = `Unable to setup metrics endpoint (127.0.0.1:${port}): unable to generate server TLS Config: `;
        assert.ok(program.stderr.endsWith(` ${at}${reason}\n\n`), program.stderr);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
