import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { createRouter, type Router, type RunningServer, serve } from "../../../src/mod.ts";
import { ok } from "../../conformance/harness/backend.ts";
import { condition } from "../../conformance/harness/condition.ts";
import { Connection, exchange } from "../../conformance/harness/connection.ts";
import { kept } from "./adapter.ts";
import { closeBytes, serverFrame, WebSocketBackend } from "./web-socket-backend.ts";

/** A WebSocket client of the platform, with what it heard. */
class Client {
  readonly socket: WebSocket;
  readonly messages: (string | Uint8Array)[] = [];
  closed: { code: number; reason: string; wasClean: boolean } | undefined;

  constructor(port: number, protocols: string[] = []) {
    // The name leads to loopback, so that Host is not the client's own address.
    this.socket = new WebSocket(`ws://localhost:${port}/ws`, protocols);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) =>
      this.messages.push(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    this.socket.onerror = () => {};
    this.socket.onclose = ({ code, reason, wasClean }) => {
      this.closed = { code, reason, wasClean };
    };
  }

  async open(): Promise<this> {
    await condition("an open WebSocket", () => {
      assert.equal(this.closed, undefined);
      return this.socket.readyState === 1 || undefined;
    });
    return this;
  }

  async message(number: number): Promise<string | Uint8Array> {
    return await condition(`message ${number}`, () => this.messages[number - 1]);
  }

  async end(): Promise<{ code: number; reason: string; wasClean: boolean }> {
    return await condition("a closed WebSocket", () => this.closed);
  }
}

const handshake =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

