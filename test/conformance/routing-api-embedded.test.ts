import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect } from "@nats-io/transport-node";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, deadPort } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { exchange, type RawResponse } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { readStartBlock, type StartPorts, type Yaml } from "./harness/router.ts";
import { TokenIssuer } from "./harness/token-issuer.ts";

const folder = mkdtempSync(join(tmpdir(), "causeway-embedded-api-"));
const file = join(folder, "routes.sqlite");
let backend: Backend;
const programs: Program[] = [];

/** A router with a Routing API in it. */
interface Running {
  readonly program: Program;
  readonly ports: StartPorts;
  /** Port of the API. */
  readonly api: number;
}

function started(config: Yaml): Program {
  const path = join(folder, "gorouter.yml");
  const base = {
    listen_host: "127.0.0.1",
    port: 0,
    status: { port: 0, routes: { port: 0 } },
    route_services_internal_server_port: 0,
    start_response_delay_interval: "0s",
    routing_api: { embedded: true, embedded_port: 0, embedded_file: file },
  };
  writeFileSync(path, JSON.stringify({ ...base, ...config }));
  const program = new Program(["router", "-c", path]);
  programs.push(program);
  return program;
}

async function start(config: Yaml = {}): Promise<Running> {
  const program = started(config);
  const ports = await program.waitFor("the start block", () => readStartBlock(program.stderr));
  const api = Number(/^ {2}api .*http:\/\/127\.0\.0\.1:(\d+)/m.exec(program.stderr)?.[1]);
  return { program, ports, api };
}

const url = (api: number): string => `http://127.0.0.1:${api}/routing/v1/routes`;
const send = async (api: number, method: string, body: unknown, headers: Record<string, string> = {}) =>
  await fetch(url(api), { method, body: JSON.stringify(body), headers });
