import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { TLSSocket } from "node:tls";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { ipv4Addresses, version2 } from "../fixtures/proxy-headers.ts";
import { condition } from "./harness/condition.ts";
import { Connection } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const authority = makeAuthority();
const certificate = issue(authority, { names: ["app-1"] });
const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A backend that wants a PROXY header of that many bytes (0: up to the line end) on each connection. */
class ProxiedBackend {
  readonly port: number;
  /** The header of each connection, and what came behind it. */
  readonly heard: { header: string; received: string }[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    const address = server.address();
    this.port = typeof address === "object" ? address!.port : 0;
  }

  static async start(length: number, secure = false): Promise<ProxiedBackend> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const backend = new ProxiedBackend(server);
    server.on("connection", (socket) => backend.#accept(socket, length, secure));
    return backend;
  }

  #accept(socket: Socket, length: number, secure: boolean): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    const read = (): void => {
      const bytes = socket.read() as Buffer | null;
      if (bytes === null) return;
      const end = length || bytes.indexOf("\n") + 1;
      if (end === 0 || bytes.length < end) {
        socket.unshift(bytes);
        return;
      }
      socket.off("readable", read);
      socket.unshift(bytes.subarray(end));
      this.#serve(socket, bytes.toString("latin1", 0, end), secure);
    };
    socket.on("readable", read);
  }

  #serve(socket: Socket, header: string, secure: boolean): void {
    const entry = { header, received: "" };
    this.heard.push(entry);
    const options = { isServer: true, cert: certificate.certificate, key: certificate.key };
    const stream = secure ? new TLSSocket(socket, options) : socket;
    stream.on("error", () => {});
    stream.on("data", (bytes: Buffer) => {
      entry.received += bytes.toString("latin1");
      if (entry.received.endsWith("\r\n\r\n")) stream.write(answer);
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

let router: RouterUnderTest;
const backends: ProxiedBackend[] = [];
before(async () => {
  router = await startRouter("embedded", {
    disable_keep_alives: false,
    ca_certs: [authority.certificate],
    connect: { enabled: true, routes: ["tunnel.test"] },
  });
});
after(async () => {
  await router?.stop();
  for (const backend of backends) await backend.stop();
});

async function start(...parts: Parameters<typeof ProxiedBackend.start>): Promise<ProxiedBackend> {
  const backend = await ProxiedBackend.start(...parts);
  backends.push(backend);
  return backend;
}

async function ask(connection: Connection, host: string): Promise<void> {
  connection.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const { status, body } = await connection.response();
  assert.deepEqual([status, body], [200, "ok"]);
}

describe("PROXY protocol to backends (`options.proxy_protocol`)", () => {
  it("version 1: a header per connection, and a connection per request", async () => {
    const backend = await start(0);
    await router.register({ uris: ["one.test"], port: backend.port, options: { proxy_protocol: "v1" } });
    const first = await Connection.open(router.port);
    const second = await Connection.open(router.port);
    for (const connection of [first, first, second]) await ask(connection, "one.test");
    const line = ({ socket }: Connection): string =>
      `PROXY TCP4 127.0.0.1 127.0.0.1 ${socket.localPort} ${router.port}\r\n`;
    assert.deepEqual(
      backend.heard.map(({ header }) => header),
      [line(first), line(first), line(second)],
    );
    for (const { received } of backend.heard) assert.match(received, /^GET \/ HTTP\/1\.1\r\n/);
    first.close();
    second.close();
  });

  for (const secure of [false, true]) {
    it(`version 2, ${secure ? "before TLS" : "plain"}`, async () => {
      const backend = await start(28, secure);
      const host = secure ? "secure.test" : "two.test";
      const port = secure ? { tls_port: backend.port, server_cert_domain_san: "app-1" } : { port: backend.port };
      await router.register({ uris: [host], ...port, options: { proxy_protocol: "v2" } });
      const connection = await Connection.open(router.port);
      await ask(connection, host);
      const addresses = ipv4Addresses("127.0.0.1", connection.socket.localPort!, "127.0.0.1", router.port);
      assert.equal(backend.heard[0]!.header, version2(1, 0x11, addresses));
      assert.match(backend.heard[0]!.received, /^GET \/ HTTP\/1\.1\r\n/);
      connection.close();
    });
  }

  it("CONNECT tunnels begin with it too", async () => {
    const backend = await start(0);
    await router.register({ uris: ["tunnel.test"], port: backend.port, options: { proxy_protocol: "v1" } });
    const connection = await Connection.open(
      router.port,
      "CONNECT tunnel.test:80 HTTP/1.1\r\nHost: tunnel.test:80\r\n\r\n",
    );
    assert.equal((await connection.response(true)).status, 200);
    connection.write("bytes");
    await condition("bytes", () => backend.heard[0]?.received === "bytes" || undefined);
    assert.match(backend.heard[0]!.header, /^PROXY TCP4 127\.0\.0\.1 /);
    connection.close();
  });

  it("an unknown version is a message that cannot be used", async () => {
    const message = { host: "127.0.0.1", uris: ["odd.test"], port: 1, options: { proxy_protocol: "v3" } };
    router.nats.publish("router.register", JSON.stringify(message));
    const { data } = await router.program.logged("validation-error");
    assert.equal(
      data?.["error"],
      'json: cannot unmarshal string "v3" into Go struct field RegistryMessageOpts.options.proxy_protocol of type v1 or v2',
    );
  });
});
