/**
 * What a hop costs without HTTP: `bun relay.ts '{"http":P,"tls":P,"backend":P,"certificate":FILE,"key":FILE}'`, on Deno and
 * Node too. Bytes go from a client to a backend connection of its own and back through the streams that the router stands on;
 * nothing is parsed, rewritten, counted, logged or timed. A router on that runtime cannot cost less.
 *
 * Only a client that says `Connection: close` in its first bytes is treated otherwise: it shares backend connections with
 * those after it, as in a router. Its request and the answer to it are replaced by texts from before, and the first bytes of
 * an answer are taken for the whole of it (of the small one, they are).
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { runtime } from "#runtime";
import type { ByteStream, ByteStreamHandler } from "../../src/runtime/interface/byte-stream.ts";
import { appHost } from "./rig/contender.ts";

const ports = JSON.parse(process.argv[2] ?? "{}") as {
  readonly http: number;
  readonly tls: number;
  readonly backend: number;
  readonly certificate: string;
  readonly key: string;
};
const request = `GET / HTTP/1.1\r\nHost: ${appHost}\r\n\r\n`;
const idle: Backend[] = [];
/** The small answer, with `Connection: close`. */
let answer = "";

/** A connection to the backend. */
class Backend implements ByteStreamHandler {
  stream: ByteStream | undefined = undefined;
  client: Client | undefined = undefined;

  data(bytes: Uint8Array): void {
    const { client } = this;
    if (client === undefined) return;
    if (client.closing) this.#answerLast(client, bytes);
    else if (!client.stream.writeText("", bytes)) this.stream?.pause();
  }

  #answerLast({ stream }: Client, bytes: Uint8Array): void {
    answer ||= runtime.latin1(bytes, 0, bytes.length).replace("Connection: keep-alive", "Connection: close");
    stream.writeText(answer);
    stream.finish();
    this.client = undefined;
    idle.push(this);
  }

  drained(): void {
    this.client?.stream.resume();
  }

  ended(): void {
    this.stream?.destroy();
  }

  closed(): void {
    this.client?.stream.destroy();
  }
}

/** A connection of a client. */
class Client implements ByteStreamHandler {
  readonly stream: ByteStream;
  backend: Backend | undefined = undefined;
  closing = false;

  constructor(stream: ByteStream) {
    this.stream = stream;
  }

  data(bytes: Uint8Array): void {
    if (this.backend === undefined) this.#begin(bytes);
    else if (this.backend.stream?.writeText("", bytes) === false) this.stream.pause();
  }

  #begin(bytes: Uint8Array): void {
    this.closing = runtime.latin1(bytes, 0, bytes.length).includes("\r\nConnection: close");
    const reused = this.closing ? idle.pop() : undefined;
    const backend = reused ?? new Backend();
    backend.client = this;
    this.backend = backend;
    if (reused !== undefined) {
      reused.stream?.writeText(request);
      return;
    }
    this.stream.pause();
    runtime.connect({ host: "127.0.0.1", port: ports.backend }, backend).then(
      (stream) => {
        backend.stream = stream;
        if (this.closing) stream.writeText(request);
        else stream.writeText("", bytes);
        this.stream.resume();
      },
      () => this.stream.destroy(),
    );
  }

  drained(): void {
    this.backend?.stream?.resume();
  }

  ended(): void {
    this.stream.destroy();
  }

  closed(): void {
    if (!this.closing) this.backend?.stream?.destroy();
  }
}

runtime.restartTuned();
runtime.tuneForServing();
const accept = (stream: ByteStream): ByteStreamHandler => new Client(stream);
const common = { host: "127.0.0.1", crowded: true };
const tls = {
  keyPairs: [{ certificate: readFileSync(ports.certificate, "utf8"), key: readFileSync(ports.key, "utf8") }],
  clientCertificates: "none",
  alpn: ["http/1.1"],
} as const;
await runtime.listen({ ...common, port: ports.http }, accept);
await runtime.listen({ ...common, port: ports.tls, tls }, accept);
