/** Who failed; route services are backends in this respect. */
type FailureSource = "client" | "router" | "backend";

/** Whether sending the request again can help where the table of kinds does not say so (`error-table.ts`). */
type Retry = "never" | "always";

/** Everything that can go wrong on the way of a request (data-plane §2.3, §4.4). */
export type FailureKind =
  | "dial" // any failure of resolving or connecting
  | "egress-blocked" // a route service at an address that `route_services.egress_block` refuses
  | "tls-not-tls"
  | "tls-name"
  | "tls-untrusted" // expired and not yet valid included
  | "tls-alert-certificate"
  | "tls-alert-handshake"
  | "tls-timeout"
  | "tls-other"
  | "eof" // the backend closed before a complete response head
  | "reset" // reading: connection reset by peer
  | "write" // writing to the backend failed
  | "deadline" // endpoint_timeout
  | "malformed-response" // head, framing or chunk of the backend's answer
  | "response-head-too-large"
  | "too-many-response-headers"
  | "too-many-interim"
  | "body-cut" // the backend's body ended early: after the response began
  | "body-taken" // a failed attempt has consumed bytes of the request body
  | "request-body" // the client's body is malformed
  | "client-gone"
  | "no-endpoints"
  | "switching-protocols" // 101 that was not asked for, or another protocol than asked for
  | "descriptors" // no file descriptor left for a backend connection
  | "internal";

/**
 * The one error type of the request path. `message` is the text operators see in `X-Cf-RouterError:
 * endpoint_failure (…)` and in the log (data-plane §2.3); `core/forwarding/error-table.ts` maps `kind` to a status.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: FailureKind;
  readonly source: FailureSource;
  readonly retry: Retry;
  constructor(kind: FailureKind, source: FailureSource, retry: Retry, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.source = source;
    this.retry = retry;
  }
}

/** The client left before it had its answer (data-plane §4.9). */
export function clientGone(): Failure {
  return new Failure("client-gone", "client", "never", "context canceled");
}
