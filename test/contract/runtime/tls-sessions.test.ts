import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { runtime } from "#runtime";
import { StreamError } from "../../../src/runtime/interface/stream-error.ts";
import type { ClientTls } from "../../../src/runtime/interface/tls.ts";
import { type CertificatePair, issue, makeAuthority } from "../../fixtures/certificates.ts";
import { gap } from "../../fixtures/gap.ts";
import { Recorder, until } from "./recorder.ts";

const authority = makeAuthority("Sessions Test Authority");
const shown = issue(authority, { names: ["first.test", "second.test"] });
const moved = issue(authority, { names: ["other.test"] });
const expired = issue(authority, { names: ["first.test"], notAfter: new Date(Date.now() - 1000) });
const known = issue(authority, { names: ["client.test"], client: true });
const authorities = [authority.certificate];
const trusting: ClientTls = { serverName: "first.test", authorities };

const folder = mkdtempSync(join(tmpdir(), "causeway-sessions-"));
const servers: ChildProcess[] = [];

/** OpenSSL's server, which tells whether a connection's session is new; `port` 0 picks one. */
async function startServer(version: string, pair: CertificatePair, port = 0): Promise<number> {
  const file = join(folder, `${servers.length}.pem`);
  writeFileSync(file, pair.certificate + pair.key);
  const server = spawn("openssl", ["s_server", "-accept", `127.0.0.1:${port}`, "-cert", file, "-www", version]);
  servers.push(server);
  let said = "";
  for (const output of [server.stdout!, server.stderr!]) {
    output.on("data", (text: Buffer) => {
      said += text.toString();
    });
  }
  // It names a port only that it has chosen itself.
  await until("the server listens", () => /^ACCEPT.*\n/m.test(said));
  return port || Number(/^ACCEPT \S*:(\d+)/m.exec(said)![1]);
}

async function stopServers(): Promise<void> {
  const running = servers.splice(0).map(async (server) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await ended;
  });
  await Promise.all(running);
}

/** What the server says of a connection of its own: `New`, `Reused`, or the kind of failure. */
async function session(port: number, tls: ClientTls): Promise<string> {
  const handler = new Recorder();
  try {
    const stream = await runtime.connect({ host: "127.0.0.1", port, tls }, handler);
    if (tls.verify !== false) assert.equal(stream.tls!.verified, true);
    stream.writeText("GET / HTTP/1.0\r\n\r\n");
    await until("an answer", () => handler.isClosed || handler.events.includes("ended"));
    stream.destroy();
    return /^(New|Reused), TLS/m.exec(handler.text)?.[1] ?? `no answer: ${handler.text}`;
  } catch (error) {
    assert.ok(error instanceof StreamError, `not a StreamError: ${error}`);
    return error.kind;
  }
}

after(() => rmSync(folder, { recursive: true, force: true }));

for (const version of ["-tls1_2", "-tls1_3"]) {
  describe(`sessions of TLS servers (${runtime.name}, ${version})`, () => {
    afterEach(stopServers);
    const reused = gap("deno", "a TLS client offers no session again (rustls by node:tls)");

    it("the next connection to the same server needs no full handshake", reused, async () => {
      const port = await startServer(version, shown);
      const found = [];
      for (let i = 0; i < 3; i++) found.push(await session(port, trusting));
      assert.deepEqual(found, ["New", "Reused", "Reused"]);
    });

    it("another name, client certificate or set of authorities has sessions of its own", async () => {
      const port = await startServer(version, shown);
      const others: ClientTls[] = [
        { ...trusting, serverName: "second.test" },
        { ...trusting, keyPair: known },
        { ...trusting, authorities: [authority.certificate] },
      ];
      for (const tls of [trusting, ...others]) assert.equal(await session(port, tls), "New");
    });

    it("a server whose certificate is not good is refused each time", async () => {
      const port = await startServer(version, expired);
      for (let i = 0; i < 2; i++) assert.equal(await session(port, trusting), "tls-expired");
    });

    it("without verification no session is kept", async () => {
      const port = await startServer(version, shown);
      const unverified = { ...trusting, serverName: "any.test", verify: false };
      const found = [];
      for (const tls of [unverified, unverified]) found.push(await session(port, tls));
      assert.deepEqual(found, ["New", "New"]);
    });

    it("another server at the same address shows its own certificate", async () => {
      const port = await startServer(version, shown);
      assert.equal(await session(port, trusting), "New");
      await stopServers();
      await startServer(version, moved, port);
      for (let i = 0; i < 2; i++) assert.equal(await session(port, trusting), "tls-name");
      await stopServers();
      await startServer(version, shown, port);
      assert.equal(await session(port, trusting), "New");
    });
  });
}
