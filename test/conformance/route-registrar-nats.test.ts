import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type CertificatePair, issue, makeAuthority } from "../fixtures/certificates.ts";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, deadPort } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { BusWatch, busOf, httpRoute, RegistrarUnderTest } from "./harness/registrar.ts";

let nats: NatsServer;
before(async () => {
  nats = await startNatsServer();
});
after(() => nats?.stop());

/** Nobody asks for it: there is no router here. */
const route = (name: string, changes: object = {}): object => httpRoute(name, 8080, changes);

describe("route-registrar: NATS (route-registrar §10)", () => {
  it("NATS away at start, there, away, there again: the route follows; SIGTERM meanwhile ends within 2 s, exit 0", async () => {
    const port = await deadPort();
    const registrar = new RegistrarUnderTest({
      ...busOf(port),
      routes: [route("patient", { registration_interval: "3s" })],
    });
    let own: NatsServer | undefined;
    try {
      const { data } = await registrar.logged("nats-connection-failed");
      assert.deepEqual(data, {
        error: "nats: no servers available for connection",
        "nats-hosts": [`127.0.0.1:${port}`],
      });
      for (const event of ["nats-connection-successful", "nats-connection-reconnected"]) {
        own = await startNatsServer({ port });
        const listener = await BusWatch.on(port);
        await listener.message("patient.test");
        await registrar.logged(event);
        await listener.stop();
        await own.kill();
        await registrar.logged("nats-connection-disconnected");
      }
      const { code } = await registrar.stop(2000);
      assert.equal(code, 0);
      assert.equal(registrar.lines("routes left registered")[0]?.data?.["routes"], 1);
    } finally {
      await registrar.program.stop();
      await own?.kill();
    }
  });

  it("a message that is larger than the server takes: told at each try and by the exit code; other routes go on", async () => {
    const registrar = new RegistrarUnderTest({
      ...busOf(nats.port),
      routes: [route("huge", { tags: { large: "x".repeat(1_100_000) } }), route("modest")],
    });
    await registrar.logged("Registered routes successfully");
    const { data } = await registrar.logged("nats-publish-failed");
    const error = "nats: maximum payload exceeded";
    assert.deepEqual(data, { error, subject: "router.register" });
    assert.equal((await registrar.stop()).code, 2);
    assert.equal(registrar.lines("Unregistered routes successfully").length, 1);
    assert.deepEqual(registrar.lines("routes left registered"), []);
    assert.equal(registrar.lines("Exiting with error")[0]?.data?.["error"], error);
  });

  it("a server that says nothing: SIGTERM ends within 2 s all the same", async () => {
    const mute = await Backend.start(() => undefined);
    const registrar = new RegistrarUnderTest({ ...busOf(mute.port), routes: [route("unheard")] });
    try {
      await condition("the connection", () => (mute.accepted > 0 ? true : undefined));
      const { code } = await registrar.stop(2000);
      assert.equal(code, 0);
    } finally {
      await registrar.program.stop();
      await mute.stop();
    }
  });

  it("several servers, credentials that need escaping, over WebSocket too", async () => {
    const user = "us:er@/%";
    const secured = await startNatsServer({ user, pass: "p?ss #w", webSocketPort: 0 });
    const dead = await deadPort();
    const server = (host: string): object => ({ host, user, password: "p?ss #w" });
    try {
      for (const host of [`127.0.0.1:${secured.port}`, `ws://127.0.0.1:${secured.webSocketPort}`]) {
        const registrar = new RegistrarUnderTest({
          message_bus_servers: [server(`127.0.0.1:${dead}`), server(host)],
          routes: [route("escaped")],
        });
        await registrar.logged("nats-connection-successful");
        await registrar.logged("Registered routes successfully");
        const { code } = await registrar.stop();
        assert.equal(code, 0);
        assert.doesNotMatch(registrar.program.stdout, /p\?ss|p%3Fss/);
      }
    } finally {
      await secured.stop();
    }
  });

  describe("mutual TLS", () => {
    const authority = makeAuthority();
    const folder = mkdtempSync(join(tmpdir(), "causeway-nats-tls-"));
    const put = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const identity: CertificatePair = issue(authority, { commonName: "registrar", client: true });
    const expired = issue(authority, { commonName: "old", client: true, notAfter: new Date(Date.now() - 1000) });
    const ca_path = put("ca.pem", authority.certificate);
    const key_path = put("client.key", identity.key);
    const cert_path = put("client.pem", identity.certificate);
    after(() => rmSync(folder, { recursive: true, force: true }));

    it("registers, and insists on TLS where the server has none (D7)", async () => {
      const tls = { ...issue(authority, { names: ["localhost"] }), authority: authority.certificate };
      const secured = await startNatsServer({ tls });
      try {
        const registrar = new RegistrarUnderTest({
          message_bus_servers: [{ host: `localhost:${secured.port}` }],
          nats_mtls_config: { enabled: true, cert_path, key_path, ca_path },
          routes: [route("secure")],
        });
        await registrar.logged("Registered routes successfully");
        assert.equal((await registrar.stop()).code, 0);
      } finally {
        await secured.stop();
      }
      const insisting = new RegistrarUnderTest({
        ...busOf(nats.port),
        nats_mtls_config: { enabled: true, cert_path, key_path, ca_path },
        routes: [route("secure")],
      });
      const { data } = await insisting.logged("nats-connection-failed");
      assert.equal(data?.["error"], "nats: secure connection not available");
      assert.equal((await insisting.stop()).code, 0);
    });

    for (const [what, files, reason] of [
      ["absent", { cert_path: "/absent.pem", key_path, ca_path }, /: open \/absent\.pem: no such file or directory$/],
      [
        "of another key",
        { cert_path, key_path: put("other.key", issue(authority, {}).key), ca_path },
        /: the key in .*other\.key does not belong to /,
      ],
      [
        "expired",
        { cert_path: put("old.pem", expired.certificate), key_path: put("old.key", expired.key), ca_path },
        /old\.pem expired on /,
      ],
      [
        "no PEM",
        { cert_path, key_path, ca_path: put("junk.pem", "junk") },
        /: cannot read the certificate in .*junk\.pem: /,
      ],
    ] as const) {
      it(`TLS files that are ${what}: named, exit 2`, async () => {
        const registrar = new RegistrarUnderTest({
          ...busOf(nats.port),
          nats_mtls_config: { enabled: true, ...files },
          routes: [route("never")],
        });
        assert.equal(await registrar.program.end(), 2);
        const { log_level, data } = registrar.lines("Exiting with error")[0]!;
        assert.equal(log_level, 3);
        assert.match(String(data?.["error"]), /^failed building NATS mTLS config: /);
        assert.match(String(data?.["error"]), reason);
        await registrar.stop();
      });
    }
  });
});
