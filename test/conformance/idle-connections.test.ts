import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, get } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter, type Yaml } from "./harness/router.ts";

const shown = issue(makeAuthority(), { names: ["a.b"] });
const request = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

/** A router with one route, `a.b`, in front of a backend that answers at once. */
async function rig(config: Yaml): Promise<{ router: RouterUnderTest; backend: Backend }> {
  const backend = await Backend.start(() => ok("ok"));
  const router = await startRouter("embedded", { disable_keep_alives: false, ...config });
  await router.register({ uris: ["a.b"], port: backend.port });
  return { router, backend };
}

/** Content types (RFC 5246 §6.2.1) of the records that a TLS 1.2 client gets, up to the end; it sends `text`. */
async function recordTypes(port: number, text: string): Promise<number[]> {
  let received = Buffer.alloc(0);
  const relay = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) socket.on("error", () => {});
    far.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
    });
    far.once("close", () => near.destroySoon());
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const relayPort = (relay.address() as AddressInfo).port;
  const socket = connectTls({ port: relayPort, host: "127.0.0.1", rejectUnauthorized: false, maxVersion: "TLSv1.2" });
  socket.on("error", () => {});
  socket.on("secureConnect", () => socket.write(text)).resume();
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  relay.close();
  const types: number[] = [];
  for (let at = 0; at < received.length; at += 5 + received.readUInt16BE(at + 3)) types.push(received[at]!);
  return types;
}

describe("clients that say nothing (data-plane §4.7)", () => {
  let router: RouterUnderTest;
  let backend: Backend;
  before(async () => {
    ({ router, backend } = await rig({
      frontend_idle_timeout: "200ms",
      read_header_timeout: "200ms",
      enable_ssl: true,
      ssl_port: 0,
      client_cert_validation: "none",
      cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
      tls_pem: [{ cert_chain: shown.certificate, private_key: shown.key }],
    }));
  });
  after(async () => {
    await router.stop();
    await backend.stop();
  });

  it("frontend_idle_timeout: closed in silence between requests, never while one is served", async () => {
    let release = (): void => {};
    backend.answer = async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return ok("late");
    };
    const busy = await Connection.open(router.port, request("a.b"));
    await backend.request(1);
    const idle = await Connection.open(router.port, request("nope.com"));
    assert.equal((await idle.response()).status, 404);
    assert.equal(await idle.toEnd(), "");
    assert.equal(busy.ended, false);
    release();
    assert.equal((await busy.response()).body, "late");
    assert.equal(await busy.toEnd(), "");
  });

  it("read_header_timeout: closed in silence, but with a 400 inside the request line", async () => {
    const bad =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request";
    const sent: readonly (readonly [string, string])[] = [
      ["", ""],
      ["GET / HTTP/1.1\r\nHost: a", ""],
      ["GET / HT", bad],
    ];
    const ends = sent.map(async ([text]) => await (await Connection.open(router.port, text)).toEnd());
    assert.deepEqual(
      await Promise.all(ends),
      sent.map(([, answer]) => answer),
    );
    const second = await Connection.open(router.port, request("nope.com"));
    assert.equal((await second.response()).status, 404);
    second.write("GET / HT");
    assert.equal(await second.toEnd(), bad);
  });

  it("over TLS the connection is closed with a goodbye (close_notify, RFC 5246 §7.2.1)", async () => {
    const alert = 21;
    for (const text of ["", "GET / HTTP/1.1\r\nHost: a", request("nope.com")]) {
      assert.equal((await recordTypes(router.tlsPort, text)).at(-1), alert, JSON.stringify(text));
    }
  });
});

describe("idle connections to backends (data-plane §4.8)", () => {
  const together = 5;
  const cases: readonly (readonly [Yaml, number])[] = [
    [{ max_idle_conns_per_host: 3 }, 3],
    [{ max_idle_conns: 1, max_idle_conns_per_host: 3 }, 1],
    [{ max_idle_conns: 0, max_idle_conns_per_host: 0 }, 2],
  ];
  for (const [config, kept] of cases) {
    describe(JSON.stringify(config), () => {
      let router: RouterUnderTest;
      let backend: Backend;
      before(async () => {
        ({ router, backend } = await rig(config));
      });
      after(async () => {
        await router.stop();
        await backend.stop();
      });
      beforeEach(() => backend.clear());

      it(`keeps ${kept} of ${together}, through an unchanged and a changed registration`, async () => {
        let release = (): void => {};
        const all = new Promise<void>((resolve) => {
          release = resolve;
        });
        backend.answer = async () => {
          await all;
          return ok("ok");
        };
        const answers = Array.from({ length: together }, async () => (await get(router.port, "a.b")).status);
        await backend.request(together);
        release();
        assert.deepEqual(new Set(await Promise.all(answers)), new Set([200]));
        await condition(`${kept} open connections`, () => backend.sockets.size === kept || undefined);
        await router.register({ uris: ["a.b"], port: backend.port });
        await router.register({ uris: ["a.b"], port: backend.port, tags: { component: "c" } });
        await get(router.port, "a.b");
        assert.deepEqual([backend.accepted, backend.sockets.size], [together, kept]);
      });
    });
  }
});

describe("listening on all addresses, as routers do unless told otherwise (data-plane §1.1)", () => {
  it("a client of IPv4 is shown as such", async () => {
    const { router, backend } = await rig({ listen_host: undefined });
    try {
      const connection = await Connection.open(router.port, request("a.b"));
      await connection.response();
      assert.equal((await backend.request(1)).header("X-Forwarded-For"), "127.0.0.1");
      await router.accessLogged((line) => line.includes(`"-" "-" "${connection.localAddress}" "127.0.0.1:`));
      connection.close();
      assert.equal((await get(router.port, "127.0.0.1:80")).header("X-Cf-RouterError"), "empty_host");
    } finally {
      await router.stop();
      await backend.stop();
    }
  });
});
