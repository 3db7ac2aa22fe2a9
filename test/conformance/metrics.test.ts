import assert from "node:assert/strict";
import { get as httpGet } from "node:http";
import { createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, exchange, get } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";
import { scrape } from "./harness/scrape.ts";
import { startMisfit, TlsBackend } from "./harness/tls-backend.ts";

const listening = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d Metrics endpoint is listening on 127\.0\.0\.1:(\d+)\/metrics$/m;
const authority = makeAuthority();
const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

describe("Prometheus endpoint (control-plane §4.5, §5.3)", () => {
  let router: RouterUnderTest;
  let backend: Backend;
  let metricsPort: number;
  before(async () => {
    backend = await Backend.start(({ header, requestLine }) => {
      if (header("upgrade") !== undefined)
        return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
      return requestLine.includes("/hang") ? undefined : ok("hello");
    });
    router = await startRouter("embedded", {
      prometheus: { enabled: true, meters: { http_latency_histogram_buckets: [0.5, 5] } },
      per_app_prometheus_http_metrics_reporting: true,
      prune_stale_droplets_interval: "100ms",
      backends: { max_conns: 1, max_attempts: 3 },
      ca_certs: [authority.certificate],
    });
    metricsPort = Number(listening.exec(router.program.stderr)?.[1]);
    const tags = { component: "api", source_id: "app-1" };
    await router.register({ uris: ["api.test"], port: backend.port, tags, stale_threshold_in_seconds: 100 });
    await router.register({ uris: ["plain.test"], port: backend.port });
    await router.register({ uris: ["dead.test"], port: await deadPort() });
    await router.register({ uris: ["dead.test"], port: await deadPort() });
  });
  after(async () => {
    await router?.stop();
    await backend?.stop();
  });

  /** How much each sample grew while `event` happened, as soon as `name` grew; samples that stayed are left out. */
  async function grown(name: string, event: () => Promise<unknown>): Promise<Record<string, number>> {
    const first = await scrape(metricsPort);
    await event();
    return await condition(name, async () => {
      const now = await scrape(metricsPort);
      if ((now.get(name) ?? 0) === (first.get(name) ?? 0)) return undefined;
      const more = [...now].map(([key, value]) => [key, value - (first.get(key) ?? 0)] as const);
      return Object.fromEntries(more.filter(([, value]) => value !== 0));
    });
  }
  /** The same without histograms, which hold times, and gauges, which change by themselves. */
  async function counted(name: string, event: () => Promise<unknown>): Promise<Record<string, number>> {
    const all = Object.entries(await grown(name, event));
    return Object.fromEntries(all.filter(([key]) => !/time|latency|gauge|_ms|ms_|descriptors|total_routes/.test(key)));
  }

  it("counts attempts, responses and times of a request", async () => {
    const seen = await grown('responses{status_group="2xx"}', () => get(router.port, "api.test"));
    assert.equal(seen['total_requests{component="api"}'], 1);
    assert.equal(seen['latency_count{component="api"}'], 1);
    assert.ok(seen['latency_sum{component="api"}']! > 0);
    assert.equal(seen["gorouter_time_count"], 1);
    // The part in seconds of a whole in milliseconds: however long a busy machine takes.
    const own = seen["gorouter_time_sum"]! * 1000;
    assert.ok(own > 0 && own <= seen['latency_sum{component="api"}']!, "seconds");
    assert.equal(seen["route_lookup_time_count"], 1);
    assert.ok(seen["route_lookup_time_sum"]! > 0);
    const bounds = [...(await scrape(metricsPort)).keys()].filter((key) =>
      key.startsWith("http_latency_seconds_bucket"),
    );
    assert.deepEqual(
      bounds,
      ["0.5", "5", "+Inf"].map((bound) => `http_latency_seconds_bucket{source_id="app-1",le="${bound}"}`),
    );
    assert.equal(seen['http_latency_seconds_bucket{source_id="app-1",le="+Inf"}'], 1);
  });

  it("labels what has no component with an empty one", async () => {
    const seen = await grown('total_requests{component=""}', () => get(router.port, "plain.test"));
    assert.equal(seen['total_requests{component=""}'], 1);
    const times = await grown('latency_count{component=""}', () => get(router.port, "plain.test"));
    assert.equal(times['latency_bucket{component="",le="+Inf"}'], 1);
  });

  it("rejected_requests: nothing else is counted", async () => {
    const seen = await counted("rejected_requests", () => get(router.port, "nowhere.test"));
    assert.deepEqual(seen, { rejected_requests: 1 });
  });

  it("health checks by User-Agent count in http_latency_seconds only", async () => {
    const request = "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: HTTP-Monitor/1.1\r\nConnection: close\r\n\r\n";
    const seen = await grown('http_latency_seconds_count{source_id="gorouter"}', () => exchange(router.port, request));
    assert.deepEqual(
      Object.keys(seen).filter((key) => !/^(http_latency_seconds|ms_since)/.test(key)),
      [],
    );
  });

  it("bad_gateways: once per request, attempts counted one by one", async () => {
    const seen = await counted("bad_gateways", () => get(router.port, "dead.test"));
    assert.deepEqual(seen, { bad_gateways: 1, 'total_requests{component=""}': 2, 'responses{status_group="5xx"}': 1 });
  });

  it("websocket_upgrades; a 101 is in no class", async () => {
    const seen = await counted('responses{status_group="xxx"}', async () => {
      const client = await Connection.open(router.port, `GET / HTTP/1.1\r\nHost: plain.test\r\n${upgrade}\r\n`);
      await client.waitFor("101", () => (client.received.includes("101") ? true : undefined));
      client.socket.destroy();
    });
    const expected = { websocket_upgrades: 1, 'total_requests{component=""}': 1, 'responses{status_group="xxx"}': 1 };
    assert.deepEqual(seen, expected);
  });

  it("websocket_failures", async () => {
    const request = `GET / HTTP/1.1\r\nHost: dead.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    const seen = await counted("websocket_failures", async () => {
      const client = await Connection.open(router.port, request);
      await client.response();
      client.socket.destroy();
    });
    assert.equal(seen["websocket_failures"], 1);
    assert.equal(seen["bad_gateways"], 1);
  });

  it("backend_exhausted_conns", async () => {
    backend.clear();
    const busy = await Connection.open(router.port, "GET /hang HTTP/1.1\r\nHost: api.test\r\n\r\n");
    await backend.request(1);
    const seen = await counted("backend_exhausted_conns", () => get(router.port, "api.test"));
    busy.socket.destroy();
    assert.deepEqual(seen, { backend_exhausted_conns: 1 });
  });

  for (const [name, vouched, san] of [
    ["backend_invalid_id", true, "other-app"],
    ["backend_invalid_tls_cert", false, "app"],
  ] as const) {
    it(`${name}, and no bad gateway`, async () => {
      const pair = issue(vouched ? authority : makeAuthority("Stranger"), { names: ["app"] });
      const tls = await TlsBackend.start(pair);
      try {
        await router.register({ uris: [`${name}.test`], tls_port: tls.port, server_cert_domain_san: san });
        const seen = await counted(name, () => get(router.port, `${name}.test`));
        assert.deepEqual(seen, { [name]: 1, 'total_requests{component=""}': 1, 'responses{status_group="5xx"}': 1 });
      } finally {
        await tls.stop();
      }
    });
  }

  it("backend_tls_handshake_failed, and no bad gateway", async () => {
    const plain = await startMisfit((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    try {
      await router.register({ uris: ["plain-text.test"], tls_port: plain.port, server_cert_domain_san: "app" });
      const seen = await counted("backend_tls_handshake_failed", () => get(router.port, "plain-text.test"));
      const expected = { 'total_requests{component=""}': 1, 'responses{status_group="5xx"}': 1 };
      assert.deepEqual(seen, { backend_tls_handshake_failed: 1, ...expected });
    } finally {
      await plain.stop();
    }
  });

  it("registry_message by action, route_registration_latency", async () => {
    const message = { uris: ["new.test"], port: 81, tags: { component: "db" } };
    const stamped = { ...message, endpoint_updated_at_ns: Number((Date.now() - 50) * 1e6) };
    const added = await grown('registry_message{action="added",component="db"}', () => router.register(stamped));
    assert.equal(added["route_registration_latency_count"], 1);
    assert.ok(added["route_registration_latency_sum"]! >= 49);
    const updated = await counted('registry_message{action="updated",component="db"}', () =>
      router.register({ ...stamped, app: "other" }),
    );
    assert.deepEqual(updated, { 'registry_message{action="updated",component="db"}': 1 });
  });

  it("unregistry_message", async () => {
    const message = { uris: ["new.test"], port: 81, tags: { component: "db" } };
    const seen = await counted('unregistry_message{component="db"}', () => router.unregister(message));
    assert.equal(seen['unregistry_message{component="db"}'], 1);
  });

  it("routes_registered, routes_unregistered; endpoints_per_pool of hash-balanced routes only (§9)", async () => {
    const hash = { loadbalancing: "hash", hash_header: "X-Tenant" };
    const gauge = 'endpoints_per_pool{lb_algorithm="hash",route="hash.test/p"}';
    const first = await scrape(metricsPort);
    await router.register({ uris: ["Hash.test/p"], port: 1, options: hash });
    await router.register({ uris: ["hash.test/p"], port: 2, options: hash });
    await router.register({ uris: ["unhashed.test"], port: 1 });
    const full = await scrape(metricsPort);
    assert.equal(full.get(gauge), 2);
    assert.equal([...full.keys()].filter((key) => key.startsWith("endpoints_per_pool")).length, 1);
    assert.equal(full.get("routes_registered")! - first.get("routes_registered")!, 3);
    await router.unregister({ uris: ["hash.test/p"], port: 1 });
    const less = await scrape(metricsPort);
    assert.equal(less.get(gauge), 1);
    assert.equal(less.get("routes_unregistered")! - first.get("routes_unregistered")!, 1);
    await router.unregister({ uris: ["hash.test/p", "unhashed.test"], port: 2 });
    assert.equal((await scrape(metricsPort)).get(gauge), undefined);
    await router.unregister({ uris: ["unhashed.test"], port: 1 });
  });

  it("routes_pruned, total_routes, ms_since_last_registry_update", async () => {
    const three = async (): Promise<true | undefined> =>
      (await scrape(metricsPort)).get("total_routes") === 3 ? true : undefined;
    await condition("the tick behind the unregistration", three);
    const first = await grown("routes_pruned", () =>
      router.register({ uris: ["stale.test"], port: 82, stale_threshold_in_seconds: 1 }),
    );
    assert.equal(first["routes_pruned"], 1);
    await condition("the tick behind the pruning", three);
    assert.ok((await scrape(metricsPort)).get("ms_since_last_registry_update")! >= 1000);
  });

  it("file_descriptors, and the bus's gauges", async () => {
    const samples = await condition("file_descriptors", async () => {
      const now = await scrape(metricsPort);
      return now.get("file_descriptors")! > 0 ? now : undefined;
    });
    assert.equal(samples.get("buffered_messages"), 0);
    assert.equal(samples.get("total_dropped_messages"), 0);
  });

  it("answers on 127.0.0.1 in its own format, 404 elsewhere", async () => {
    const metrics = await get(metricsPort, "x", "/metrics");
    assert.equal(metrics.status, 200);
    assert.equal(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    assert.equal((await get(metricsPort, "x", "/")).status, 404);
    const coding = await new Promise((resolve, reject) => {
      const url = { port: metricsPort, host: "127.0.0.1", path: "/metrics", headers: { "accept-encoding": "gzip" } };
      httpGet(url, (answer) => resolve(answer.resume().headers["content-encoding"])).on("error", reject);
    });
    assert.equal(coding, "gzip");
  });
});

describe("Prometheus endpoint that cannot be opened (control-plane §1.3)", () => {
  it("port taken: a plain line on standard error, exit 1", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    try {
      await assert.rejects(startRouter("embedded", { prometheus: { enabled: true, port } }), (error: Error) => {
        assert.match(
          error.message,
          new RegExp(`Unable to setup metrics endpoint \\(127\\.0\\.0\\.1:${port}\\): listen`),
        );
        assert.match(error.message, /the program ended \(1\)/);
        return true;
      });
    } finally {
      taken.close();
    }
  });

  it("buckets that do not grow: Go's panic, exit 2", async () => {
    const meters = { gorouter_time_histogram_buckets: [1, 3, 2] };
    await assert.rejects(startRouter("embedded", { prometheus: { enabled: true, meters } }), (error: Error) => {
      assert.match(
        error.message,
        /Metrics endpoint is listening on .*\npanic: histogram buckets must be in increasing/,
      );
      assert.match(error.message, /order: 3\.000000 >= 2\.000000\n/);
      assert.match(error.message, /the program ended \(2\)/);
      return true;
    });
  });
});
