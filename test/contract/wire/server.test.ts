import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Hono } from "hono";
import { runtime } from "#runtime";
import type { ResponseLike } from "../../../src/core/message.ts";
import type { ByteStream, ByteStreamHandler } from "../../../src/runtime/interface/byte-stream.ts";
import type { StreamError } from "../../../src/runtime/interface/stream-error.ts";
import { type BodySink, type BodySource, sourceOf } from "../../../src/wire/body.ts";
import { HeaderLines } from "../../../src/wire/header-lines.ts";
import { type Server, serve } from "../../../src/wire/server.ts";
import { fetchHandler } from "../../../src/wire/server-fetch.ts";
import type { Handler } from "../../../src/wire/server-options.ts";
import { TimerWheel } from "../../../src/wire/timer-wheel.ts";
import { issue, makeAuthority } from "../../fixtures/certificates.ts";

const megabyte = 1024 * 1024;
const large = 100 * megabyte;
/** Sent again and again; nobody changes it. */
const block = new Uint8Array(64 * 1024).fill(0x61);

/** Resolves when the condition holds; looks after each turn of the event loop. */
async function until(what: string, holds: () => boolean, seconds = 30): Promise<void> {
  const end = runtime.clock.monotonic() + seconds * 1000;
  while (!holds()) {
    if (runtime.clock.monotonic() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A plain client on a real socket. */
class Client implements ByteStreamHandler {
  text = "";
  bytes = 0;
  keep = true;
  sawEnd = false;
  sawClose = false;
  full = false;
  stream!: ByteStream;

  static async connect(server: Server): Promise<Client> {
    const client = new Client();
    client.stream = await runtime.connect({ host: "127.0.0.1", port: server.port }, client);
    return client;
  }

  data(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    if (this.keep) this.text += runtime.latin1(bytes, 0, bytes.length);
  }

  drained(): void {
    this.full = false;
  }

  ended(): void {
    this.sawEnd = true;
  }

  closed(_cause: StreamError | undefined): void {
    this.sawClose = true;
  }

  /** Sends, and resolves with what came when `end` is at its end. */
  async say(text: string, end: string): Promise<string> {
    this.stream.writeText(text);
    await until(`an answer that ends in ${JSON.stringify(end)}`, () => this.text.endsWith(end));
    const { text: answer } = this;
    this.text = "";
    return answer;
  }
}

/** Gives `length` bytes as fast as they are taken. */
class Flood implements BodySource {
  readonly length: number;
  taken = false;
  given = 0;
  cancelled = false;
  #sink: BodySink | undefined;

  constructor(length: number) {
    this.length = length;
  }

  start(sink: BodySink): void {
    this.taken = true;
    this.#sink = sink;
    this.resume();
  }

  resume(): void {
    while (this.#sink !== undefined) {
      if (this.given === this.length) {
        const sink = this.#sink;
        this.#sink = undefined;
        sink.end(undefined);
        return;
      }
      const bytes = block.subarray(0, Math.min(block.length, this.length - this.given));
      this.given += bytes.length;
      if (!this.#sink.write(bytes)) return;
    }
  }

  cancel(): void {
    this.cancelled = true;
    this.#sink = undefined;
  }
}

function text(content: string): ResponseLike {
  const headers = HeaderLines.from([["Content-Length", String(content.length)]]);
  return { status: 200, statusText: "OK", headers, body: null, content };
}

const floods: Flood[] = [];
/** Bodies that are being uploaded; the test lets them go on. */
const uploads: { source: BodySource; bytes: number; stop: boolean }[] = [];

const app = new Hono();
app.get("/hono/:name", (context) => context.text(`hello ${context.req.param("name")}`, 200));
app.post("/hono", async (context) => context.json(await context.req.json()));
const hono = fetchHandler(app.fetch);

const handler: Handler = (request, client) => {
  if (client.target.startsWith("/hono")) return hono(request, client);
  if (client.target === "/down" || client.target === "/down-chunked") {
    const source = new Flood(large);
    floods.push(source);
    const headers = new HeaderLines();
    if (client.target === "/down") headers.append("Content-Length", String(large));
    const announced = client.target === "/down" ? source : Object.assign(source, { length: large });
    return { status: 200, statusText: "OK", headers, body: null, source: announced } as ResponseLike;
  }
  if (client.target === "/up") {
    return new Promise((resolve) => {
      const upload = { source: sourceOf(request)!, bytes: 0, stop: false };
      uploads.push(upload);
      upload.source.start({
        write(bytes) {
          upload.bytes += bytes.length;
          return !upload.stop;
        },
        end: () => resolve(text(`got ${upload.bytes}`)),
        fail: (failure) => resolve(text(failure.kind)),
      });
    });
  }
  return text(`${client.target} ${client.remoteAddress} ${client.localPort}`);
};

describe("server on real sockets", () => {
  let server: Server;
  before(async () => {
    const options = {
      listen: { host: "127.0.0.1", port: 0 },
      limits: { maxBytes: 64 * 1024, maxLines: 0 },
      idleTimeoutMs: 60_000,
      readHeaderTimeoutMs: 0,
      onError: (error: unknown) => console.error(error),
    };
    server = await serve(runtime, new TimerWheel(runtime.clock), options, handler);
  });
  after(async () => {
    server.destroy();
    await server.stopAccepting();
  });

  it("keeps the connection, and counts it", async () => {
    const client = await Client.connect(server);
    for (let i = 0; i < 100; i++) {
      const answer = await client.say(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`, `/${i} 127.0.0.1 ${server.port}`);
      assert.match(answer, /^HTTP\/1.1 200 OK\r\nDate: [A-Z][a-z]{2}, [^\r]* GMT\r\nContent-Length: \d+\r\n\r\n/);
    }
    assert.equal(server.idleConnections, 1);
    client.stream.end();
    await until("the close", () => client.sawClose);
    await until("no connection left", () => server.idleConnections === 0);
  });

  it("serves pipelined requests", async () => {
    const client = await Client.connect(server);
    const requests = Array.from({ length: 1000 }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join("");
    const answers = await client.say(requests, `/999 127.0.0.1 ${server.port}`);
    assert.equal(answers.split("HTTP/1.1 200 OK").length, 1001);
    client.stream.destroy();
  });

  it("lets a refused client read its answer although it goes on sending", async () => {
    const client = await Client.connect(server);
    client.stream.writeText("GET / HTTP/1.1\r\n\r\n");
    for (let i = 0; i < 16; i++) client.stream.write(block);
    await until("the end", () => client.sawEnd);
    assert.match(client.text, /^HTTP\/1.1 400 Bad Request: missing required Host header\r\n/);
    client.stream.destroy();
  });

  it("sends 100 MB down with bounded memory, beside a slow reader that gets all of it", async () => {
    const slow = await Client.connect(server);
    const fast = await Client.connect(server);
    slow.keep = false;
    fast.keep = false;
    const before = runtime.residentBytes();
    floods.length = 0;
    slow.stream.writeText("GET /down HTTP/1.1\r\nHost: a\r\n\r\n");
    await until("the slow reader's first bytes", () => slow.bytes > 0);
    slow.stream.pause();
    fast.stream.writeText("GET /down HTTP/1.1\r\nHost: a\r\n\r\n");
    await until("100 MB", () => fast.bytes > large);
    assert.ok(floods[0]!.given < 20 * megabyte, `${floods[0]!.given} bytes were taken for a reader that does not read`);
    const grown = runtime.residentBytes() - before;
    assert.ok(grown < 160 * megabyte, `grown by ${Math.round(grown / megabyte)} MB`);
    slow.stream.resume();
    await until("the slow reader's 100 MB", () => slow.bytes > large);
    await until("both idle", () => server.activeConnections === 0);
    slow.stream.destroy();
    fast.stream.destroy();
  });

  it("takes 100 MB up with bounded memory, also when the handler stops reading for a while", async () => {
    const client = await Client.connect(server);
    const before = runtime.residentBytes();
    uploads.length = 0;
    client.stream.writeText(`POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${large}\r\n\r\n`);
    await until("the upload", () => uploads.length === 1);
    const upload = uploads[0]!;
    upload.stop = true;
    for (let sent = 0; sent < large; sent += block.length) {
      if (!client.stream.write(block)) {
        client.full = true;
        if (upload.stop) {
          // What the kernel takes in between is bounded; look until nothing moves for a while.
          let seen = -1;
          for (let still = 0; still < 50; still++) {
            if (seen !== upload.bytes) still = 0;
            seen = upload.bytes;
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
          assert.ok(upload.bytes < 8 * megabyte, `${upload.bytes} bytes were read ahead`);
          upload.stop = false;
          upload.source.resume();
        }
        await until("the upload to go on", () => !client.full);
      }
    }
    await until("the answer", () => client.text.endsWith(`got ${large}`));
    const grown = runtime.residentBytes() - before;
    assert.ok(grown < 160 * megabyte, `grown by ${Math.round(grown / megabyte)} MB`);
    client.stream.destroy();
  });

  it("gives the source up when the reader resets", async () => {
    const client = await Client.connect(server);
    client.keep = false;
    floods.length = 0;
    client.stream.writeText("GET /down HTTP/1.1\r\nHost: a\r\n\r\n");
    await until("the first bytes", () => client.bytes > 0);
    client.stream.reset();
    await until("the cancel", () => floods[0]!.cancelled);
    await until("no active connection", () => server.activeConnections === 0);
  });

  it("serves TLS alike, and knows its facts", async () => {
    const authority = makeAuthority();
    const keyPair = issue(authority, { names: ["secure.test"] });
    const options = {
      listen: { host: "127.0.0.1", port: 0, tls: { keyPairs: [keyPair], clientCertificates: "none" as const } },
      limits: { maxBytes: 64 * 1024, maxLines: 0 },
      idleTimeoutMs: 60_000,
      readHeaderTimeoutMs: 0,
    };
    const secure = await serve(runtime, new TimerWheel(runtime.clock), options, (request, facts) =>
      text(`${request.url} ${facts.tls?.version} ${facts.tls?.serverName}`),
    );
    const client = new Client();
    const tls = { serverName: "secure.test", authorities: [authority.certificate] };
    client.stream = await runtime.connect({ host: "127.0.0.1", port: secure.port, tls }, client);
    const request = "GET /x HTTP/1.1\r\nHost: secure.test\r\n\r\n";
    for (let i = 0; i < 3; i++)
      assert.match(await client.say(request, " secure.test"), /https:\/\/secure.test\/x TLSv1.3/);
    const last = await client.say(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), " secure.test");
    assert.match(last, /\r\nConnection: close\r\n/);
    await until("the end", () => client.sawEnd || client.sawClose);
    client.stream.destroy();
    secure.destroy();
    await secure.stopAccepting();
  });

  it("serves a hono app to the platform's fetch", async () => {
    const origin = `http://127.0.0.1:${server.port}`;
    const hello = await fetch(`${origin}/hono/x%20y`);
    assert.equal(await hello.text(), "hello x y");
    assert.match(hello.headers.get("content-type") ?? "", /^text\/plain/);
    assert.equal((await fetch(`${origin}/hono`)).status, 404);
    const body = JSON.stringify({ a: "ü" });
    const echo = await fetch(`${origin}/hono`, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json" },
    });
    assert.deepEqual(await echo.json(), { a: "ü" });
    const client = await Client.connect(server);
    assert.match(await client.say("TRACE /hono HTTP/1.1\r\nHost: a\r\n\r\n", "0\r\n\r\n"), /^HTTP\/1.1 501 /);
    client.stream.destroy();
  });
});
