import { createHash } from "node:crypto";
import { type Agent, type IncomingMessage, request } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { patternChunks } from "./pattern.ts";

/** A response that was read to its end. */
export interface ReadResponse {
  readonly status: number;
  readonly text: string;
  /** Length and SHA-256 of the body. */
  readonly digest: string;
}

/** How a request is sent. */
export interface Ask {
  /** An agent of `node:https` sends it over TLS. */
  readonly agent: Agent;
  readonly port: number;
  readonly host: string;
  readonly path: string;
  /** Sends a POST with so many bytes of the pattern; chunked when `chunked`. */
  readonly upload?: { readonly length: number; readonly chunked: boolean };
}

/** Sends a request on a connection of the agent and reads the response; rejects when either breaks off. */
export async function ask({ agent, port, host, path, upload }: Ask): Promise<ReadResponse> {
  const headers: Record<string, string | number> = { Host: host };
  if (upload !== undefined && !upload.chunked) headers["Content-Length"] = upload.length;
  const protocol = agent instanceof HttpsAgent ? "https:" : "http:";
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request(
      { agent, protocol, port, host: "127.0.0.1", path, headers, method: upload ? "POST" : "GET" },
      resolve,
    );
    outgoing.on("error", reject);
    if (upload === undefined) outgoing.end();
    else Readable.from(patternChunks(upload.length)).pipe(outgoing);
  });
  const hash = createHash("sha256");
  let length = 0;
  let text = "";
  for await (const chunk of response) {
    const bytes = chunk as Buffer;
    length += bytes.length;
    hash.update(bytes);
    if (length < 4096) text += bytes.toString("latin1");
  }
  return { status: response.statusCode ?? 0, text, digest: `${length} ${hash.digest("hex")}` };
}

/** What a steady load met. */
export interface LoadResult {
  readonly served: number;
  readonly failures: readonly string[];
  /** Milliseconds of the slowest request. */
  readonly slowest: number;
}

/** Steady load: `workers` clients, each sending one request after the other until `stop`, with so many milliseconds in between. */
export class SteadyLoad {
  served = 0;
  readonly #failures: string[] = [];
  readonly #workers: Promise<void>[];
  #slowest = 0;
  #stopped = false;

  constructor(what: Ask, workers: number, pauseMs = 0) {
    this.#workers = Array.from({ length: workers }, () => this.#work(what, pauseMs));
  }

  async #work(what: Ask, pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      const began = performance.now();
      try {
        const { status, text } = await ask(what);
        if (status === 200) this.served++;
        else this.#failures.push(`${status} ${text}`);
      } catch (error) {
        this.#failures.push(String(error));
      }
      this.#slowest = Math.max(this.#slowest, performance.now() - began);
      if (pauseMs > 0 && !this.#stopped) await pause(pauseMs);
    }
  }

  /** Lets the running requests end. */
  async stop(): Promise<LoadResult> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    return { served: this.served, failures: this.#failures, slowest: this.#slowest };
  }
}
