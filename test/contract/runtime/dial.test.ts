import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { afterEach, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { ByteStream } from "../../../src/runtime/interface/byte-stream.ts";
import type { ConnectOptions } from "../../../src/runtime/interface/dialling.ts";
import { StreamError } from "../../../src/runtime/interface/stream-error.ts";
import { gap } from "../../fixtures/gap.ts";
import { afterwards, closeAll, connectedPair, Recorder, until } from "./recorder.ts";

/** The error of a dial that must fail. */
async function failedDial(options: ConnectOptions): Promise<StreamError> {
  try {
    const stream = await runtime.connect(options, new Recorder());
    stream.destroy();
  } catch (error) {
    assert.ok(error instanceof StreamError, `not a StreamError: ${error}`);
    return error;
  }
  throw new assert.AssertionError({ message: "the dial succeeded" });
}

/** Port of a process that listens and never accepts: once its short backlog is full, the kernel drops what comes. */
async function deafListener(): Promise<number> {
  const script = `
    const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      process.stdout.write(server.address().port + "\\n");
      setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20000), 20);
    });`;
  const child = spawn("node_modules/.bin/node", ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  afterwards(async () => void child.kill("SIGKILL"));
  const port = await new Promise<string>((resolve) => child.stdout.once("data", (chunk) => resolve(String(chunk))));
  // Its event loop stops a moment after it has said its port.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return Number(port);
}

async function freePort(): Promise<number> {
  const listener = await runtime.listen({ host: "127.0.0.1", port: 0 }, () => new Recorder());
  await listener.close();
  return listener.port;
}

describe(`dial and listen (${runtime.name})`, () => {
  afterEach(closeAll);

  it("tells a refused connection", async () => {
    const port = await freePort();
    const error = await failedDial({ host: "127.0.0.1", port });
    assert.equal(error.kind, "refused");
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.syscall, "connect");
    assert.ok(error.message.includes(`127.0.0.1:${port}`), error.message);
  });

  it("tells a port out of range", async () => {
    const error = await failedDial({ host: "127.0.0.1", port: 70_000 });
    assert.ok(error.message.includes("70000"), error.message);
  });

  it("tells a unix socket that is not there as refused", async () => {
    assert.equal((await failedDial({ path: "/nonexistent/causeway.sock" })).kind, "refused");
  });

  it("tells an unknown name", async () => {
    const error = await failedDial({ host: "no-such-name.invalid", port: 80 });
    assert.equal(error.kind, "name-not-found");
    assert.equal(error.syscall, "getaddrinfo");
  });

  it("tells an address without a route", gap("bun", "every failed dial is told as refused"), async () => {
    // 240.0.0.0/4 is refused by the kernel without a packet; a machine may send it to a black hole instead.
    const error = await failedDial({ host: "255.255.255.255", port: 80, timeoutMs: 500 });
    assert.ok(["unreachable", "permission", "timed-out"].includes(error.kind), error.kind);
  });

  it("gives up after timeoutMs", async () => {
    const port = await deafListener();
    const started = performance.now();
    const dials = [1, 2, 3, 4, 5, 6].map(async () => {
      try {
        const stream = await runtime.connect({ host: "127.0.0.1", port, timeoutMs: 300 }, new Recorder());
        stream.destroy();
        return "connected";
      } catch (error) {
        return (error as StreamError).kind;
      }
    });
    const results = await Promise.all(dials);
    assert.ok(results.includes("timed-out"), results.join());
    assert.ok(
      results.every((result) => result === "timed-out" || result === "connected"),
      results.join(),
    );
    assert.ok(performance.now() - started < 3000);
  });

  it("tells a port that does not exist", async () => {
    await failedDial({ host: "127.0.0.1", port: 70_000 });
    await assert.rejects(
      runtime.listen({ host: "127.0.0.1", port: 70_000 }, () => new Recorder()),
      StreamError,
    );
  });

  it("tells an address in use", async () => {
    const pair = await connectedPair(runtime);
    await assert.rejects(
      runtime.listen({ host: "127.0.0.1", port: pair.listener.port }, () => new Recorder()),
      (error: StreamError) =>
        error instanceof StreamError && error.kind === "address-in-use" && error.syscall === "listen",
    );
  });

  it("binds a port twice with reusePort, and both listeners accept or one does", async () => {
    let accepted = 0;
    const accept = (): Recorder => {
      accepted++;
      return new Recorder();
    };
    const first = await runtime.listen({ host: "127.0.0.1", port: 0, reusePort: true }, accept);
    afterwards(() => first.close());
    const second = await runtime.listen({ host: "127.0.0.1", port: first.port, reusePort: true }, accept);
    afterwards(() => second.close());
    for (let i = 0; i < 8; i++) {
      const stream = await runtime.connect({ host: "127.0.0.1", port: first.port }, new Recorder());
      afterwards(async () => stream.destroy());
    }
    await until("all accepted", () => accepted === 8);
  });

  it("picks a free port for reusePort that nobody else has, not even one who shares his", async () => {
    const ports: number[] = [];
    for (let i = 0; i < 64; i++) {
      const listener = await runtime.listen({ host: "127.0.0.1", port: 0, reusePort: true }, () => new Recorder());
      afterwards(() => listener.close());
      ports.push(listener.port);
    }
    assert.equal(new Set(ports).size, ports.length);
  });

  it("accepts all clients of a crowded port, which nobody else may have, and frees it", async () => {
    let accepted = 0;
    const accept = (): Recorder => {
      accepted++;
      return new Recorder();
    };
    const crowded = await runtime.listen({ host: "127.0.0.1", port: 0, crowded: true }, accept);
    const options = { host: "127.0.0.1", port: crowded.port, crowded: true };
    const dials: Promise<ByteStream>[] = [];
    for (let i = 0; i < 40; i++) dials.push(runtime.connect(options, new Recorder()));
    for (const stream of await Promise.all(dials)) afterwards(async () => stream.destroy());
    await until("all accepted", () => accepted === 40);
    await assert.rejects(runtime.listen(options, accept), (error: StreamError) => error.kind === "address-in-use");
    await crowded.close();
    assert.equal((await failedDial(options)).kind, "refused");
    const again = await runtime.listen(options, accept);
    assert.equal(again.port, crowded.port);
    await again.close();
    assert.equal((await failedDial(options)).kind, "refused");
  });

  it("a closed listener frees its port at once and keeps what it accepted", async () => {
    const pair = await connectedPair(runtime);
    await pair.listener.close();
    assert.equal((await failedDial({ host: "127.0.0.1", port: pair.listener.port })).kind, "refused");
    const again = await runtime.listen({ host: "127.0.0.1", port: pair.listener.port }, () => new Recorder());
    await again.close();
    pair.client.writeText("still here");
    await until("bytes", () => pair.atServer.text === "still here");
  });

  it("dials by name", async () => {
    const pair = await connectedPair(runtime, {}, { host: "localhost", keepAliveMs: 5000, timeoutMs: 5000 });
    pair.client.writeText("x");
    await until("bytes", () => pair.atServer.text === "x");
  });
});
