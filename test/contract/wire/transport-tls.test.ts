import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { runtime } from "#runtime";
import type { Failure } from "../../../src/core/forwarding/failure.ts";
import { Endpoint } from "../../../src/core/routing/endpoint.ts";
import type { ByteStream } from "../../../src/runtime/interface/byte-stream.ts";
import type { Listener } from "../../../src/runtime/interface/listening.ts";
import type { ClientTls, TlsFacts } from "../../../src/runtime/interface/tls.ts";
import { TimerWheel } from "../../../src/wire/timer-wheel.ts";
import { createTransport } from "../../../src/wire/transport.ts";
import { issue, makeAuthority } from "../../fixtures/certificates.ts";
import { plainOptions, TestOutgoing } from "../../fixtures/client-rig.ts";

const authority = makeAuthority();
const stranger = makeAuthority("Stranger");
const backendPair = issue(authority, { names: ["app-1"] });
const expired = issue(authority, { names: ["app-1"], notAfter: new Date(Date.now() - 1000) });
const ownPair = issue(authority, { names: ["router"], client: true });
const verify = "tls: failed to verify certificate: x509:";

/** What the backend knew of the last connection that sent something. */
let seen: TlsFacts | undefined;

/** A TLS backend that answers every read with 200. */
function listen(keyPair: typeof backendPair, wantsCertificate = false): Promise<Listener> {
  const tls = {
    keyPairs: [keyPair],
    clientCertificates: wantsCertificate ? ("require" as const) : ("none" as const),
    clientAuthorities: [authority.certificate],
    alpn: ["h2", "http/1.1"],
  };
  return runtime.listen({ host: "127.0.0.1", port: 0, tls }, (stream: ByteStream) => ({
    data() {
      seen = stream.tls;
      stream.writeText("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    },
    drained() {},
    ended: () => stream.end(),
    closed() {},
  }));
}

async function sendTo(port: number, tls: ClientTls): Promise<string> {
  const wheel = new TimerWheel(runtime.clock);
  const transport = createTransport(runtime, wheel, { ...plainOptions, tls: () => tls });
  const endpoint = new Endpoint({ host: "127.0.0.1", port, tls: true });
  const answer = await transport.send(endpoint, new TestOutgoing("GET", "/")).then(
    ({ status }) => String(status),
    ({ kind, retry, message }: Failure) => `${kind} (${retry}): ${message}`,
  );
  transport.forget(endpoint);
  return answer;
}

describe("transport over TLS", () => {
  const trusting: ClientTls = { serverName: "app-1", authorities: [authority.certificate] };
  const listeners: Listener[] = [];
  const ports = { plain: 0, expired: 0, mutual: 0 };
  before(async () => {
    listeners.push(await listen(backendPair), await listen(expired), await listen(backendPair, true));
    [ports.plain, ports.expired, ports.mutual] = listeners.map(({ port }) => port) as [number, number, number];
  });
  after(() => Promise.all(listeners.map((listener) => listener.close())));

  it("reaches a backend whose certificate is good, with its name, by TLS 1.3 and without ALPN", async () => {
    assert.equal(await sendTo(ports.plain, trusting), "200");
    assert.deepEqual([seen?.serverName, seen?.version, seen?.alpn], ["app-1", "TLSv1.3", ""]);
  });

  it("shows its own certificate when the backend asks", async () => {
    assert.equal(await sendTo(ports.mutual, { ...trusting, keyPair: ownPair }), "200");
    const own = ownPair.certificate.replaceAll(/-----[^-]*-----|\n/g, "");
    assert.equal(Buffer.from(seen!.peerCertificates[0]!).toString("base64"), own);
    assert.equal(seen!.verified, true);
  });

  it("tells a wrong name", async () => {
    const answer = await sendTo(ports.plain, { ...trusting, serverName: "app-2" });
    assert.equal(answer, `tls-name (always): ${verify} certificate is valid for app-1, not app-2`);
  });

  it("tells a certificate without IP names", async () => {
    const answer = await sendTo(ports.plain, { ...trusting, serverName: "127.0.0.1" });
    const text = "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs";
    assert.equal(answer, `tls-name (always): ${verify} ${text}`);
  });

  it("tells an unknown authority", async () => {
    const answer = await sendTo(ports.plain, { ...trusting, authorities: [stranger.certificate] });
    assert.equal(answer, `tls-untrusted (always): ${verify} certificate signed by unknown authority`);
  });

  it("tells an expired certificate", async () => {
    const answer = await sendTo(ports.expired, trusting);
    const instant = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";
    const text = `certificate has expired or is not yet valid: current time ${instant} is after ${instant}`;
    assert.match(answer, new RegExp(`^tls-untrusted \\(always\\): ${verify} ${text}$`));
  });

  it("tells a backend that demands a certificate", async () => {
    // Not a listener of ours: Deno's drops the alert behind its gate.
    const options = { cert: backendPair.certificate, key: backendPair.key, ca: authority.certificate };
    const demanding = createTlsServer({ ...options, requestCert: true, rejectUnauthorized: true });
    demanding.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => demanding.listen(0, "127.0.0.1", resolve));
    // With TLS 1.3 the alert comes after the request was written.
    const answer = await sendTo((demanding.address() as { port: number }).port, trusting);
    assert.equal(answer, "tls-alert-certificate (always): remote error: tls: certificate required");
    await new Promise((resolve) => demanding.close(resolve));
  });

  it("tells a backend that speaks no TLS", async () => {
    const plain = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const answer = await sendTo((plain.address() as { port: number }).port, trusting);
    assert.equal(answer, "tls-not-tls (always): tls: first record does not look like a TLS handshake");
    await new Promise((resolve) => plain.close(resolve));
  });

  it("tells a handshake that takes too long", async () => {
    const mute = createServer((socket) => void socket.on("error", () => {}).resume());
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as { port: number };
    const answer = await sendTo(port, { ...trusting, handshakeTimeoutMs: 50 });
    assert.equal(answer, "tls-timeout (always): net/http: TLS handshake timeout");
    await new Promise((resolve) => mute.close(resolve));
  });
});
