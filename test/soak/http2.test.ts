import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { CONTINUATION, HEADERS, RST_STREAM } from "../../src/wire/http2/protocol.ts";
import { Backend, ok } from "../conformance/harness/backend.ts";
import { condition } from "../conformance/harness/condition.ts";
import { Http2Client } from "../conformance/harness/http2-client.ts";
import { type RouterUnderTest, startRouter } from "../conformance/harness/router.ts";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { blockOf, Http2Peer, requestLine } from "../fixtures/http2-peer.ts";

const authority = makeAuthority();
const pair = issue(authority, { names: ["app.test"] });

describe("HTTP/2 under load and attack", () => {
  let backend: Backend;
  let router: RouterUnderTest;
  before(async () => {
    backend = await Backend.start(() => ok("x".repeat(1024)));
    router = await startRouter("embedded", {
      enable_ssl: true,
      ssl_port: 0,
      client_cert_validation: "none",
      cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
      tls_pem: [{ cert_chain: pair.certificate, private_key: pair.key }],
      disable_keep_alives: false,
      max_idle_conns: 1000,
      max_idle_conns_per_host: 256,
      logging: { level: "info" },
    });
    await router.register({ uris: ["app.test"], port: backend.port });
  });
  after(async () => {
    await router.stop();
    await backend.stop();
  });

  it("answers 100 000 requests of h2load, every one", async () => {
    const url = `https://app.test:${router.tlsPort}/`;
    const args = ["-n100000", "-c16", "-m10", "-t1", "--connect-to", `127.0.0.1:${router.tlsPort}`, url];
    const out = await new Promise<string>((resolve) => execFile("h2load", args, (_error, stdout) => resolve(stdout)));
    assert.match(out, /100000 total, 100000 started, 100000 done, 100000 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.match(out, /status codes: 100000 2xx/);
  });

  /** Attacks on connections until each is cut; gives the GOAWAY codes. */
  async function attack(times: number, act: (peer: Http2Peer, round: number) => void): Promise<number[]> {
    const codes: number[] = [];
    for (let time = 0; time < times; time++) {
      const socket = await new Promise<TLSSocket>((resolve, reject) => {
        const opened = connect({
          port: router.tlsPort,
          host: "127.0.0.1",
          rejectUnauthorized: false,
          ALPNProtocols: ["h2"],
        });
        opened.once("secureConnect", () => resolve(opened)).once("error", reject);
      });
      let closed = false;
      const peer = new Http2Peer((text) => socket.write(Buffer.from(text, "latin1")));
      socket.on("data", (bytes) => peer.feed(bytes));
      socket.on("error", () => {});
      socket.on("close", () => {
        closed = true;
      });
      peer.greet();
      for (let round = 0; round < 4000 && !closed && peer.goAway === undefined; round++) {
        act(peer, round);
        if (round % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
      }
      await condition("the end of the connection", () => closed || undefined);
      codes.push(peer.goAway?.code ?? -1);
    }
    return codes;
  }

  for (const [what, act] of [
    ["rapid resets", (peer, round) => peer.get(2 * round + 1).frame(RST_STREAM, 0, 2 * round + 1, "\0\0\0\x08")],
    [
      "CONTINUATION without end",
      (peer, round) => {
        if (round === 0) peer.frame(HEADERS, 1, 1, blockOf(requestLine("GET", "/")));
        else peer.frame(CONTINUATION, 0, 1, blockOf([["x", "y".repeat(16_000)]]));
      },
    ],
  ] as [string, (peer: Http2Peer, round: number) => void][]) {
    it(`cuts ${what}, and stays small`, async () => {
      const client = await Http2Client.open(router.tlsPort);
      assert.equal((await client.ask()).status, 200);
      const before = router.program.residentMiB;
      const codes = await attack(5, act);
      for (const code of codes) assert.ok(code === 11 || code === -1, `GOAWAY code ${code}`);
      assert.ok(codes.includes(11), "no GOAWAY was seen");
      assert.equal((await client.ask()).status, 200);
      client.close();
      const grown = router.program.residentMiB - before;
      assert.ok(grown < 50, `resident memory grew by ${grown.toFixed(1)} MiB`);
    });
  }
});
