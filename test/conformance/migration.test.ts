import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { stringify } from "yaml";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { renderJob } from "../fixtures/job-file.ts";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { exchange, get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { readStartBlock, type StartPorts } from "./harness/router.ts";

describe("moving over with the job's file (control-plane §1.5, §8.6)", () => {
  let folder: string;
  let file: string;
  let nats: NatsServer;
  let client: NatsConnection;
  let program: Program;
  let ports: StartPorts;
  let backend: Backend;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-job-"));
    file = join(folder, "gorouter.yml");
    nats = await startNatsServer({ user: "nats", pass: "p@ss" });
    backend = await Backend.start(() => ok("app"));
    const authority = makeAuthority("CF");
    const router = issue(authority, { names: ["*.cf.test"] });
    const status = issue(authority, { names: ["gorouter"], ips: ["127.0.0.1"] });
    const job = renderJob({
      instanceIndex: 2,
      availabilityZone: "z1",
      router: {
        offset: 10,
        port: 0,
        tls_port: 0,
        requested_route_registration_interval_in_seconds: 1,
        drain_wait: 1,
        status: { port: 0, routesPort: 0, password: "status-pass", tls: { ...status, port: await deadPort() } },
        tls_pem: [router],
        ca_certs: [authority.certificate, " "],
      },
      nats: { machines: ["localhost"], port: nats.port, user: "nats", password: "p@ss" },
      logFolder: folder,
    });
    writeFileSync(file, stringify(job));
    client = await connect({ servers: `127.0.0.1:${nats.port}`, user: "nats", pass: "p@ss" });
    const greeting = { host: "127.0.0.1", port: backend.port, uris: ["app.cf.test"], app: "guid" };
    // As any registrar: at once when a router starts.
    client.subscribe("router.start", {
      callback: () => client.publish("router.register", JSON.stringify(greeting)),
    });
    await client.flush();
    program = new Program(["router", "-c", file]);
    ports = await program.waitFor("the start block", () => readStartBlock(program.stderr));
  });
  after(async () => {
    await program?.stop();
    await client?.close();
    await nats?.stop();
    await backend?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("passes causeway check-config; only keys that Gorouter ignores too are told", async () => {
    const check = new Program(["check-config", "-c", file]);
    assert.equal(await check.end(), 0);
    const unknown = [...check.stdout.matchAll(/unknown key "([^"]+)"/g)].map(([, key]) => key);
    assert.deepEqual(unknown, ["logging.enable_attempts_details", "max_header_bytes", "ip_local_port_range"]);
    assert.match(check.stdout, /did you mean "max_request_header_bytes"\?/);
  });

  it("starts as Gorouter does: lines, route known before the ports open, no pid file", async () => {
    const started = await program.logged("gorouter.started");
    assert.match(String(started.timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.equal(started.source, "vcap.gorouter.router");
    const messages = program.logLines.filter(({ log_level }) => log_level === 1).map(({ message }) => message);
    assert.ok(messages.indexOf("route-registered") < messages.indexOf("tcp-listener-started"));
    assert.equal((await get(ports.http, "app.cf.test")).body, "app");
    assert.ok(!existsSync(join(folder, "gorouter.pid")));
    const greeting = await client.request("router.greet", "{}", { timeout: 5000 });
    assert.match(greeting.string(), /^\{"id":"12-/);
  });

  it("has the job's status listeners and access log", async () => {
    assert.equal((await exchange(ports.health, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")).body, "ok\n");
    const authorization = `Authorization: Basic ${btoa("router-status:status-pass")}`;
    const routes = await get(ports.routes, "x", "/routes", authorization);
    assert.match(routes.body, /^\{"app\.cf\.test":\[\{"address":"127\.0\.0\.1:\d+"/);
    await condition(
      "an access log line",
      () => readFileSync(join(folder, "access.log"), "utf8").startsWith("app.cf.test - [") || undefined,
    );
  });

  it("is drained by the job's script: USR1, alive with health 503 while it waits, then exit 0", async () => {
    program.child.kill("SIGUSR1");
    await program.logged("gorouter-draining");
    // The script asks again every few seconds as long as the process lives.
    assert.equal(program.ended, undefined);
    assert.equal((await exchange(ports.health, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")).status, 503);
    assert.equal((await get(ports.http, "app.cf.test")).status, 200);
    assert.equal(await program.end(), 0);
  });
});
