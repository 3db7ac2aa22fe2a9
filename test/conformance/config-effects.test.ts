import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { stringify } from "yaml";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { deadPort } from "./harness/backend.ts";
import { exchange, get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { startRouter } from "./harness/router.ts";

/** Keys whose effect no other suite shows, all in one router. */
describe("effects of single keys (control-plane §1.2)", () => {
  let folder: string;
  let program: Program;
  let webSocketPort: number;
  const ports = { port: 0, health: 0 };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-effects-"));
    const { certificate, key } = issue(makeAuthority(), { names: ["router.test"], ips: ["127.0.0.1"] });
    ports.port = await deadPort();
    ports.health = await deadPort();
    const config = {
      port: ports.port,
      disable_http: true,
      enable_ssl: true,
      ssl_port: 0,
      listen_host: "127.0.0.1",
      tls_pem: [{ cert_chain: certificate, private_key: key }],
      cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
      client_cert_validation: "none",
      status: {
        port: ports.health,
        enable_nontls_health_checks: false,
        tls: { port: await deadPort(), certificate, key },
        routes: { port: 0 },
      },
      nats: {
        embedded: true,
        embedded_port: 0,
        embedded_websocket_port: 0,
        embedded_origins: ["https://console.test"],
      },
      start_response_delay_interval: "0s",
      oauth: null,
      unknown_section: { key: 1 },
    };
    const file = join(folder, "gorouter.yml");
    writeFileSync(file, stringify(config));
    program = new Program(["router", "-c", file]);
    await program.logged("gorouter.started");
    const block = await program.waitFor("the bus", () => /ws:\/\/127\.0\.0\.1:(\d+)/.exec(program.stderr) ?? undefined);
    webSocketPort = Number(block[1]);
  });
  after(async () => {
    await program?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const refused = async (port: number): Promise<void> => {
    await assert.rejects(exchange(port, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), /ECONNREFUSED/);
  };

  it("disable_http: nothing listens on port, and the log says so", async () => {
    await refused(ports.port);
    const { source, data } = await program.logged("tcp-listener-disabled");
    assert.deepEqual([source, data], ["gorouter.stdout.router", undefined]);
  });

  it("status.enable_nontls_health_checks: false: nothing listens on status.port", () => refused(ports.health));

  it("nats.embedded_origins: a web page must be listed", async () => {
    const upgrade = (origin: string): Promise<number> =>
      exchange(
        webSocketPort,
        `GET / HTTP/1.1\r\nHost: 127.0.0.1:${webSocketPort}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nOrigin: ${origin}\r\n\r\n`,
      ).then(({ status }) => status);
    assert.equal(await upgrade("https://console.test"), 101);
    assert.equal(await upgrade("https://evil.test"), 401);
  });

  it("an unknown key is told with its place, and stops nothing", async () => {
    const { data } = await program.logged("config-warning");
    assert.equal(data?.["key"], "unknown_section");
    assert.ok(Number(data?.["line"]) > 0);
  });
});

describe("access_log.file that is the program's own output", () => {
  for (const name of ["stdout", "stderr"] as const) {
    it(`/dev/${name}: lines stand among its other ones, byte for byte`, async () => {
      const router = await startRouter("embedded", { access_log: { file: `/dev/${name}` } });
      try {
        // Two bytes that are one character.
        await get(router.port, "nope.test", "/", "User-Agent: caf\xc3\xa9");
        const line =
          /^nope\.test - \[\S+\] "GET \/ HTTP\/1\.1" 404 0 61 "-" "caf\u00e9" .*x_cf_routererror:"unknown_route"$/m;
        await router.program.waitFor("the line", () => line.exec(router.program[name]) ?? undefined);
      } finally {
        await router.stop();
      }
    });
  }
});
