import type { AbortCause, Client, ClientAddresses } from "../client.ts";
import type { HeadersLike, MessageHeaders, RequestLike, ResponseLike, Tunnel } from "../message.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import type { Failure } from "./failure.ts";

/**
 * What happened during one attempt to send a request; the transport fills it in, retry rules, log lines and the
 * access log read it. Times are `Clock.monotonic` milliseconds or durations in milliseconds, -1 when it did not happen.
 */
export class Attempt {
  /** When it began, milliseconds since 1970; 0 unless somebody asks (`ExchangeEvents`). */
  sentAt = 0;
  gotConnection = false;
  /** The connection had carried a request before. */
  reused = false;
  /** The whole request head was handed to the kernel. */
  wroteHead = false;
  /** Part of an answer had come when the attempt failed: it is no `EOF` that a request may be sent again for. */
  heard = false;
  /** Body bytes taken from the client for this attempt: above 0 the request cannot be sent again. */
  bodyBytesTaken = 0;
  dnsMs = -1;
  dialMs = -1;
  tlsMs = -1;
  /** Own `ip:port` towards the backend; empty before a connection was obtained. */
  localAddress = "";
}

/** A request on its way to a backend. The core's exchange is one. */
export interface Outgoing {
  readonly method: string;
  /** Request target, to be written byte for byte. */
  readonly target: string;
  /**
   * Header fields for this attempt, `Host` included, hop-by-hop fields removed. The transport adds the framing
   * (`Content-Length: 0`, `Transfer-Encoding: chunked`) and, when it will not reuse the connection, `Connection: close`.
   */
  readonly outbound: MessageHeaders;
  /** Where the body comes from (`request.body`, or the wire layer's own source behind it). */
  readonly request: RequestLike;
  /**
   * Whom the request comes from, for backends that are told by a PROXY header, and what its request line said; absent: the
   * router itself.
   */
  readonly client?: ClientAddresses & Partial<Pick<Client, "target" | "protocol">>;
  /** The answer may be a 101: do not treat it as malformed. */
  readonly upgrade: boolean;
  /** The request says `Connection: close`: its connection carries no other. */
  readonly closes?: boolean;
  /** Milliseconds from now to the end of the response body; 0: none (data-plane §4.7 `endpoint_timeout`). */
  readonly timeoutMs: number;
  readonly attempt: Attempt;
  /** Set by the transport while something can be given up; cleared when the response body has ended. */
  sending: Sending | undefined;
  /** Passes an interim response of the backend (1xx but 101) to the client. */
  interim(status: number, headers: HeadersLike): void;
  /** The response body ended early, after its head was handed over (data-plane §2.4, §4.7): for the log. */
  bodyFailed(failure: Failure): void;
}

/**
 * What a backend answered. The core writes the standard reason phrase into `statusText` (data-plane §5.5) and changes
 * `headers` in place, so both must be open to it.
 */
export interface BackendResponse extends Omit<ResponseLike, "statusText"> {
  statusText: string;
}

/** Something under way that can be given up. */
export interface Sending {
  abort(cause: AbortCause): void;
}

/** The way to the backends. `wire` implements it; a `fetch`-based one serves native embedding. */
export interface Transport {
  /** Sends and resolves at the response head (or the 101). Rejects with a `Failure`. */
  send(endpoint: Endpoint, outgoing: Outgoing): Promise<BackendResponse | Tunnel>;
  /**
   * Dials the endpoint for a CONNECT tunnel (RFC 9110 §9.3.6) and resolves with a 200 whose bytes are the client's. Rejects
   * with a `Failure`. Absent where there are no byte streams: then CONNECT is proxied like any request.
   */
  open?(endpoint: Endpoint, outgoing: Outgoing): Promise<Tunnel>;
  /** The endpoint left the table or was replaced: its idle connections can go. */
  forget(endpoint: Endpoint): void;
}
