import assert from "node:assert/strict";
import { connect as dial, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { WebSocket } from "ws";
import { runtime } from "#runtime";
import { type EmbeddedBus, startEmbeddedBus } from "../../../src/bus/embedded/server.ts";
import { Lines, until } from "./bus-rig.ts";

/** A raw client: what it got is in `said`. */
class RawClient {
  said = "";
  over = false;
  readonly socket: Socket;
  constructor(port: number) {
    this.socket = dial(port, "127.0.0.1");
    this.socket.on("data", (bytes) => {
      this.said += bytes.toString("latin1");
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.over = true;
    });
  }
  send(text: string): void {
    this.socket.write(text, "latin1");
  }
  hears(text: string): Promise<void> {
    return until(`it hears ${JSON.stringify(text)}; it heard ${JSON.stringify(this.said)}`, () =>
      this.said.includes(text),
    );
  }
  cut(): Promise<void> {
    return until("it is cut", () => this.over);
  }
  /** What was said after INFO. */
  get answers(): string {
    return this.said.slice(this.said.indexOf("\r\n") + 2);
  }
}

const start = (options: Parameters<typeof startEmbeddedBus>[2] = {}, lines = new Lines()): Promise<EmbeddedBus> =>
  startEmbeddedBus(runtime, lines, { port: 0, webSocketPort: 0, ...options });

describe("embedded NATS server, byte by byte", () => {
  let server: EmbeddedBus;
  const clients: RawClient[] = [];
  const client = (port = server.port): RawClient => {
    const one = new RawClient(port);
    clients.push(one);
    return one;
  };
  before(async () => {
    server = await start();
  });
  after(async () => {
    for (const one of clients) one.socket.destroy();
    await server.close();
  });

  it("introduces itself before anything else", async () => {
    const one = client();
    await one.hears("\r\n");
    assert.match(one.said, /^INFO \{.*\}\r\n$/);
    const info = JSON.parse(one.said.slice(5)) as Record<string, unknown>;
    const { server_id, client_id, ...rest } = info;
    assert.match(String(server_id), /^[0-9A-F]{32}$/);
    assert.equal(typeof client_id, "number");
    assert.deepEqual(rest, {
      server_name: "causeway",
      version: "2.9.0",
      proto: 1,
      host: "127.0.0.1",
      port: server.port,
      headers: true,
      max_payload: 65536,
      client_ip: "127.0.0.1",
    });
  });

  it("confirms in verbose mode", async () => {
    const one = client();
    one.send('CONNECT {"verbose":true}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nUNSUB 1\r\nPING\r\n');
    await one.hears("PONG\r\n");
    assert.equal(one.answers, "+OK\r\n+OK\r\n+OK\r\nMSG a 1 2\r\nhi\r\n+OK\r\nPONG\r\n");
  });

  it("does not echo to a client that asked for that", async () => {
    const one = client();
    const other = client();
    other.send('CONNECT {"verbose":false}\r\nSUB e 7\r\nPING\r\n');
    await other.hears("PONG");
    one.send('CONNECT {"verbose":false,"echo":false}\r\nSUB e 1\r\nPUB e 1\r\nx\r\nPING\r\n');
    await one.hears("PONG");
    await other.hears("MSG e 7 1\r\nx\r\n");
    assert.equal(one.answers, "PONG\r\n");
  });

  it("checks published subjects in pedantic mode only", async () => {
    const one = client();
    one.send('CONNECT {"pedantic":true}\r\nPUB a.* 0\r\n\r\nPING\r\n');
    await one.hears("PONG");
    assert.match(one.answers, /-ERR 'Invalid Publish Subject'\r\nPONG\r\n$/);
    const lax = client();
    lax.send("CONNECT {}\r\nPUB a.* 0\r\n\r\nSUB a..b 1\r\nPING\r\n");
    await lax.hears("PONG");
    assert.equal(lax.answers, "-ERR 'Invalid Subject'\r\nPONG\r\n");
  });

  it("ends a subscription after the announced number of messages", async () => {
    const one = client();
    one.send('CONNECT {"verbose":false}\r\nSUB m 1\r\nUNSUB 1 2\r\n');
    for (const text of ["a", "b", "c"]) one.send(`PUB m 1\r\n${text}\r\n`);
    one.send("PING\r\n");
    await one.hears("PONG");
    assert.equal(one.answers, "MSG m 1 1\r\na\r\nMSG m 1 1\r\nb\r\nPONG\r\n");
  });

  it("passes headers to those who know them and tells a requester that nobody listens", async () => {
    const one = client();
    one.send('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB h 1\r\nSUB inbox 2\r\n');
    one.send("HPUB h 16 18\r\nNATS/1.0\r\na: b\r\n\r\n".replace("16 18", "18 20"));
    one.send("hi\r\nPUB nobody inbox 0\r\n\r\nPING\r\n");
    await one.hears("PONG");
    const block = "NATS/1.0\r\na: b\r\n\r\n";
    const nobody = "NATS/1.0 503\r\n\r\n";
    assert.equal(block.length, 18);
    assert.equal(
      one.answers,
      `HMSG h 1 18 20\r\n${block}hi\r\nHMSG inbox 2 ${nobody.length} ${nobody.length}\r\n${nobody}\r\nPONG\r\n`,
    );
  });

  for (const [what, input, error] of [
    ["another protocol", "GET / HTTP/1.1\r\n", "Unknown Protocol Operation"],
    ["an unknown operation", "PUBLISH a 1\r\n", "Unknown Protocol Operation"],
    ["a line without end", `SUB ${"a".repeat(5000)}`, "Maximum Control Line Exceeded"],
    ["a payload over the limit", "PUB a 65537\r\n", "Maximum Payload Violation"],
    ["a payload that is longer than announced", "PUB a 2\r\nlonger\r\n", "Parser Error"],
    ["a size that is no number", "PUB a x\r\n", "Parser Error"],
    ["options that are no JSON", "CONNECT {\r\n", "Parser Error"],
  ] as const) {
    it(`refuses ${what}, and says so`, async () => {
      const one = client();
      one.send(input);
      await one.cut();
      assert.equal(one.answers, `-ERR '${error}'\r\n`);
    });
  }

  it("demands a CONNECT with the right credentials first", async () => {
    const guarded = await start({ user: "u", pass: "p" });
    const early = client(guarded.port);
    early.send("SUB a 1\r\n");
    await early.cut();
    assert.equal(early.answers, "-ERR 'Authorization Violation'\r\n");
    assert.match(early.said, /"auth_required":true/);
    const silent = client(guarded.port);
    await silent.cut();
    assert.equal(silent.answers, "-ERR 'Authentication Timeout'\r\n");
    await guarded.close();
  });

  it("cuts a consumer that does not keep up, and nobody else", async () => {
    const small = await start({ maxPending: 1 << 20 });
    const slow = client(small.port);
    slow.send('CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n');
    await slow.hears("PONG");
    slow.socket.pause();
    const sender = client(small.port);
    sender.send('CONNECT {"verbose":false}\r\n');
    const message = `PUB flood 60000\r\n${"x".repeat(60_000)}\r\n`;
    for (let i = 0; i < 400; i++) sender.send(message);
    sender.send("PING\r\n");
    await sender.hears("PONG");
    slow.socket.resume();
    await slow.cut();
    assert.ok(slow.said.length < 400 * 60_000, "not everything was kept for it");
    assert.equal(sender.over, false);
    await small.close();
  });

  it("refuses clients above the limit", async () => {
    const lines = new Lines();
    const one = await start({ maxClients: 1 }, lines);
    const first = client(one.port);
    await first.hears("INFO");
    const second = client(one.port);
    await second.cut();
    assert.equal(second.said, "-ERR 'maximum connections exceeded'\r\n");
    assert.ok(lines.lines.includes('embedded-nats-too-many-clients {"limit":1}'));
    await one.close();
  });

  it("cuts a client that leaves its pings unanswered", async () => {
    const eager = await start({ pingIntervalMs: 30 });
    const dead = client(eager.port);
    await dead.cut();
    assert.equal(dead.answers, "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
    await eager.close();
  });

  it("names a port that is taken", async () => {
    await assert.rejects(start({ port: server.port }), {
      message: `cannot start the embedded NATS server: TCP 127.0.0.1:${server.port}: the port is taken, perhaps by another NATS server; set nats.embedded_port to another port or use that server by nats.hosts`,
    });
    await assert.rejects(start({ webSocketPort: server.webSocketPort }), {
      message: `cannot start the embedded NATS server: WebSocket 127.0.0.1:${server.webSocketPort}: the port is taken, perhaps by another NATS server; set nats.embedded_websocket_port to another port or use that server by nats.hosts`,
    });
  });
});

describe("WebSocket port of the embedded NATS server", () => {
  let server: EmbeddedBus;
  before(async () => {
    server = await start({ origins: ["https://good.example"] });
  });
  after(() => server.close());

  const opens = (headers: Record<string, string>): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.webSocketPort}/`, { headers });
      socket.on("open", () => {
        resolve(true);
        socket.terminate();
      });
      socket.on("error", () => resolve(false));
    });

  it("lets in a client that is no web page, and listed web pages", async () => {
    assert.equal(await opens({}), true);
    assert.equal(await opens({ Origin: "https://good.example" }), true);
  });

  it("refuses other web pages, and names that are not loopback", async () => {
    assert.equal(await opens({ Origin: "https://evil.example" }), false);
    assert.equal(await opens({ Origin: "null" }), false);
    assert.equal(await opens({ Host: `rebound.example:${server.webSocketPort}` }), false);
  });
});
