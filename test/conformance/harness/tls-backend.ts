import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createPlain, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import type { CertificatePair } from "../../fixtures/certificates.ts";

/** What a TLS backend knows of a connection after its handshake. */
interface SecureConnection {
  /** Server name the router asked for; empty: none. */
  readonly serverName: string;
  /** Common name of the router's certificate; empty: none given. */
  readonly clientName: string;
  readonly version: string;
  readonly resumed: boolean;
}

/** A TLS backend that answers each read that ends a request head with 200 and `answer`. */
export class TlsBackend {
  readonly port: number;
  /** Connections whose handshake succeeded. */
  readonly connections: SecureConnection[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    const address = server.address();
    this.port = typeof address === "object" ? address!.port : 0;
  }

  /** Starts on 127.0.0.1, on that port or a free one. */
  static async start(pair: CertificatePair, options: TlsOptions = {}, answer = "ok", port = 0): Promise<TlsBackend> {
    const server = createServer({ cert: pair.certificate, key: pair.key, ...options });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    const backend = new TlsBackend(server);
    server.on("connection", (socket) => backend.#keep(socket));
    server.on("tlsClientError", () => {});
    server.on("secureConnection", (socket) => backend.#serve(socket, answer));
    return backend;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #serve(socket: TLSSocket, answer: string): void {
    const subject = socket.getPeerCertificate()?.subject as { CN?: string } | undefined;
    this.connections.push({
      serverName: (socket as { servername?: string | false }).servername || "",
      clientName: subject?.CN ?? "",
      version: socket.getProtocol() ?? "",
      resumed: socket.isSessionReused(),
    });
    socket.on("error", () => {});
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      if (!received.endsWith("\r\n\r\n")) return;
      received = "";
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`);
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** A plain TCP server on 127.0.0.1 that does `act` with each socket when its first bytes have come. */
export async function startMisfit(act: (socket: Socket) => void): Promise<{ port: number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createPlain((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => act(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" ? address!.port : 0,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** `openssl s_server`, which sends the alerts that node:tls does not: a backend with a stack of its own. */
export class OpensslBackend {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /** `files`: option to PEM text (`-cert`, `-key`, `-CAfile`); `options`: further ones. */
  static async start(files: Readonly<Record<string, string>>, ...options: string[]): Promise<OpensslBackend> {
    const folder = mkdtempSync(join(tmpdir(), "causeway-openssl-"));
    const named = Object.entries(files).flatMap(([option, pem], index) => {
      const file = join(folder, `${index}.pem`);
      writeFileSync(file, pem);
      return [option, file];
    });
    const child = spawn("openssl", ["s_server", "-accept", "127.0.0.1:0", "-www", ...named, ...options], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const port = await new Promise<number>((resolve, reject) => {
      let said = "";
      const hear = (bytes: Buffer): void => {
        said += bytes.toString();
        const found = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(said);
        if (found !== null) resolve(Number(found[1]));
      };
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
      child.on("error", reject);
      child.on("exit", () => reject(new Error(`openssl s_server ended: ${said}`)));
    });
    return new OpensslBackend(port, child, folder);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill("SIGKILL");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
