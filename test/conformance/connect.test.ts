import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, exchange } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

/** A server that greets, then sends everything back in upper case; `bye` ends it. */
class Shouter {
  readonly sockets: Socket[] = [];
  readonly #server: Server;
  port = 0;

  constructor() {
    this.#server = createServer({ allowHalfOpen: false }, (socket) => {
      this.sockets.push(socket);
      socket.on("error", () => {});
      socket.write("220 hello\r\n");
      socket.on("data", (bytes) => {
        const text = bytes.toString("latin1");
        if (text.includes("bye")) socket.end("BYE");
        else socket.write(Buffer.from(text.toUpperCase(), "latin1"));
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.port = (this.#server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

const connect = (authority: string, ...lines: string[]): string =>
  `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

describe("CONNECT as today (data-plane §6.5)", () => {
  it("is looked up by authority, proxied and answered like any request", async () => {
    const backend = await Backend.start(() => ok("no tunnel"));
    const router = await startRouter("embedded", { disable_keep_alives: false });
    try {
      await router.register({ uris: ["a.b"], port: backend.port });
      const connection = await Connection.open(router.port, connect("A.b:443", "X-Here: 1"));
      const answer = await connection.response();
      assert.deepEqual([answer.status, answer.body], [200, "no tunnel"]);
      const seen = await backend.request(1);
      assert.equal(seen.requestLine, "CONNECT A.b:443 HTTP/1.1");
      assert.deepEqual([seen.header("host"), seen.header("x-here")], ["A.b:443", "1"]);
      connection.write(connect("other.example:443"));
      assert.equal((await connection.response()).status, 404);
      connection.close();
      const line = await router.accessLogged((text) => text.startsWith("A.b:443 "));
      assert.match(line, /"CONNECT \/ HTTP\/1\.1" 200 0 9 /);
    } finally {
      await router.stop();
      await backend.stop();
    }
  });
});

describe("CONNECT tunnels (connect.enabled)", () => {
  let router: RouterUnderTest;
  let shouter: Shouter;
  let backend: Backend;
  before(async () => {
    shouter = new Shouter();
    await shouter.start();
    backend = await Backend.start(() => ok("proxied"));
    router = await startRouter("embedded", {
      connect: { enabled: true, routes: ["db.example", "*.tcp.example"] },
      backends: { max_attempts: 3 },
    });
    const { port } = shouter;
    await router.register({ uris: ["db.example", "half.tcp.example", "web.example"], port });
    await router.register({ uris: ["half.tcp.example"], port: await deadPort() });
    await router.register({ uris: ["web.example"], port: backend.port });
    await router.unregister({ uris: ["web.example"], port });
  });
  after(async () => {
    await router?.stop();
    await shouter?.stop();
    await backend?.stop();
  });
  beforeEach(() => {
    shouter.sockets.length = 0;
  });

  it("carry bytes both ways, those behind the head too; logged at the end, which the endpoint makes", async () => {
    const connection = await Connection.open(router.port, `${connect("db.example:5432", "User-Agent: t1")}first `);
    await connection.text("FIRST ");
    connection.write("second\0\u00ff");
    await connection.text("SECOND\0");
    assert.match(
      connection.received,
      /^HTTP\/1\.1 200 Connection Established\r\nX-Vcap-Request-Id: [0-9a-f-]{36}\r\n\r\n220 hello\r\nFIRST SECOND\0/,
    );
    assert.equal(
      router.accessLog().some((line) => line.includes('"t1"')),
      false,
    );
    connection.write("bye");
    assert.ok((await connection.toEnd()).endsWith("BYE"));
    const line = await router.accessLogged((text) => text.includes('"t1"'));
    assert.match(line, /^db\.example:5432 - \[.*\] "CONNECT \/ HTTP\/1\.1" 200 0 0 "-" "t1" /);
    assert.ok(line.includes(`"127.0.0.1:${shouter.port}"`), line);
    connection.close();
  });

  it("end at the endpoint when the client ends", async () => {
    const connection = await Connection.open(router.port, connect("db.example:1"));
    await connection.text("220 hello");
    const [socket] = shouter.sockets;
    connection.socket.end();
    await condition("the end of the endpoint's connection", () => socket!.destroyed || undefined);
    connection.close();
  });

  it("carry 5 MB there and back", async () => {
    const connection = await Connection.open(router.port, connect("db.example:1"));
    await connection.text("220 hello\r\n");
    const head = connection.received.length;
    const block = "abcdefghij".repeat(6400);
    for (let i = 0; i < 80; i++) connection.write(block);
    await connection.waitFor("5 MB", () => connection.received.length >= head + 80 * block.length || undefined, 30_000);
    assert.equal(connection.received.slice(head), block.repeat(80).toUpperCase());
    connection.close();
  });

  it("try the next endpoint when one cannot be dialled", async () => {
    for (let i = 0; i < 3; i++) {
      const connection = await Connection.open(router.port, connect("half.tcp.example:9"));
      await connection.text("220 hello");
      connection.close();
    }
  });

  it("need a route: 404", async () => {
    const answer = await exchange(router.port, connect("none.tcp.example:9"));
    assert.deepEqual([answer.status, answer.header("x-cf-routererror")], [404, "unknown_route"]);
  });

  it("are for the routes on the list: others are proxied as ever", async () => {
    const answer = await exchange(router.port, connect("web.example:443"));
    assert.deepEqual([answer.status, answer.body], [200, "proxied"]);
  });

  it("refuse a body", async () => {
    const answer = await exchange(router.port, `${connect("db.example:1", "Content-Length: 2")}ab`);
    assert.deepEqual([answer.status, answer.body], [400, "400 Bad Request: CONNECT request has a body\n"]);
    assert.equal(shouter.sockets.length, 0);
  });
});
