import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { gap } from "../fixtures/gap.ts";
import { startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, ok } from "./harness/backend.ts";
import { Connection, exchange, type RawResponse } from "./harness/connection.ts";
import { Program, underTest } from "./harness/program.ts";
import { type RouterUnderTest, startRouter, writeConfig, type Yaml } from "./harness/router.ts";

const authority = makeAuthority("TLS Test Authority");
const first = issue(authority, { names: ["first.test"] });
const second = issue(authority, { names: ["second.test", "*.wild.test"] });
const pem = (pair: typeof first): Yaml => ({ cert_chain: pair.certificate, private_key: pair.key });

/** What every TLS listener of these tests has. */
const tls: Yaml = {
  enable_ssl: true,
  ssl_port: 0,
  client_cert_validation: "none",
  cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  tls_pem: [pem(first), pem(second)],
};

interface Answer {
  readonly response: RawResponse;
  /** Common name of the router's certificate. */
  readonly commonName: string;
  readonly alpn: string | false | null;
  readonly version: string | null;
  readonly cipher: string;
}

/** One request on a TLS connection of its own. */
async function ask(port: number, options: ConnectionOptions = {}, ...lines: string[]): Promise<Answer> {
  const request = ["GET / HTTP/1.1", "Host: app.test", ...lines, "", ""].join("\r\n");
  let facts: Omit<Answer, "response"> | undefined;
  const connection = await Connection.openTls(port, options, request, (socket: TLSSocket) => {
    facts = {
      commonName: String(socket.getPeerCertificate().subject.CN),
      alpn: socket.alpnProtocol,
      version: socket.getProtocol(),
      cipher: socket.getCipher().standardName,
    };
  });
  try {
    return { response: await connection.response(), ...facts! };
  } finally {
    connection.close();
  }
}

