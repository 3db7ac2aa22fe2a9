import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { deadPort } from "./harness/backend.ts";
import { exchange } from "./harness/connection.ts";
import { type LogLine, Program } from "./harness/program.ts";
import { eventsOf, RoutingApiProcess } from "./harness/routing-api-server.ts";
import { ApiSuite, groups, isError, route, routes, tcpRoutes } from "./harness/routing-api-suite.ts";

let suite: ApiSuite;
before(async () => {
  suite = await ApiSuite.start();
});
after(async () => {
  await suite?.stop();
});

describe("the mutual-TLS listener (routing-api §4)", () => {
  const wrong = issue(makeAuthority("Another Authority"), { names: ["gorouter"], client: true });
  let right: ReturnType<typeof issue>;
  let mutual: RoutingApiProcess;
  let port: number;
  before(async () => {
    const pair = issue(suite.authority, { names: ["api.test"], ips: ["127.0.0.1"] });
    right = issue(suite.authority, { names: ["gorouter"], client: true });
    const file = (name: string, text: string): string => {
      writeFileSync(join(suite.folder, name), text, { mode: 0o600 });
      return join(suite.folder, name);
    };
    port = await deadPort();
    mutual = await RoutingApiProcess.start({
      api: {
        http_enabled: false,
        mtls_listen_port: port,
        mtls_client_ca_file: join(suite.folder, "ca.pem"),
        mtls_server_cert_file: file("server.pem", pair.certificate),
        mtls_server_key_file: file("server.key", pair.key),
      },
      oauth: { token_endpoint: "127.0.0.1", port: suite.uaa.port, ca_certs: join(suite.folder, "ca.pem") },
      locket: { locket_address: "127.0.0.1:8891" },
      retry_interval: "5s",
      statsd_endpoint: "localhost:8125",
      sqldb: { file: join(suite.folder, "mutual.sqlite"), host: "unused", max_idle_connections: 10 },
    });
  });
  after(async () => {
    await mutual?.stop();
  });

  /** The answer to `GET /routing/v1/routes`; rejects when there is none. */
  async function ask(options: ConnectionOptions, token: string): Promise<string> {
    const ca = suite.authority.certificate;
    const socket = connectTls({ host: "127.0.0.1", port, ca, servername: "api.test", ...options });
    return await new Promise((resolve, reject) => {
      let text = "";
      socket.setEncoding("latin1").on("data", (piece: string) => {
        text += piece;
      });
      // With TLS 1.3 a client learns behind its own handshake that its certificate was refused.
      socket.on("error", reject);
      socket.on("close", () => (text === "" ? reject(new Error("closed without an answer")) : resolve(text)));
      socket.write(
        `GET ${routes} HTTP/1.1\r\nHost: api\r\nAuthorization: bearer ${token}\r\nConnection: close\r\n\r\n`,
      );
    });
  }

  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`serves who has a certificate of the right authority, and a token beside it (${maxVersion})`, async () => {
      const client = { cert: right.certificate, key: right.key, maxVersion };
      // Without a plain listener there is no route of its own (§2.2).
      assert.match(await ask(client, suite.all), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n\[\]\n$/s);
      assert.match(await ask(client, "x"), /^HTTP\/1\.1 401 .*"UnauthorizedError"/s);
    });

    it(`answers nobody without a certificate, or with one of another authority (${maxVersion})`, async () => {
      await assert.rejects(ask({ maxVersion }, suite.all));
      await assert.rejects(ask({ cert: wrong.certificate, key: wrong.key, maxVersion }, suite.all));
    });
  }

  it("speaks no older TLS, and no plain text", async () => {
    const client = { cert: right.certificate, key: right.key };
    await assert.rejects(ask({ ...client, minVersion: "TLSv1.1", maxVersion: "TLSv1.1" }, suite.all));
    assert.ok(
      !(await exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").catch(() => undefined))?.statusLine.includes("200"),
    );
  });

  it("names at the start what it does not use, and spells headers as Go does", async () => {
    const line = mutual.program.logLines.find(({ message }) => message === "routing-api.config-keys-without-effect");
    assert.deepEqual(line?.data?.["keys"], [
      "locket",
      "retry_interval",
      "sqldb.host",
      "sqldb.max_idle_connections",
      "statsd_endpoint",
    ]);
    const text = await ask({ cert: right.certificate, key: right.key }, suite.all);
    assert.match(text, /\r\nContent-Type: text\/plain; charset=utf-8\r\n/);
    assert.match(text, /\r\nX-Vcap-Request-Id: [0-9a-f-]{36}\r\n/);
  });
});

