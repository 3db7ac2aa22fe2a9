import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { Transport } from "../../../src/core/forwarding/transport.ts";
import { Endpoint } from "../../../src/core/routing/endpoint.ts";
import { sourceOf } from "../../../src/wire/body.ts";
import { TimerWheel } from "../../../src/wire/timer-wheel.ts";
import { createTransport, type TransportOptions } from "../../../src/wire/transport.ts";
import { plainOptions, TestOutgoing, TestSink, TestSource, watch } from "../../fixtures/client-rig.ts";
import { Patience } from "../../fixtures/patience.ts";

/** Resolves when the condition holds; fails when patience ends. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const patience = new Patience(20_000);
  while (!condition()) {
    if (patience.over) throw new Error(`waited for ${what} in vain`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A backend on a real socket that answers what its script says. */
class Backend {
  readonly sockets = new Set<Socket>();
  accepted = 0;
  readonly #server: Server;
  endpoint: Endpoint;

  private constructor(server: Server) {
    this.#server = server;
    this.endpoint = new Endpoint({ host: "127.0.0.1", port: (server.address() as { port: number }).port });
  }

  static start(script: (socket: Socket, request: string) => void): Promise<Backend> {
    return new Promise((resolve) => {
      const server = createServer({ noDelay: true }, (socket) => {
        backend.accepted++;
        backend.sockets.add(socket);
        socket.on("close", () => backend.sockets.delete(socket));
        socket.on("error", () => {});
        socket.on("data", (bytes) => script(socket, bytes.toString("latin1")));
      });
      let backend: Backend;
      server.listen(0, "127.0.0.1", () => {
        backend = new Backend(server);
        resolve(backend);
      });
    });
  }

  stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

const transportWith = (options: Partial<TransportOptions> = {}): Transport =>
  createTransport(runtime, new TimerWheel(runtime.clock), { ...plainOptions, ...options });

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/** Reads a body to its end, whatever that is. */
async function drain(response: object): Promise<TestSink> {
  const sink = new TestSink(false);
  sourceOf(response)!.start(sink);
  await until(() => sink.ends > 0 || sink.failure !== undefined, "the end of a body");
  return sink;
}

describe("transport over sockets", () => {
  const transport = transportWith();
  let backend: Backend;
  before(async () => {
    backend = await Backend.start((socket, request) => {
      if (request.startsWith("GET /reset")) socket.resetAndDestroy();
      else if (request.startsWith("GET /end")) socket.end();
      else if (request.startsWith("GET /last")) socket.end(ok);
      else if (request.startsWith("GET /cut")) socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi");
      else if (request.startsWith("GET /close")) socket.end("HTTP/1.1 200 OK\r\n\r\nhello");
      else if (request.startsWith("GET /silent")) return;
      else if (request.startsWith("GET /switch")) {
        socket.write("HTTP/1.1 101 Sure\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly");
        socket.removeAllListeners("data");
        socket.pipe(socket);
      } else socket.write(ok);
    });
  });
  after(() => backend.stop());
  const get = (target: string, timeoutMs = 0): TestOutgoing => new TestOutgoing("GET", target, { timeoutMs });

  it("uses one connection for requests in a row", async () => {
    const before = backend.accepted;
    for (let i = 0; i < 50; i++) {
      const outgoing = get("/");
      const response = await transport.send(backend.endpoint, outgoing);
      assert.equal((await drain(response)).bytes, 2);
      assert.equal(outgoing.attempt.reused, i > 0);
      assert.match(outgoing.attempt.localAddress, /^127\.0\.0\.1:\d+$/);
      if (i === 0) assert.ok(outgoing.attempt.dialMs >= 0);
    }
    assert.equal(backend.accepted - before, 1);
  });

  it("serves 200 requests at once, and keeps no more connections than it may", async () => {
    const own = transportWith({ maxIdlePerEndpoint: 10 });
    const endpoint = new Endpoint({ host: "127.0.0.1", port: backend.endpoint.port });
    const sinks = await Promise.all([...Array(200)].map(async () => drain(await own.send(endpoint, get("/")))));
    assert.equal(sinks.filter((sink) => sink.bytes === 2 && sink.ends === 1).length, 200);
    transport.forget(backend.endpoint);
    await until(() => backend.sockets.size <= 10, "surplus connections to close");
    own.forget(endpoint);
    await until(() => backend.sockets.size === 0, "all connections to close");
  });

  it("tells an end, a reset, a cut and an end that was meant apart", async () => {
    const failing = async (target: string): Promise<string> => {
      const error = await transport.send(backend.endpoint, get(target)).then(
        () => undefined,
        (failure: Error & { kind: string }) => failure,
      );
      return `${error?.kind}: ${error?.message.replaceAll(/\d+\.\d+\.\d+\.\d+:\d+/g, "A")}`;
    };
    assert.equal(await failing("/end"), "eof: EOF");
    assert.equal(await failing("/reset"), "reset: read tcp A->A: read: connection reset by peer");
    const cut = await drain(await transport.send(backend.endpoint, get("/cut")));
    assert.equal(cut.failure!.kind, "body-cut");
    const whole = await drain(await transport.send(backend.endpoint, get("/close")));
    assert.deepEqual([whole.bytes, whole.ends], [5, 1]);
  });

  it("survives a backend that closes its idle connections", async () => {
    for (let i = 0; i < 20; i++) {
      await drain(await transport.send(backend.endpoint, get("/last")));
      const outgoing = get("/");
      assert.equal((await drain(await transport.send(backend.endpoint, outgoing))).bytes, 2);
      assert.equal(outgoing.attempt.reused, false);
    }
  });

  it("says refused when nobody listens", async () => {
    const gone = await Backend.start(() => {});
    await gone.stop();
    const { port } = gone.endpoint;
    await assert.rejects(transport.send(gone.endpoint, get("/")), {
      kind: "dial",
      retry: "always",
      message: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
  });

  it("gives up at the deadline and when the client is gone, and closes the connection", async () => {
    transport.forget(backend.endpoint);
    await until(() => backend.sockets.size === 0, "earlier connections to close");
    await assert.rejects(transport.send(backend.endpoint, get("/silent", 60)), { kind: "deadline" });
    const outgoing = get("/silent");
    const result = watch(transport.send(backend.endpoint, outgoing));
    await until(() => outgoing.attempt.wroteHead, "the request to be written");
    outgoing.abort("client-gone");
    await until(() => result.failure !== undefined, "the rejection");
    assert.equal(result.failure!.kind, "client-gone");
    await until(() => backend.sockets.size === 0, "the connections to close");
  });

  it("turns a 101 into a byte stream both ways", async () => {
    const upgrade: [string, string][] = [
      ["Connection", "Upgrade"],
      ["Upgrade", "echo"],
    ];
    const sent = new TestOutgoing("GET", "/switch", { upgrade: true, headers: upgrade });
    const { tunnel } = await Promise.resolve(transport.send(backend.endpoint, sent)).then((got) => ({
      tunnel: got as unknown as NonNullable<ReturnType<typeof watch>["tunnel"]>,
    }));
    let heard = runtime.latin1(tunnel.early, 0, tunnel.early.length);
    let closed = false;
    tunnel.tunnel.handler = {
      data(bytes) {
        heard += runtime.latin1(bytes, 0, bytes.length);
      },
      drained() {},
      ended() {},
      closed() {
        closed = true;
      },
    };
    tunnel.tunnel.resume();
    tunnel.tunnel.writeText("hello");
    await until(() => heard === "earlyhello", "the echo");
    tunnel.tunnel.destroy();
    await until(() => closed, "the tunnel to close");
  });
});

describe("transport over sockets: large bodies", () => {
  const size = 100 * 1024 * 1024;
  /**
   * How far the sending end may be ahead of the reading one: what the kernel holds of two sockets. Told by counting, as
   * resident memory also holds what an engine leaves to its collector.
   */
  const kernelHolds = 32 * 1024 * 1024;

  /** So much is read before the reader pauses. It goes on when the sender cannot: no clock says how slow it is. */
  const readAtATime = 4 * 1024 * 1024;

  it("takes 100 MB from the backend at the speed of a slow reader, hardly ahead of it", async () => {
    const piece = Buffer.alloc(256 * 1024, 7);
    let left = size;
    let blocked = false;
    const backend = await Backend.start((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      const more = (): void => {
        while (left > 0) {
          left -= piece.length;
          blocked = !socket.write(piece);
          if (blocked) {
            socket.once("drain", more);
            return;
          }
        }
      };
      more();
    });
    const transport = transportWith();
    const response = await transport.send(backend.endpoint, new TestOutgoing("GET", "/"));
    let ahead = 0;
    const source = sourceOf(response)!;
    const sink = new TestSink(false);
    // Full after every piece; goes on in a later turn of the event loop.
    sink.takesMore = false;
    let readTo = readAtATime;
    sink.onWrite = () => {
      ahead = Math.max(ahead, size - left - sink.bytes);
      if (sink.bytes < readTo) {
        setImmediate(() => source.resume());
        return;
      }
      readTo += readAtATime;
      void until(() => blocked || left === 0, "the backend to be stopped").then(() => source.resume());
    };
    source.start(sink);
    await until(() => sink.ends === 1, "the body");
    assert.equal(sink.bytes, size);
    assert.ok(ahead < kernelHolds, `${ahead} bytes ahead`);
    await backend.stop();
  });

  it("gives 100 MB to a backend that reads slowly, hardly ahead of it", async () => {
    let received = 0;
    const backend = await Backend.start(() => {});
    const transport = transportWith();
    const piece = "x".repeat(256 * 1024);
    const source = new TestSource(size);
    let ahead = 0;
    let fed = 0;
    source.resume = () => {
      while (fed < size) {
        fed += piece.length;
        ahead = Math.max(ahead, fed - received);
        if (!source.feed(piece)) return;
      }
      source.sink!.end(undefined);
    };
    const sent = transport.send(backend.endpoint, new TestOutgoing("PUT", "/", { body: source }));
    const result = watch(sent);
    await until(() => backend.sockets.size === 1 && source.sink !== undefined, "the request");
    const [socket] = backend.sockets;
    socket!.removeAllListeners("data");
    let readTo = readAtATime;
    let stops = 0;
    socket!.on("data", (bytes) => {
      received += bytes.length;
      if (received >= size) socket!.write(ok);
      if (received < readTo || received >= size) return;
      readTo += readAtATime;
      socket!.pause();
      void until(() => source.stops > stops || fed >= size, "the source to be stopped").then(() => {
        stops = source.stops;
        socket!.resume();
      });
    });
    source.resume();
    await until(() => result.response !== undefined, "the answer");
    assert.ok(received >= size);
    assert.ok(source.stops > 10, "the source was stopped again and again");
    assert.ok(ahead < kernelHolds, `${ahead} bytes ahead`);
    await drain(result.response!);
    await backend.stop();
  });
});