describe("TLS listener (data-plane §7.1)", () => {
  let nats: Awaited<ReturnType<typeof startNatsServer>>;
  let backend: Backend;
  let router: RouterUnderTest;
  before(async () => {
    nats = await startNatsServer();
    backend = await Backend.start(() => ok("hello"));
    router = await startRouter(nats.port, { ...tls, max_tls_version: "TLSv1.3" });
    await router.register({ port: backend.port, uris: ["app.test"] });
  });
  after(async () => {
    await router.stop();
    await backend.stop();
    await nats.stop();
  });

  it("serves beside the plain listener, and both say so", async () => {
    const { response } = await ask(router.tlsPort);
    assert.equal(response.status, 200);
    assert.equal(response.body, "hello");
    assert.equal((await exchange(router.port, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")).body, "hello");
    const started = router.program.loggedMessages.filter((line) => /listener|gorouter.started/.test(line));
    assert.deepEqual(started, [
      "1 gorouter.stdout.router tcp-listener-started",
      "1 gorouter.stdout.router tls-listener-started",
      "1 gorouter.stdout.router gorouter.started",
    ]);
    const { data } = await router.program.logged("tls-listener-started");
    assert.deepEqual(data, { address: { IP: "127.0.0.1", Port: router.tlsPort, Zone: "" } });
  });

  it("tells the backend that the client used https", async () => {
    backend.clear();
    await ask(router.tlsPort);
    assert.equal(backend.requests[0]!.header("X-Forwarded-Proto"), "https");
  });

  for (const [servername, expected] of [
    ["first.test", "first.test"],
    ["SECOND.test", "second.test"],
    ["a.wild.test", "second.test"],
    ["a.b.wild.test", "first.test"],
    ["unknown.test", "first.test"],
    ["", "first.test"],
  ] as const) {
    it(`shows the certificate of ${expected} to a client that asks for "${servername}"`, async () => {
      const { commonName } = await ask(router.tlsPort, servername === "" ? {} : { servername });
      assert.equal(commonName, expected);
    });
  }

  for (const [offered, expected] of [
    [undefined, false],
    [["http/1.1"], "http/1.1"],
    [["x", "http/1.1"], "http/1.1"],
  ] as const) {
    it(`agrees on ${expected || "no ALPN protocol"} when ${offered ?? "none"} is offered`, async () => {
      const { alpn } = await ask(router.tlsPort, offered === undefined ? {} : { ALPNProtocols: [...offered] });
      assert.equal(alpn, expected);
    });
  }

  it("refuses a client that offers other protocols only", async () => {
    await assert.rejects(ask(router.tlsPort, { ALPNProtocols: ["other"] }), /no.application.protocol/i);
  });

  const plainAnswer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
  for (const [start, expected] of [
    ["GET /", plainAnswer],
    ["HEAD /", plainAnswer],
    ["POST /", plainAnswer],
    ["PUT /", plainAnswer],
    ["OPTIONS *", plainAnswer],
    ["DELETE /", ""],
    ["PATCH /", ""],
    ["GET http://app.test/", ""],
    ["get /", ""],
  ] as const) {
    it(`tells a client of plain HTTP (${start}) ${expected === "" ? "nothing" : "so"}, as Go's server`, async () => {
      const connection = await Connection.open(router.tlsPort, `${start} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
      assert.equal(await connection.toEnd(), expected);
    });
  }

  it("knows plain HTTP that comes byte by byte", async () => {
    const connection = await Connection.open(router.tlsPort, "G");
    for (const byte of "ET / HTTP/1.1\r\n") {
      await new Promise<void>((resolve) => connection.socket.write(byte, () => resolve()));
    }
    assert.equal(await connection.toEnd(), plainAnswer);
  });

  it("keeps the connection, and carries large bodies both ways", async () => {
    const body = "x".repeat(300_000);
    backend.answer = (request) => ok(request.body);
    const connection = await Connection.openTls(router.tlsPort);
    for (let i = 0; i < 2; i++) {
      connection.write(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      assert.equal((await connection.response()).body, body);
    }
    connection.close();
    backend.answer = () => ok("hello");
  });
});

describe("client certificates (data-plane §7.1, §1.4.13; control-plane §1.2)", () => {
  const stranger = makeAuthority("Strange Authority");
  const known = issue(authority, { names: ["client.test"], units: ["app:1"], client: true });
  const forbidden = issue(authority, { names: ["forbidden.test"], client: true });
  const unknown = issue(stranger, { names: ["client.test"], client: true });
  const forServers = issue(authority, { names: ["client.test"] });
  const expired = issue(authority, { names: ["client.test"], client: true, notAfter: new Date(Date.now() - 1000) });
  const der = (pair: typeof known): string => pair.certificate.replace(/-----[^-]*-----|\n/g, "");
  const show = (pair: typeof known | undefined): ConnectionOptions =>
    pair === undefined ? {} : { cert: pair.certificate, key: pair.key };
  const trust: Yaml = { client_ca_certs: authority.certificate, only_trust_client_ca_certs: true };

  let nats: Awaited<ReturnType<typeof startNatsServer>>;
  let backend: Backend;
  before(async () => {
    nats = await startNatsServer();
    backend = await Backend.start(() => ok("hello"));
  });
  after(async () => {
    await backend.stop();
    await nats.stop();
  });

  /** 200, or the alert with which the client was turned away (RFC 8446 §6.2). */
  async function outcome(port: number, options: ConnectionOptions): Promise<string> {
    try {
      return String((await ask(port, options)).response.status);
    } catch (error) {
      return /ALERT_(\w+)$/.exec((error as { code?: string }).code ?? "")?.[1] ?? String(error);
    }
  }

  for (const [mode, config] of [
    ["none", { client_cert_validation: "none" }],
    ["request", { client_cert_validation: "request", forwarded_client_cert: "sanitize_set" }],
    ["require", { client_cert_validation: "require", forwarded_client_cert: "forward" }],
  ] as const) {
    describe(mode, () => {
      let router: RouterUnderTest;
      before(async () => {
        const metadata = {
          enable_verify_client_certificate_metadata: true,
          verify_client_certificate_metadata: [
            {
              issuer_in_chain: { common_name: "TLS Test Authority" },
              valid_cert_subjects: [{ common_name: "client.test", organizational_unit: ["app:1"] }],
            },
          ],
        };
        router = await startRouter(nats.port, { ...tls, ...trust, ...config, ...(mode === "none" ? {} : metadata) });
        await router.register({ port: backend.port, uris: ["app.test"] });
      });
      after(() => router.stop());

      // Deno's engine does not tell a wrong purpose from an unknown authority.
      const purpose = underTest === "deno" ? "UNKNOWN_CA" : "BAD_CERTIFICATE";
      for (const [who, pair, alert] of [
        ["no certificate", undefined, "HANDSHAKE_FAILURE"],
        ["a good certificate", known, ""],
        ["a certificate of a stranger", unknown, "UNKNOWN_CA"],
        ["an expired certificate", expired, "CERTIFICATE_EXPIRED"],
        ["a server's certificate", forServers, purpose],
        ["a subject that is not listed", forbidden, "BAD_CERTIFICATE"],
      ] as const) {
        const welcome = mode === "none" || pair === known || (pair === undefined && mode === "request");
        for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
          // The listener of these tests ends at TLS 1.2, which is the default; the client offers more.
          if (version === "TLSv1.3" && pair !== known) continue;
          it(`${welcome ? "takes" : "refuses"} ${who} (client up to ${version})`, async () => {
            const options = { ...show(pair), maxVersion: version };
            assert.equal(await outcome(router.tlsPort, options), welcome ? "200" : alert);
          });
        }
      }

      it("says on standard error and in the log who was refused", async () => {
        if (mode === "none") {
          assert.doesNotMatch(router.program.stderr, /TLS handshake error/);
          return;
        }
        const subject =
          'subject not in the list of allowed subjects for CA Subject {[] [] [] "TLS Test Authority" "" [] [] [] []}: "CN=forbidden.test"';
        await router.program.waitFor("the refusal", () => router.program.stderr.includes(subject) || undefined);
        assert.match(
          router.program.stderr,
          /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d http: TLS handshake error from 127\.0\.0\.1:\d+: tls: failed to verify certificate: x509: certificate signed by unknown authority$/m,
        );
        const { source, log_level, data } = await router.program.logged("invalid-subject");
        assert.deepEqual([source, log_level], ["gorouter.stdout.router", 2]);
        assert.deepEqual(data, { issuer: "CN=TLS Test Authority", subject: "CN=forbidden.test", allowed: {} });
        const missing = router.program.stderr.includes("tls: client didn't provide a certificate\n");
        assert.equal(missing, mode === "require");
      });

      it("forwards the header as its mode says", async () => {
        const header = async (options: ConnectionOptions): Promise<string | undefined> => {
          backend.clear();
          await ask(router.tlsPort, options, "X-Forwarded-Client-Cert: from-client");
          return backend.requests[0]!.header("X-Forwarded-Client-Cert");
        };
        const own = { none: "from-client", request: der(known), require: "from-client" }[mode];
        assert.equal(await header(show(known)), own);
        if (mode === "request") assert.equal(await header({}), undefined);
        backend.clear();
        await exchange(router.port, "GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Client-Cert: plain\r\n\r\n");
        const plain = backend.requests[0]!.header("X-Forwarded-Client-Cert");
        assert.equal(plain, mode === "none" ? "plain" : undefined);
      });
    });
  }
});

describe("versions, suites and listeners (data-plane §7.1, §7.2; control-plane §1.3)", () => {
  let nats: Awaited<ReturnType<typeof startNatsServer>>;
  let backend: Backend;
  let router: RouterUnderTest | undefined;
  before(async () => {
    nats = await startNatsServer();
    backend = await Backend.start(() => ok("hello"));
  });
  afterEach(async () => {
    await router?.stop();
    router = undefined;
  });
  after(async () => {
    await backend.stop();
    await nats.stop();
  });

  async function start(config: Yaml): Promise<RouterUnderTest> {
    router = await startRouter(nats.port, { ...tls, ...config });
    await router.register({ port: backend.port, uris: ["app.test"] });
    return router;
  }

  /** The version agreed on, or that there is none, for clients of one version each. */
  async function versions(port: number): Promise<string[]> {
    const old: ConnectionOptions = { ciphers: "ALL:@SECLEVEL=0" };
    const ask1 = async (version: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3"): Promise<string> => {
      try {
        const options = { ...(version < "TLSv1.2" ? old : {}), minVersion: version, maxVersion: version };
        return String((await ask(port, options)).version);
      } catch {
        return "refused";
      }
    };
    return await Promise.all((["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const).map(ask1));
  }

  it("TLS 1.2 alone is the default", async () => {
    const { tlsPort } = await start({});
    assert.deepEqual(await versions(tlsPort), ["refused", "refused", "TLSv1.2", "refused"]);
  });

  it(
    "only suites of the list are agreed on, in the router's order",
    gap("deno", "cipher suites and their order are the runtime's own"),
    async () => {
      const { tlsPort, program } = await start({
        cipher_suites: "RC4-SHA:TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:AES256-SHA",
      });
      const { cipher } = await ask(tlsPort, { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256" });
      assert.equal(cipher, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
      const rfc = await ask(tlsPort, { ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384" });
      assert.equal(rfc.cipher, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
      const { log_level, data } = await program.logged("tls-settings-not-honoured");
      assert.deepEqual([log_level, data], [2, { gaps: ["this runtime has no cipher suite RC4-SHA"] }]);
    },
  );

  it("clients whose suites or versions are none of ours are told so", async () => {
    const { tlsPort, program } = await start({ cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256" });
    assert.equal((await ask(tlsPort, { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" })).response.status, 200);
    for (const ciphers of ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384"]) {
      await assert.rejects(ask(tlsPort, { ciphers }), /handshake.failure/i);
    }
    await assert.rejects(ask(tlsPort, { minVersion: "TLSv1.3" }), /protocol.version/i);
    const old: ConnectionOptions = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" };
    await assert.rejects(ask(tlsPort, old), /protocol.version/i);
    const lines = await program.waitFor("lines about four handshakes", () => {
      const found = program.stderr.match(/TLS handshake error from .*: tls: .*/g) ?? [];
      return found.length >= 4 ? found : undefined;
    });
    // Lines of two workers may stand in another order than the handshakes.
    assert.deepEqual(lines.map((line) => line.replace(/.*: tls: /, "")).sort(), [
      ...Array(2).fill("client offered only unsupported versions"),
      ...Array(2).fill("no cipher suite supported by both client and server"),
    ]);
  });

  it("from TLS 1.0 to 1.3", async () => {
    const { tlsPort, program } = await start({
      min_tls_version: "TLSv1.0",
      max_tls_version: "TLSv1.3",
      cipher_suites: "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256",
    });
    const lowest = underTest === "deno" ? ["refused", "refused"] : ["TLSv1", "TLSv1.1"];
    assert.deepEqual(await versions(tlsPort), [...lowest, "TLSv1.2", "TLSv1.3"]);
    if (underTest !== "deno") return;
    const told = JSON.stringify((await program.logged("tls-settings-not-honoured")).data);
    assert.match(told, /no TLS 1\.0 and 1\.1/);
    assert.match(told, /no list of suites is applied/);
  });

  it("a reversed pair of versions starts, and refuses every handshake", async () => {
    const { tlsPort } = await start({ min_tls_version: "TLSv1.3", max_tls_version: "TLSv1.2" });
    assert.deepEqual(await versions(tlsPort), ["refused", "refused", "refused", "refused"]);
  });

  it("xfcc_format: envoy sends hash and subject in place of the certificate", async () => {
    const client = issue(authority, { names: ["client.test"], units: ['app:"1"'], client: true });
    const { tlsPort } = await start({
      client_cert_validation: "request",
      client_ca_certs: authority.certificate,
      only_trust_client_ca_certs: true,
      forwarded_client_cert: "sanitize_set",
      xfcc_format: "envoy",
    });
    backend.clear();
    await ask(tlsPort, { cert: client.certificate, key: client.key });
    const hash = new X509Certificate(client.certificate).fingerprint256.replaceAll(":", "").toLowerCase();
    const subject = String.raw`CN=client.test,OU=app:\\\"1\\\"`;
    assert.equal(backend.requests[0]!.header("X-Forwarded-Client-Cert"), `Hash=${hash};Subject="${subject}"`);
  });

  for (const mode of ["request", "require"]) {
    it(`${mode} works when the system's authorities are trusted as well`, async () => {
      const client = issue(authority, { names: ["client.test"], client: true });
      const config = { client_cert_validation: mode, client_ca_certs: authority.certificate };
      const { tlsPort } = await start(config);
      assert.equal((await ask(tlsPort, { cert: client.certificate, key: client.key })).response.status, 200);
      if (mode === "request") assert.equal((await ask(tlsPort)).response.status, 200);
      else await assert.rejects(ask(tlsPort));
    });
  }

  it("disable_http leaves the TLS listener alone; without HTTP/2 no ALPN is negotiated", async () => {
    const { tlsPort, port, program } = await start({ disable_http: true, enable_http2: false });
    assert.equal(port, 0);
    const { response, alpn } = await ask(tlsPort, { ALPNProtocols: ["other", "http/1.1"] });
    assert.deepEqual([response.status, alpn], [200, false]);
    await program.logged("tcp-listener-disabled");
    await program.logged("tls-listener-started");
    assert.equal(program.logLines.filter(({ message }) => message === "tcp-listener-started").length, 0);
  });

  it("warns of a certificate that has expired", async () => {
    const expired = issue(authority, { names: ["expired.test"], notAfter: new Date(Date.now() - 1000) });
    const { tlsPort, program } = await start({ tls_pem: [pem(first), pem(expired)] });
    const { data } = await program.logged("tls-certificate-expired");
    assert.deepEqual([data!["position"], data!["subject"]], [1, "CN=expired.test"]);
    assert.equal((await ask(tlsPort, { servername: "expired.test" })).commonName, "expired.test");
  });

  it("a certificate file that is missing ends the start", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-tls-"));
    const entry = { cert_chain_file: join(folder, "none.pem"), private_key: first.key };
    const program = new Program(["router", "-c", writeConfig(folder, nats.port, { ...tls, tls_pem: [entry] })]);
    assert.equal(await program.end(), 1);
    const { message, source, data } = program.logLines.at(-1)!;
    assert.deepEqual([message, source], ["tls-certificate-error", "gorouter.stdout.router"]);
    assert.equal(data!["error"], `open ${entry.cert_chain_file}: no such file or directory`);
    assert.equal(data!["position"], 0);
    rmSync(folder, { recursive: true });
  });

  it("a taken TLS port is named, after the plain listener has started", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-tls-"));
    const held = await Backend.start(() => ok(""));
    const program = new Program(["router", "-c", writeConfig(folder, nats.port, { ...tls, ssl_port: held.port })]);
    assert.equal(await program.end(), 1);
    await held.stop();
    const messages = program.logLines.slice(-2).map(({ message }) => message);
    assert.deepEqual(messages, ["tcp-listener-started", "tls-listener-error"]);
    const error = `listen tcp 127.0.0.1:${held.port}: bind: address already in use`;
    assert.deepEqual(program.logLines.at(-1)!.data, { error });
    rmSync(folder, { recursive: true });
  });
});