describe("start (routing-api §2)", () => {
  const starts: readonly (readonly [
    args: string[],
    config: object,
    action: string,
    error: string | RegExp,
    code: number,
  ])[] = [
    [[], {}, "failed-check-flags", "no ip address provided", 1],
    [["-ip", "1", "-config", "/none.yml"], {}, "failed-load-config", "open /none.yml: no such file or directory", 1],
    [
      ["-ip", "1", "-devMode"],
      { sqldb: { file: "/none/routes.sqlite" } },
      "failed-initialize-sql-connection",
      /^cannot open sqldb\.file "\/none\/routes\.sqlite": /,
      1,
    ],
    [["-ip", "1"], { system_domain: "" }, "failed-load-config", "no system_domain specified", 1],
    [["-ip", "1"], { max_ttl: "x" }, "failed-load-config", "no token endpoint specified", 1],
    [["-ip", "1", "-devMode"], { max_ttl: "x" }, "failed-load-config", 'max_ttl: time: invalid duration "x"', 1],
    [["-ip", "1"], {}, "failed-load-config", "no token endpoint specified", 1],
    [
      ["-ip", "1", "-devMode"],
      { admin_port: 0 },
      "failed-load-config",
      "invalid admin port: port number is invalid: 0 (1-65535)",
      1,
    ],
    [["-ip", "1", "-devMode"], { sqldb: { type: "oracle" } }, "failed-load-config", "unknown type oracle", 1],
    [
      ["-ip", "1"],
      { oauth: { token_endpoint: "127.0.0.1", port: 1 } },
      "creating-uaa-client",
      /^Failed to get issuer configuration from UAA: /,
      1,
    ],
    [
      ["-ip", "1", "-devMode"],
      { api: { listen_port: 1, mtls_listen_port: 2, mtls_server_cert_file: "/none.pem" } },
      "mtls-mis-configured",
      /^open \/none\.pem: no such file or directory$/,
      2,
    ],
  ];
  for (const [args, config, action, error, code] of starts) {
    it(`says ${action}: ${error}`, async () => {
      const path = join(suite.folder, "start.yml");
      const file = join(suite.folder, "start.sqlite");
      const base = { admin_port: 1, system_domain: "x", log_guid: "x", uuid: "x", sqldb: { file } };
      const listen = { http_enabled: true, listen_port: 1 };
      writeFileSync(path, JSON.stringify({ ...base, api: listen, ...config }));
      const program = new Program(["routing-api", "-config", path, ...args]);
      assert.equal(await program.end(), code);
      const line = program.logLines.find(({ message }) => message === `routing-api.${action}`);
      const text = String(line?.data?.["error"]);
      if (typeof error === "string") assert.equal(text, error);
      else assert.match(text, error);
    });
  }

  it("ends with 2 on flags that it does not have, and with 1 without a file", async () => {
    for (const flag of ["-port", "-maxTTL", "-systemDomain"]) {
      const program = new Program(["routing-api", flag, "1"]);
      assert.equal(await program.end(), 2);
      assert.match(program.stderr, new RegExp(`^flag provided but not defined: ${flag}\nUsage of `));
    }
    const program = new Program(["routing-api", "-timeFormat", "rfc3339"]);
    assert.equal(await program.end(), 1);
    const [line] = program.logLines;
    assert.deepEqual(
      [line!.message, line!.data?.["error"]],
      ["routing-api.failed-check-flags", "no configuration file provided"],
    );
    const broken = join(suite.folder, "broken.yml");
    writeFileSync(broken, "system_domain: x\nlog_guid: [\n");
    const torn = new Program(["routing-api", "-config", broken, "-ip", "1"]);
    assert.equal(await torn.end(), 1);
    assert.equal(torn.logLines.at(-1)?.message, "routing-api.failed-load-config");
    assert.match(String(torn.logLines.at(-1)?.data?.["error"]), /^yaml: line \d+: /);
    assert.match(String(line!["timestamp" as "message"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  it("says that UAA gives no key, and that the admin port is taken", async () => {
    const path = join(suite.folder, "taken.yml");
    const end = async (changes: object, ...args: string[]): Promise<LogLine> => {
      const base = { system_domain: "x", log_guid: "x", uuid: "x", listen_host: "127.0.0.1" };
      const file = join(suite.folder, "taken.sqlite");
      const api = { http_enabled: true, listen_port: await deadPort() };
      writeFileSync(path, JSON.stringify({ ...base, admin_port: await deadPort(), sqldb: { file }, api, ...changes }));
      const program = new Program(["routing-api", "-config", path, "-ip", "1", ...args]);
      assert.equal(await program.end(), 1);
      return program.logLines.at(-1)!;
    };
    const issuer = `{"issuer":"x"}`;
    const uaa = createServer({ cert: suite.uaaPair.certificate, key: suite.uaaPair.key }, ({ url }, response) =>
      response.writeHead(url === "/token_keys" ? 500 : 200).end(issuer),
    );
    await new Promise<void>((resolve) => uaa.listen(0, "127.0.0.1", resolve));
    const { port } = uaa.address() as { port: number };
    const noKey = await end({ oauth: { token_endpoint: "127.0.0.1", port }, skip_ssl_validation: true });
    uaa.close();
    assert.equal(noKey.message, "routing-api.creating-uaa-client");
    assert.match(String(noKey.data?.["error"]), /^Failed to get verification key from UAA: /);
    const taken = await end({ admin_port: suite.api.adminPort }, "-devMode");
    assert.equal(taken.message, "routing-api.failed-to-create-admin-server");
    assert.match(String(taken.data?.["error"]), /^listen on 127\.0\.0\.1:\d+: /);
  });
});

describe("without tokens, with an event for each heartbeat", () => {
  let plain: RoutingApiProcess;
  before(async () => {
    plain = await RoutingApiProcess.start({ heartbeat_events: true }, ["-devMode"]);
  });
  after(async () => {
    await plain?.stop();
  });
  const write = async (): Promise<number> =>
    (await plain.send({ method: "POST", path: routes, body: [route({ ttl: 60 })] })).status;

  it("has no router groups where none are configured (§8.2)", async () => {
    const { headers, body } = await plain.send({ path: groups });
    assert.deepEqual([headers["content-type"], body], ["application/json", "[]"]);
  });

  it("keeps one row and tells of both writes (vector 2)", async () => {
    const stream = await plain.stream("/routing/v1/events");
    assert.deepEqual([await write(), await write()], [201, 201]);
    const events = await eventsOf(stream, 2);
    const tags = events.map(({ data }) => data["modification_tag"] as { guid: string; index: number });
    assert.deepEqual(
      events.map(({ event }, index) => [event, tags[index]!.index]),
      [
        ["Upsert", 0],
        ["Upsert", 1],
      ],
    );
    assert.equal(tags[0]!.guid, tags[1]!.guid);
    assert.equal((await plain.list(routes)).length, 1);
    stream.stop();
  });

  it("answers 503 with the database's own words when that fails (§4)", async () => {
    const database = new DatabaseSync(join(plain.folder, "routes.sqlite"));
    database.exec("alter table causeway_leases rename to gone; alter table causeway_sequence rename to gone_too");
    const error = "no such table: causeway_leases";
    isError(await plain.send({ path: routes }), 503, "DBCommunicationError", error);
    isError(await plain.send({ path: tcpRoutes }), 503, "DBCommunicationError", error);
    assert.equal(await write(), 503);
    assert.equal((await plain.send({ path: "/health" }, plain.adminPort)).status, 503);
    database.exec("alter table gone rename to causeway_leases; alter table gone_too rename to causeway_sequence");
    database.close();
    assert.equal(await write(), 201);
    assert.equal((await plain.send({ path: "/health" }, plain.adminPort)).status, 200);
  });
});
