import type { AbortCause } from "../core/client.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { clientGone, Failure } from "../core/forwarding/failure.ts";
import type { BackendResponse, Outgoing, Sending, Transport } from "../core/forwarding/transport.ts";
import type { Endpoint } from "../core/routing/endpoint.ts";
import { limitTime } from "../core/time-limit.ts";
import { HeaderLines } from "../wire/header-lines.ts";
import { CountedBody } from "./counted-body.ts";
import { fetchFailure } from "./fetch-failure.ts";

/** Methods that every runtime's `fetch` sends as they are; Bun sends others as GET (runtimes.md §7). */
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** Request fields that `fetch` refuses or decides by itself. */
const ownFields = ["Te", "Expect", "Connection", "Upgrade", "Trailer", "Transfer-Encoding"];
/** Codings that `fetch` takes off although nobody asked for them. */
const codings: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

const late = (): Failure => new Failure("deadline", "backend", "never", "context deadline exceeded");

/** Path and query of a request target in any form, as a URL can hold them. */
function pathOf(target: string): string {
  if (target.startsWith("/")) return target;
  const scheme = target.indexOf("://");
  if (scheme < 0) return "/";
  const path = target.indexOf("/", scheme + 3);
  return path < 0 ? "/" : target.slice(path);
}

function fieldsOf(outgoing: Outgoing): [string, string][] {
  const fields = HeaderLines.from(outgoing.outbound);
  for (const name of ownFields) fields.delete(name);
  // Only Bun lets Host be set; the others send the endpoint's address.
  const host = fields.first("Host");
  if (host !== null && !fields.has("X-Forwarded-Host")) fields.append("X-Forwarded-Host", host);
  // Bodies would be decoded on the way: the backend is better off not to encode them.
  fields.set("Accept-Encoding", "identity");
  return [...fields];
}

/** One request by `fetch`, from `send` to the end of the response body. */
class FetchSending implements Sending {
  readonly #endpoint: Endpoint;
  readonly #outgoing: Outgoing;
  readonly #abort = new AbortController();
  #timer: Timer | undefined;
  /** Why it was given up, when it was. */
  #cause: Failure | undefined;

  constructor(endpoint: Endpoint, outgoing: Outgoing, clock: Clock) {
    this.#endpoint = endpoint;
    this.#outgoing = outgoing;
    if (outgoing.timeoutMs > 0) this.#timer = limitTime(clock, outgoing.timeoutMs, () => this.#giveUp(late()), true);
  }

  abort(cause: AbortCause): void {
    const failure = new Failure("internal", "router", "never", "request given up: the router is shutting down");
    this.#giveUp(cause === "client-gone" ? clientGone() : failure);
  }

  async send(): Promise<BackendResponse> {
    const { attempt, method, request, target } = this.#outgoing;
    this.#outgoing.sending = this;
    const body = request.body === null ? undefined : new CountedBody(request.body);
    try {
      const scheme = this.#endpoint.tls ? "https" : "http";
      const response = await fetch(`${scheme}://${this.#endpoint.address}${pathOf(target)}`, {
        method,
        headers: fieldsOf(this.#outgoing),
        body: body?.stream ?? null,
        redirect: "manual",
        signal: this.#abort.signal,
        // Fetch asks for it beside a stream; not every platform's types know it.
        duplex: "half",
      } as RequestInit);
      attempt.gotConnection = true;
      attempt.wroteHead = true;
      attempt.bodyBytesTaken = body?.bytes ?? 0;
      return this.#respond(response);
    } catch (error) {
      this.#finish();
      const failure = this.#cause ?? fetchFailure(this.#endpoint, error);
      const connected = failure.kind !== "dial" && !failure.kind.startsWith("tls-");
      attempt.gotConnection = connected;
      attempt.wroteHead = connected;
      attempt.bodyBytesTaken = body?.bytes ?? 0;
      throw failure;
    }
  }

  #respond(response: Response): BackendResponse {
    const headers = HeaderLines.from(response.headers);
    if (codings.has(headers.first("Content-Encoding")?.toLowerCase() ?? "")) {
      headers.delete("Content-Encoding");
      headers.delete("Content-Length");
    }
    const { status, statusText, body } = response;
    if (body === null) this.#finish();
    return { status, statusText, headers, body: body === null ? null : this.#passOn(body) };
  }

  /** The body with errors as the core knows them. */
  #passOn(body: ReadableStream<Uint8Array>): BackendResponse["body"] {
    const counted = new CountedBody(body, (end) => {
      this.#finish();
      if (end !== "failed") return;
      const text = this.#cause?.message ?? "unexpected EOF";
      this.#outgoing.bodyFailed(this.#cause ?? new Failure("body-cut", "backend", "never", text));
    });
    return counted.stream;
  }

  #giveUp(cause: Failure): void {
    this.#cause ??= cause;
    this.#abort.abort(cause);
  }

  #finish(): void {
    this.#timer?.cancel();
    this.#outgoing.sending = undefined;
  }
}

class FetchTransport implements Transport {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async send(endpoint: Endpoint, outgoing: Outgoing): Promise<BackendResponse> {
    const { method, request, upgrade } = outgoing;
    if (upgrade) throw new Failure("switching-protocols", "router", "never", "fetch cannot switch protocols");
    if (!methods.has(method)) {
      const text = `cannot send ${JSON.stringify(method)} by fetch; use one of ${[...methods].join(", ")}`;
      throw new Failure("internal", "router", "never", text);
    }
    if (request.body?.locked === true) {
      throw new Failure("body-taken", "router", "never", "an attempt before this one took the request body");
    }
    return await new FetchSending(endpoint, outgoing, this.#clock).send();
  }

  forget(): void {
    // The platform keeps the connections.
  }
}

/**
 * The transport of platforms that have nothing but `fetch` (architecture §4): no interim responses, no trailers, no
 * upgrades, no connections of its own; README's table says what else is lost.
 */
export function createFetchTransport(clock: Clock): Transport {
  return new FetchTransport(clock);
}
