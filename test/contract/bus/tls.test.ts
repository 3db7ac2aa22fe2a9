import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { issue, makeAuthority } from "../../fixtures/certificates.ts";
import { type NatsServer, natsServerPath, startNatsServer } from "../../fixtures/nats-server.ts";
import { connect, text, until } from "./bus-rig.ts";

const skip = natsServerPath === undefined && "nats-server is not installed: apt-get install nats-server";

describe("bus over TLS", { skip }, () => {
  const authority = makeAuthority();
  const names = { names: ["localhost"], ips: ["127.0.0.1"] };
  const client = issue(authority, { names: ["router"], client: true });
  const trusting = { tls_enabled: true, ca_certs: authority.certificate };
  const presenting = { ...trusting, cert_chain: client.certificate, private_key: client.key };
  let server: NatsServer;
  before(async () => {
    const tls = { ...issue(authority, names), authority: authority.certificate };
    server = await startNatsServer({ webSocketPort: 0, tls });
  });
  after(() => server.stop());

  for (const scheme of ["nats", "tls", "wss"] as const) {
    it(`works with mutual TLS over ${scheme}://`, async () => {
      const port = scheme === "wss" ? server.webSocketPort : server.port;
      const bus = await connect([`${scheme}://localhost:${port}`], presenting);
      const seen: string[] = [];
      bus.subscribe("secret", ({ payload }) => seen.push(text(payload)));
      bus.publish("secret", "hush");
      await until("it arrived", () => seen.length === 1);
      assert.deepEqual(seen, ["hush"]);
      await bus.close();
    });
  }

  it("refuses a server that another authority vouches for", async () => {
    const stranger = { ...presenting, ca_certs: makeAuthority("Stranger").certificate };
    await assert.rejects(connect([`nats://localhost:${server.port}`], stranger), {
      message: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    });
  });

  it("does not connect without the client certificate that the server demands", async () => {
    await assert.rejects(connect([`nats://localhost:${server.port}`], trusting));
  });

  it("tells what the server thinks of a client certificate that another authority issued", async () => {
    const { certificate, key } = issue(makeAuthority("Stranger"), { names: ["router"], client: true });
    const foreign = { ...presenting, cert_chain: certificate, private_key: key };
    await assert.rejects(connect([`nats://localhost:${server.port}`], foreign), {
      // With TLS 1.3 the verdict comes after the client's own handshake: what is written meanwhile may fail first.
      message:
        /^(remote error: tls: (bad certificate|unknown certificate authority)|write tcp .*: write: broken pipe)$/,
    });
  });

  it("stays in plain text when the server does not ask for TLS, unless the URL insists", async () => {
    const plain = await startNatsServer();
    const bus = await connect([`nats://localhost:${plain.port}`], presenting);
    assert.equal(bus.connected, true);
    await bus.close();
    await assert.rejects(connect([`tls://localhost:${plain.port}`], presenting), {
      message: "nats: secure connection not available",
    });
    await plain.stop();
  });
});
