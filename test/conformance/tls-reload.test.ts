import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const authority = makeAuthority();
const inline = issue(authority, { names: ["inline.test"] });
const request = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

describe("certificates that change while the router serves (issue C)", () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-tls-"));
  const certFile = join(folder, "cert.pem");
  const keyFile = join(folder, "key.pem");
  let nats: Awaited<ReturnType<typeof startNatsServer>>;
  let backend: Backend;
  let router: RouterUnderTest;

  /** Puts a file in place of another at once, as tools that renew certificates do. */
  const replace = (file: string, text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  const write = (pair: { certificate: string; key: string }): void => {
    replace(certFile, pair.certificate);
    replace(keyFile, pair.key);
  };

  before(async () => {
    write(issue(authority, { names: ["app.test"], commonName: "v1" }));
    nats = await startNatsServer();
    backend = await Backend.start(() => ok("hello"));
    router = await startRouter(nats.port, {
      enable_ssl: true,
      ssl_port: 0,
      client_cert_validation: "none",
      cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
      tls_pem: [
        { cert_chain: inline.certificate, private_key: inline.key },
        { cert_chain_file: certFile, private_key_file: keyFile },
      ],
    });
    await router.register({ port: backend.port, uris: ["app.test"] });
  });
  after(async () => {
    await router.stop();
    await backend.stop();
    await nats.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Name in the certificate that a new client is shown, after a request that was answered. */
  async function shown(servername: string): Promise<string> {
    let name = "";
    const connection = await Connection.openTls(router.tlsPort, { servername }, request, (socket: TLSSocket) => {
      name = String(socket.getPeerCertificate().subject.CN);
    });
    try {
      assert.equal((await connection.response()).body, "hello");
    } finally {
      connection.close();
    }
    return name;
  }

  it("loses no request while a new one is put in place, and new clients see it", async (t: TestContext) => {
    assert.equal(await shown("app.test"), "v1");
    let running = true;
    let served = 0;
    const failures: string[] = [];
    const load = async (persistent: boolean): Promise<void> => {
      let connection: Connection | undefined;
      while (running) {
        try {
          connection ??= await Connection.openTls(router.tlsPort, { servername: "app.test" });
          connection.write(request);
          assert.equal((await connection.response()).status, 200);
          served++;
        } catch (error) {
          failures.push(String(error));
        }
        if (persistent) continue;
        connection?.close();
        connection = undefined;
      }
      connection?.close();
    };
    const clients = [true, true, false, false, false, false].map(load);
    await condition("load", () => (served > 20 ? true : undefined));
    write(issue(authority, { names: ["app.test"], commonName: "v2" }));
    const began = performance.now();
    // Within two seconds: a handshake every 100 ms at most, of which a busy machine makes fewer.
    let old = 0;
    while ((await shown("app.test")) !== "v2") {
      assert.ok(++old <= 20, "20 new clients, one every 100 ms, were shown the old certificate");
      await wait(100);
    }
    const ms = Math.round(performance.now() - began);
    t.diagnostic(`seen after ${ms} ms and ${old} clients that were shown the old one, with ${served} requests served`);
    const before = served;
    await condition("load afterwards", () => (served > before + 20 ? true : undefined));
    running = false;
    await Promise.all(clients);
    assert.deepEqual(failures, []);
    const { data } = await router.program.logged("tls-certificates-reloaded");
    const [taken] = data!["certificates"] as { position: number; subject: string }[];
    assert.deepEqual([taken!.position, taken!.subject], [1, "CN=v2"]);
    assert.equal(await shown("inline.test"), "inline.test");
  });

  it("keeps the old one when the new one is broken, and says which", async () => {
    replace(keyFile, "no key at all");
    const { log_level, data } = await router.program.logged("tls-certificate-not-reloaded");
    assert.equal(log_level, 3);
    assert.deepEqual(data, {
      position: 1,
      cert_chain_file: certFile,
      private_key_file: keyFile,
      error: "tls: failed to find any PEM data in key input",
    });
    assert.equal(await shown("app.test"), "v2");
    rmSync(keyFile);
    await router.program.logged("tls-certificate-not-reloaded", (line) =>
      String(line.data?.["error"]).endsWith("key.pem: no such file or directory"),
    );
    assert.equal(await shown("app.test"), "v2");
  });

  it("takes new ones at SIGHUP", async () => {
    write(issue(authority, { names: ["app.test"], commonName: "v3" }));
    router.program.child.kill("SIGHUP");
    await router.program.logged("tls-certificates-reloaded", (line) => JSON.stringify(line.data).includes("CN=v3"));
    assert.equal(await shown("app.test"), "v3");
  });
});
