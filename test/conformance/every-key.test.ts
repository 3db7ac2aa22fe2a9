import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect } from "@nats-io/transport-node";
import { stringify } from "yaml";
import { issue } from "../fixtures/certificates.ts";
import { everyKey } from "../fixtures/every-key.ts";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, deadPort } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { exchange } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { readStartBlock, type StartPorts } from "./harness/router.ts";

describe("a file that sets every key of control-plane §1.2 (issue D, acceptance 1)", () => {
  let folder: string;
  let nats: NatsServer;
  let program: Program;
  let ports: StartPorts;
  let backend: Backend;
  let secrets: readonly string[];
  let config: ReturnType<typeof everyKey>["config"];
  let metricsClient: { readonly ca: string; readonly cert: string; readonly key: string };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-every-key-"));
    backend = await Backend.start(() => "HTTP/1.1 200 OK\r\nX-Removed: 1\r\nContent-Length: 3\r\n\r\napp");
    // The server demands TLS, a client certificate and credentials; its port is known before the file is made.
    const natsPort = await deadPort();
    const made = everyKey({
      folder,
      natsPort,
      udpPort: await deadPort(),
      statusTlsPort: await deadPort(),
      prometheusPort: await deadPort(),
    });
    secrets = made.secrets;
    config = made.config;
    const scraper = issue(made.authority, { names: ["scraper"], client: true });
    metricsClient = { ca: made.authority.certificate, cert: scraper.certificate, key: scraper.key };
    const { user, pass } = made.config.nats;
    const identity = issue(made.authority, { names: ["localhost"], ips: ["127.0.0.1"] });
    const tls = { ...identity, authority: made.authority.certificate };
    nats = await startNatsServer({ port: natsPort, user, pass, tls });
    const file = join(folder, "gorouter.yml");
    writeFileSync(file, stringify(made.config));
    program = new Program(["router", "-c", file]);
    ports = await program.waitFor("the start block", () => readStartBlock(program.stderr));
    const client = await connect({
      servers: `localhost:${natsPort}`,
      user,
      pass,
      tls: { ca: made.authority.certificate, cert: made.config.nats.cert_chain, key: made.config.nats.private_key },
    });
    const message = { host: "127.0.0.1", port: backend.port, uris: ["app.test"], isolation_segment: "is1" };
    client.publish("router.register", JSON.stringify({ ...message, tags: { component: "c" } }));
    await client.drain();
  });
  after(async () => {
    await program?.stop();
    await nats?.stop();
    await backend?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("starts, without a warning about a key", () => {
    const messages = program.logLines.map(({ message }) => message);
    assert.ok(messages.includes("gorouter.started"));
    assert.ok(messages.includes("tls-listener-started"));
    assert.ok(!messages.includes("config-warning"));
  });

  it("serves by it", async () => {
    const answer = await condition("the route", async () => {
      const one = await exchange(ports.http, "GET /?q=1 HTTP/1.1\r\nHost: app.test\r\nX-Extra: e\r\n\r\n");
      return one.status === 200 ? one : undefined;
    });
    assert.equal(answer.body, "app");
    assert.equal(answer.header("X-Added"), "yes");
    assert.equal(answer.header("X-Removed"), undefined);
    const health = await exchange(ports.http, "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: Probe/1\r\n\r\n");
    assert.deepEqual([health.status, health.body], [200, "ok\n"]);
    const missing = await exchange(ports.http, "GET / HTTP/1.1\r\nHost: none.test\r\n\r\n");
    assert.equal(missing.body, "<p>404</p>");
    const line = await condition("the access log", () =>
      readFileSync(join(folder, "access.log"), "utf8")
        .split("\n")
        .find((one) => one.startsWith("app.test")),
    );
    assert.match(line, /"GET \/\?hash=[0-9a-f]{40} HTTP\/1\.1" 200 /);
    assert.match(line, / x_forwarded_for:"-" .* dns_time:.* backend_time:.* x_cf_routererror:.* x_extra:"e"/);
  });

  it("prometheus.cert_path, key_path, ca_path, meters: TLS for clients with a certificate only, buckets as given", async () => {
    const { port, meters } = config.prometheus;
    const { ca, cert, key } = metricsClient;
    const scrape = (tls: { ca: string; cert?: string; key?: string }): Promise<string> =>
      new Promise((resolve, reject) => {
        const asked = request({ host: "127.0.0.1", port, path: "/metrics", agent: false, ...tls }, (answer) => {
          let body = "";
          answer.setEncoding("utf8").on("data", (text: string) => {
            body += text;
          });
          answer.on("end", () => resolve(body)).on("error", reject);
        });
        asked.on("error", reject).end();
      });
    const text = await scrape({ ca, cert, key });
    const bounds = (name: string): string[] => [
      ...new Set([...text.matchAll(new RegExp(`^${name}_bucket\\{.*le="([^"]+)"`, "gm"))].map(([, le]) => le!)),
    ];
    for (const [name, buckets] of [
      ["route_lookup_time", meters.route_lookup_time_histogram_buckets],
      ["gorouter_time", meters.gorouter_time_histogram_buckets],
      ["route_registration_latency", meters.route_registration_latency_histogram_buckets],
      ["latency", meters.routing_response_latency_histogram_buckets],
      ["http_latency_seconds", meters.http_latency_histogram_buckets],
    ] as const) {
      assert.deepEqual(bounds(name), [...buckets.map(String), "+Inf"], name);
    }
    await assert.rejects(scrape({ ca }));
  });

  it("writes none of its secrets anywhere", async () => {
    assert.equal(await program.stop("SIGTERM"), 0);
    const written = program.stdout + program.stderr + readFileSync(join(folder, "access.log"), "utf8");
    for (const secret of secrets) assert.ok(!written.includes(secret), secret);
  });
});
