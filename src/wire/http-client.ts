import { Failure } from "../core/forwarding/failure.ts";
import {
  Attempt,
  type BackendResponse,
  type Outgoing,
  type Sending,
  type Transport,
} from "../core/forwarding/transport.ts";
import { isTunnel, type RequestLike, type Tunnel } from "../core/message.ts";
import { Endpoint } from "../core/routing/endpoint.ts";
import type { ClientTls } from "../runtime/interface/tls.ts";
import type { Runtime } from "../runtime/interface.ts";
import { type BodySink, type BodySource, sourceOf } from "./body.ts";
import { HeaderLines } from "./header-lines.ts";
import type { TimerWheel } from "./timer-wheel.ts";
import { createTransport } from "./transport.ts";

/** How a server is reached; durations in milliseconds. */
export interface HttpClientOptions {
  /** `http://` or `https://`, host and port; a path is ignored. */
  readonly origin: URL;
  /** Used for `https://`; the server name is the host. */
  readonly tls?: Omit<ClientTls, "serverName">;
  readonly dialTimeoutMs: number;
  /** Longest answer in bytes; a longer one is an error. */
  readonly maxAnswerBytes: number;
}

/** One request of the program's own. */
interface HttpCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path and query, encoded. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Milliseconds from the call to the last byte of the answer; 0: no limit. */
  readonly timeoutMs: number;
  /** Text, sent as UTF-8; absent: none. */
  readonly body?: string;
}

/** A complete answer, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** An answer whose body is still to come. */
export interface HttpStream {
  readonly status: number;
  readonly statusText: string;
  /** To be started or cancelled; undefined: there is none. */
  readonly body: BodySource | undefined;
}

/** A body that is at hand. */
class TextSource implements BodySource {
  readonly length: number;
  taken = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  start(sink: BodySink): void {
    this.taken = true;
    sink.write(this.#bytes);
    sink.end(undefined);
  }

  resume(): void {}

  cancel(): void {
    this.taken = true;
  }
}

class Call implements Outgoing {
  readonly method: string;
  readonly target: string;
  readonly outbound: HeaderLines;
  readonly request: RequestLike & { readonly source: BodySource };
  readonly upgrade = false;
  readonly timeoutMs: number;
  readonly attempt = new Attempt();
  sending: Sending | undefined = undefined;

  constructor(origin: URL, call: HttpCall) {
    this.method = call.method;
    this.target = call.target;
    this.timeoutMs = call.timeoutMs;
    this.outbound = HeaderLines.from([
      ["Host", origin.host],
      ...call.headers.map(([name, value]) => [name, value] as [string, string]),
    ]);
    this.request = {
      method: call.method,
      url: `${origin.origin}${call.target}`,
      headers: this.outbound,
      body: null,
      signal: neverAborted,
      source: new TextSource(utf8.encode(call.body ?? "")),
    };
  }

  interim(): void {}

  bodyFailed(): void {}
}

const utf8 = new TextEncoder();
const neverAborted = new AbortController().signal;

function collect(source: BodySource | undefined, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    if (source === undefined || source.length === 0) {
      resolve("");
      return;
    }
    const decoder = new TextDecoder();
    let text = "";
    let size = 0;
    source.start({
      write(bytes) {
        size += bytes.length;
        if (size > limit) {
          source.cancel();
          reject(new Error(`the answer is longer than ${limit} bytes`));
          return false;
        }
        text += decoder.decode(bytes, { stream: true });
        return true;
      },
      end: () => resolve(text + decoder.decode()),
      fail: reject,
    });
  });
}

/**
 * The program's own HTTP/1.1 client, for the few servers it talks to itself (UAA, Routing API): the router's transport
 * with its pool, its TLS and its error texts, the same on every runtime. Redirects are not followed.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #endpoint: Endpoint;
  readonly #transport: Transport;

  constructor(runtime: Runtime, wheel: TimerWheel, options: HttpClientOptions) {
    const { origin, tls, dialTimeoutMs } = options;
    const secure = origin.protocol === "https:";
    const serverName = origin.hostname.replace(/^\[(.*)\]$/, "$1");
    const clientTls: ClientTls = { handshakeTimeoutMs: dialTimeoutMs, ...tls, serverName };
    this.#options = options;
    this.#endpoint = new Endpoint({
      host: origin.hostname,
      port: Number(origin.port) || (secure ? 443 : 80),
      tls: secure,
    });
    this.#transport = createTransport(runtime, wheel, {
      dialTimeoutMs,
      keepAliveProbeMs: 15_000,
      keepAlive: true,
      maxIdlePerEndpoint: 16,
      maxIdle: 16,
      idleTimeoutMs: 90_000,
      maxResponseHeadBytes: 64 * 1024,
      maxResponseHeaderLines: 0,
      tls: () => clientTls,
    });
  }

  /**
   * Sends and reads the whole answer. A request whose kept connection turned out to be dead is sent once more, so it
   * must do no harm twice. Rejects with an `Error` (a `Failure` of the transport).
   */
  async send(call: HttpCall): Promise<HttpAnswer> {
    const { status, body } = await this.stream(call);
    return { status, body: await collect(body, this.#options.maxAnswerBytes) };
  }

  /** Like `send`, but resolves with the head of the answer; there is no limit for its length. */
  async stream(call: HttpCall): Promise<HttpStream> {
    const { origin } = this.#options;
    let outgoing = new Call(origin, call);
    let response: BackendResponse | Tunnel;
    try {
      response = await this.#transport.send(this.#endpoint, outgoing);
    } catch (error) {
      if (!(error instanceof Failure) || error.kind === "deadline" || !outgoing.attempt.reused) throw error;
      outgoing = new Call(origin, call);
      response = await this.#transport.send(this.#endpoint, outgoing);
    }
    if (isTunnel(response)) throw new Error(`the server answered ${response.status}, which nobody asked for`);
    return { status: response.status, statusText: response.statusText, body: sourceOf(response) };
  }

  /** Closes idle connections. */
  close(): void {
    this.#transport.forget(this.#endpoint);
  }
}