describe("WebSocket through listener native", () => {
  let backend: WebSocketBackend;
  let router: Router;
  let server: RunningServer;
  const log: string[] = [];
  const port = (): number => server.port;
  const frame = async (number: number) => await condition(`frame ${number}`, () => backend.frames[number - 1]);

  before(async () => {
    backend = await WebSocketBackend.start();
    const routes = [{ uri: "localhost", port: backend.http.port }];
    router = await createRouter({ routes, accessLog: (line) => log.push(line) });
    server = await serve(router, { port: 0, listener: "native" });
  });
  after(async () => {
    await server.close();
    await router.close();
    await backend.http.stop();
  });
  beforeEach(() => {
    backend.clear();
    log.length = 0;
  });

  it("passes text and bytes both ways", async () => {
    backend.onFrame = ({ opcode, payload }, socket) => socket.write(serverFrame(opcode, payload));
    const client = await new Client(port()).open();
    client.socket.send("grüße");
    client.socket.send(new Uint8Array([0, 255, 1]));
    assert.equal(await client.message(1), "grüße");
    assert.deepEqual(await client.message(2), new Uint8Array([0, 255, 1]));
    assert.deepEqual(
      backend.frames.map(({ opcode, masked }) => [opcode, masked]),
      [
        [1, true],
        [2, true],
      ],
    );
    client.socket.close();
    await client.end();
  });

  it("passes large messages whole, and puts fragments together", async () => {
    const client = await new Client(port()).open();
    const large = new Uint8Array(3_000_000).fill(7);
    client.socket.send(large);
    assert.equal((await frame(1)).payload.length, large.length);
    backend.socket!.write(serverFrame(1, "a", false));
    backend.socket!.write(serverFrame(9, "ping"));
    backend.socket!.write(serverFrame(0, "b"));
    assert.equal(await client.message(1), "ab");
    const pong = await frame(2);
    assert.deepEqual([pong.opcode, pong.payload.toString()], [10, "ping"]);
    backend.socket!.write(serverFrame(2, large));
    assert.deepEqual(await client.message(2), large);
    client.socket.close();
    await client.end();
  });

  it("delivers what the backend says right behind its 101", async () => {
    backend.early = serverFrame(1, "early");
    const client = await new Client(port()).open();
    assert.equal(await client.message(1), "early");
    client.socket.close();
    await client.end();
  });

  for (const [code, reason] of [
    [1000, ""],
    [4001, "bye"],
  ] as const) {
    it(`passes the client's close code ${code}`, async () => {
      const client = await new Client(port()).open();
      client.socket.close(code, reason);
      const { opcode, payload } = await frame(1);
      assert.equal(opcode, 8);
      assert.deepEqual(payload, closeBytes(code, reason));
      backend.socket!.end(serverFrame(8, payload));
      assert.equal((await client.end()).code, code);
    });
  }

  for (const [code, reason] of [
    [1001, "going"],
    [1011, "fault"],
    [4999, "mine"],
  ] as const) {
    it(`passes the backend's close code ${code}`, async () => {
      const client = await new Client(port()).open();
      backend.socket!.write(serverFrame(8, closeBytes(code, reason)));
      const end = await client.end();
      assert.deepEqual([end.code, end.reason], [code, reason]);
      assert.deepEqual((await frame(1)).payload, closeBytes(code, reason));
    });
  }

  it("passes a close without code", async () => {
    const client = await new Client(port()).open();
    backend.socket!.write(serverFrame(8, ""));
    assert.ok([1000, 1005].includes((await client.end()).code));
  });

  it("ends the client's side when the backend's connection breaks", async () => {
    const client = await new Client(port()).open();
    backend.socket!.destroy();
    assert.ok([1006, 1011].includes((await client.end()).code));
  });

  it("ends the backend's side when the client's connection breaks", async () => {
    const connection = await Connection.open(port(), `GET /ws HTTP/1.1\r\nHost: localhost\r\n${handshake}\r\n`);
    assert.equal((await connection.response(true)).status, 101);
    connection.close();
    await condition("the end of the backend's connection", () => backend.socket?.destroyed || undefined);
  });

  it("ends both sides when the backend does not keep to the protocol", async () => {
    const client = await new Client(port()).open();
    backend.socket!.write(Buffer.from([0xf1, 0]));
    assert.equal((await client.end()).code, 1002);
    assert.deepEqual((await frame(1)).payload.subarray(0, 2), closeBytes(1002));
  });

  it("agrees on the subprotocol that the backend chose, and on no extension", async () => {
    backend.lines = ["Sec-WebSocket-Protocol: b"];
    const client = await new Client(port(), ["a", "b"]).open();
    assert.equal(client.socket.protocol, "b");
    assert.equal(client.socket.extensions, "");
    const seen = await backend.http.request(1);
    assert.equal(seen.header("sec-websocket-protocol")?.replaceAll(" ", ""), "a,b");
    assert.equal(seen.header("sec-websocket-extensions"), undefined);
    client.socket.close();
    await client.end();
  });

  it("passes further lines of the backend's 101", async () => {
    backend.lines = ["Set-Cookie: a=1", "X-Mine: 1"];
    const connection = await Connection.open(port(), `GET /ws HTTP/1.1\r\nHost: localhost\r\n${handshake}\r\n`);
    const answer = await connection.response(true);
    assert.equal(answer.status, 101);
    assert.equal(answer.header("set-cookie"), "a=1");
    assert.equal(answer.header("x-mine"), "1");
    assert.notEqual(answer.header("x-vcap-request-id"), undefined);
    assert.equal(answer.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    connection.close();
  });

  it("gives back the backend's refusal", async () => {
    const { answer } = backend.http;
    backend.http.answer = () => ok("no", "X-Why: so").replace("200 OK", "403 Forbidden");
    const refusal = await exchange(port(), `GET /ws HTTP/1.1\r\nHost: localhost\r\n${handshake}\r\n`);
    backend.http.answer = answer;
    assert.equal(refusal.status, 403);
    assert.equal(refusal.header("x-why"), "so");
    assert.equal(refusal.body, "no");
  });

  it("logs a WebSocket at its end", async () => {
    const client = await new Client(port()).open();
    assert.equal(log.length, 0);
    client.socket.close(1000);
    await frame(1);
    backend.socket!.end(serverFrame(8, closeBytes(1000)));
    assert.match(await condition("the access log line", () => log[0]), /"GET \/ws HTTP\/1\.1" 101 0 0 /);
  });

  it("holds a fast backend back when the client is slow", async () => {
    const connection = await Connection.open(port());
    connection.write(`GET /ws HTTP/1.1\r\nHost: localhost\r\n${handshake}\r\n`);
    await connection.response(true);
    connection.socket.pause();
    const piece = serverFrame(2, new Uint8Array(0x10000));
    const total = 200 * 1024 * 1024;
    let sent = 0;
    const { socket } = backend;
    const more = (): void => {
      while (!socket!.destroyed && sent < total) {
        sent += piece.length;
        if (!socket!.write(piece)) {
          socket!.once("drain", more);
          return;
        }
      }
    };
    more();
    let last = -1;
    await condition("a backend that has to wait", async () => {
      const still = sent === last;
      last = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return still || undefined;
    });
    connection.close();
    assert.ok(sent < 60 * 1024 * 1024, `${sent} bytes were taken from the backend`);
  });

  kept(
    "a fast WebSocket client is held back when the backend is slow",
    {
      bun: "a WebSocket cannot be paused; after 16 MiB both sides are closed with 1013",
      deno: "a WebSocket cannot be paused; after 16 MiB both sides are closed with 1013",
    },
    async () => {
      const client = await new Client(port()).open();
      backend.socket!.pause();
      for (let i = 0; i < 60; i++) client.socket.send(new Uint8Array(0x100000));
      const end = await condition(
        "time for the messages to pass, or an end",
        () => client.closed ?? undefined,
        1500,
      ).catch(() => undefined);
      backend.socket!.resume();
      if (end === undefined) {
        await condition("all messages", () => backend.frames.length >= 60 || undefined);
        client.socket.close();
      }
      assert.equal(end, undefined);
    },
  );
});