const lease = (name: string): object => ({ route: name, ip: "127.0.0.1", port: backend.port });
const ask = async ({ ports }: Running, host: string): Promise<RawResponse> =>
  await exchange(ports.http, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
const answered = async (router: Running, host: string, status: number): Promise<RawResponse> =>
  await condition(`${status} of ${host}`, async () => {
    const answer = await ask(router, host);
    return answer.status === status ? answer : undefined;
  });

before(async () => {
  backend = await Backend.start(() => "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\napp");
});
after(async () => {
  for (const program of programs) await program.stop("SIGKILL");
  await backend?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("a Routing API inside the router (routing_api.embedded)", () => {
  let router: Running;
  before(async () => {
    router = await start();
  });
  after(async () => {
    await router?.program.stop();
  });

  it("takes routes over HTTP, and there is no NATS", async () => {
    assert.ok(!router.program.stdout.includes("nats"), router.program.stdout);
    assert.doesNotMatch(router.program.stderr, /^ {2}bus/m);
    assert.ok(router.program.stderr.includes(`curl -d '[{"route":"app.localhost","ip":"127.0.0.1","port":3000}]'`));
    assert.equal((await send(router.api, "POST", [lease("app.example.com")])).status, 201);
    assert.equal((await answered(router, "app.example.com", 200)).body, "app");
    assert.equal((await send(router.api, "POST", [lease("gone.example.com")])).status, 201);
    await answered(router, "gone.example.com", 200);
    assert.equal((await send(router.api, "DELETE", [lease("gone.example.com")])).status, 204);
    await answered(router, "gone.example.com", 404);
  });

  it("lets a route that names no life live for embedded_max_ttl", async () => {
    const routes = (await (await fetch(url(router.api))).json()) as { ttl: number }[];
    assert.deepEqual(
      routes.map(({ ttl }) => ttl),
      [8760 * 3600],
    );
  });

  it("answers for reservations", async () => {
    assert.equal((await send(router.api, "POST", [{ route: "held.example.com", reserved: true, ttl: 0 }])).status, 201);
    assert.equal((await answered(router, "held.example.com", 503)).header("X-Cf-RouterError"), "no_endpoints");
  });

  it("is not for web pages, nor for names that resolve to this machine", async () => {
    const post = async (lines: string): Promise<RawResponse> =>
      await exchange(
        router.api,
        `POST /routing/v1/routes HTTP/1.1\r\n${lines}Content-Length: 2\r\nConnection: close\r\n\r\n[]`,
      );
    const page = await post("Host: 127.0.0.1:3000\r\nOrigin: https://evil.example.com\r\n");
    assert.equal(page.status, 403);
    assert.match(page.body, /^\{"name":"ForbiddenError",/);
    assert.equal((await post("Host: evil.example.com\r\n")).status, 403);
    assert.equal((await post("Host: localhost:3000\r\n")).status, 201);
  });

  it("serves its routes at once after a crash, and goes on with them", async () => {
    await router.program.stop("SIGKILL");
    router = await start();
    assert.equal((await ask(router, "app.example.com")).status, 200);
    assert.equal((await ask(router, "held.example.com")).status, 503);
    assert.equal((await send(router.api, "DELETE", [lease("app.example.com")])).status, 204);
    await answered(router, "app.example.com", 404);
  });

  it("ends with code 0, streams and all", async () => {
    const stream = await fetch(`http://127.0.0.1:${router.api}/routing/v1/events`);
    assert.equal(await router.program.stop(), 0);
    assert.equal(await stream.text(), "");
  });
});

describe("beside NATS, and otherwise configured", () => {
  it("feeds the same table as the bus, where there is a nats section", async () => {
    const nats = { embedded: true, embedded_port: 0, embedded_websocket_port: 0 };
    const router = await start({ nats });
    const client = await connect({ servers: `127.0.0.1:${router.ports.nats}` });
    const message = { host: "127.0.0.1", port: backend.port, uris: ["bus.example.com"] };
    client.publish("router.register", JSON.stringify(message));
    await client.drain();
    await send(router.api, "POST", [lease("api.example.com")]);
    await answered(router, "bus.example.com", 200);
    await answered(router, "api.example.com", 200);
    assert.equal(await router.program.stop(), 0);
  });

  it("keeps routes that nobody renews, however soon others are stale", async () => {
    const router = await start({ droplet_stale_threshold: "400ms", prune_stale_droplets_interval: "100ms" });
    await send(router.api, "POST", [lease("kept.example.com"), { ...lease("short.example.com"), ttl: 1 }]);
    await answered(router, "kept.example.com", 200);
    await answered(router, "short.example.com", 404);
    assert.equal((await ask(router, "kept.example.com")).status, 200);
    assert.equal(await router.program.stop(), 0);
  });

  it("runs the API of embedded_config: tokens, database and listeners of its own file", async () => {
    const authority = makeAuthority();
    const uaa = await TokenIssuer.start(issue(authority, { names: ["uaa"], ips: ["127.0.0.1"] }));
    const path = join(folder, "api.yml");
    writeFileSync(join(folder, "ca.pem"), authority.certificate);
    const [port, adminPort] = [await deadPort(), await deadPort()];
    const api = {
      api: { http_enabled: true, listen_port: port },
      listen_host: "127.0.0.1",
      admin_port: adminPort,
      system_domain: "example.com",
      log_guid: "g",
      uuid: "u",
      oauth: { token_endpoint: "127.0.0.1", port: uaa.port, ca_certs: join(folder, "ca.pem") },
      sqldb: { file: join(folder, "other.sqlite") },
    };
    writeFileSync(path, JSON.stringify(api));
    const router = await start({ routing_api: { embedded: true, embedded_config: path } });
    assert.equal(router.api, port);
    assert.equal((await send(port, "POST", [lease("token.example.com")])).status, 401);
    const Authorization = `bearer ${uaa.token(["routing.routes.write"])}`;
    assert.equal((await send(port, "POST", [lease("token.example.com")], { Authorization })).status, 201);
    await answered(router, "token.example.com", 200);
    assert.match(await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text(), /total_http_routes [12]\n/);
    assert.equal(await router.program.stop(), 0);
    await uaa.stop();
  });

  const failures: readonly (readonly [what: string, config: () => Yaml, error: RegExp])[] = [
    [
      "another API beside it",
      () => ({ routing_api: { embedded: true, uri: "http://127.0.0.1", port: 1, auth_disabled: true } }),
      /routing_api\.embedded runs a Routing API inside the router|Error loading key pair/,
    ],
    [
      "a file that cannot be opened",
      () => ({ routing_api: { embedded: true, embedded_port: 0, embedded_file: "/nowhere/routes.sqlite" } }),
      /"routing-api-start-failed".*cannot open sqldb\.file \\"\/nowhere\/routes\.sqlite\\"/,
    ],
    [
      "a port that is taken",
      () => ({ routing_api: { embedded: true, embedded_port: backend.port, embedded_file: file } }),
      /"routing-api-start-failed".*"failed-to-listen"/,
    ],
    [
      "no configuration file of its own",
      () => ({ routing_api: { embedded: true, embedded_config: "/nowhere/api.yml" } }),
      /"routing-api-start-failed".*open \/nowhere\/api\.yml: no such file or directory/,
    ],
  ];
  for (const [what, config, error] of failures) {
    it(`says why it does not start: ${what}`, async () => {
      const program = started(config());
      assert.equal(await program.end(), 1);
      assert.match(program.stdout, error);
    });
  }
});
