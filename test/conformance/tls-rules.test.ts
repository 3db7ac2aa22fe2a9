import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, ok } from "./harness/backend.ts";
import { type RouterUnderTest, startRouter, workersUnderTest } from "./harness/router.ts";

// The lines of data-plane §7.1 that the other files about TLS say nothing of.

const authority = makeAuthority("TLS Rules Authority");
const client = issue(authority, { names: ["client.test"], client: true });
const shown = [
  issue(authority, { names: ["first.test"] }),
  issue(authority, { commonName: "Only-Common.test" }),
  issue(authority, { names: ["alternative.test"], commonName: "hidden.test" }),
  issue(authority, { names: ["twice.test"], commonName: "earlier.test" }),
  issue(authority, { names: ["twice.test"], commonName: "later.test" }),
];

/** What a connection came to. */
interface Seen {
  readonly commonName: unknown;
  readonly reused: boolean;
  readonly answer: string;
  /** The newest that the router gave. */
  readonly session: Buffer | undefined;
}

describe("TLS listener: names, sessions, renegotiation (data-plane §7.1)", () => {
  let backend: Backend;
  let router: RouterUnderTest;
  before(async () => {
    backend = await Backend.start(({ header }) => ok(header("x-forwarded-client-cert") ?? "no certificate"));
    router = await startRouter("embedded", {
      enable_ssl: true,
      ssl_port: 0,
      max_tls_version: "TLSv1.3",
      client_cert_validation: "request",
      client_ca_certs: authority.certificate,
      only_trust_client_ca_certs: true,
      forwarded_client_cert: "sanitize_set",
      cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
      tls_pem: shown.map(({ certificate, key }) => ({ cert_chain: certificate, private_key: key })),
    });
    await router.register({ port: backend.port, uris: ["app.test"] });
  });
  after(async () => {
    await router.stop();
    await backend.stop();
  });

  const open = (options: ConnectionOptions): TLSSocket =>
    connect({ port: router.tlsPort, host: "127.0.0.1", rejectUnauthorized: false, ...options });

  async function ask(options: ConnectionOptions): Promise<Seen> {
    const socket = open(options);
    let session: Buffer | undefined;
    let received = "";
    socket.on("session", (next) => {
      session = next;
    });
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
    });
    const closed = new Promise<void>((resolve, reject) => socket.once("close", () => resolve()).once("error", reject));
    await Promise.race([new Promise((resolve) => socket.once("secureConnect", resolve)), closed]);
    const facts = { commonName: socket.getPeerCertificate().subject?.CN, reused: socket.isSessionReused() };
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    await closed;
    return { ...facts, session, answer: received.slice(received.indexOf("\r\n\r\n") + 4) };
  }

  for (const [name, expected] of [
    ["only-common.test", "Only-Common.test"],
    ["alternative.test", "hidden.test"],
    ["hidden.test", "first.test"],
    ["twice.test", "later.test"],
  ] as const) {
    it(`${name} gets the certificate with the common name ${expected}`, async () => {
      assert.equal((await ask({ servername: name })).commonName, expected);
    });
  }

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`a client of ${version} resumes its session, and is still the one with the certificate`, async () => {
      const options = { maxVersion: version, servername: "first.test", cert: client.certificate, key: client.key };
      const first = await ask(options);
      let second = await ask({ ...options, session: first.session! });
      // The worker that gave the session away is the one that knows it.
      for (let tries = 32; workersUnderTest > 1 && !second.reused && tries > 0; tries--) {
        second = await ask({ ...options, session: first.session! });
      }
      assert.deepEqual([first.reused, second.reused], [false, true]);
      assert.equal(second.answer, client.certificate.replaceAll(/-----[^-]*-----|\n/g, ""));
      assert.equal(second.answer, first.answer);
    });
  }

  it("a client cannot renegotiate", async () => {
    const socket = open({ maxVersion: "TLSv1.2" });
    await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    const refused = new Promise((resolve) => {
      socket.once("error", resolve).once("close", () => resolve(new Error("closed")));
    });
    const renegotiated = new Promise((resolve) => socket.renegotiate({ rejectUnauthorized: false }, resolve));
    const outcome = await Promise.race([refused, renegotiated]);
    assert.ok(outcome instanceof Error, `it could: ${outcome}`);
    socket.destroy();
  });

  it("staples no OCSP response", async () => {
    const socket = open({ requestOCSP: true });
    const stapled = await new Promise((resolve, reject) => {
      socket.once("OCSPResponse", resolve).once("error", reject);
    });
    assert.equal(stapled, null);
    socket.destroy();
  });
});
