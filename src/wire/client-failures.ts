import { addressText } from "../core/address-text.ts";
import { Failure, type FailureKind } from "../core/forwarding/failure.ts";
import type { Endpoint } from "../core/routing/endpoint.ts";
import { StreamError, type StreamErrorKind } from "../runtime/interface/stream-error.ts";
import { withoutBrackets } from "./backend-tls.ts";
import { alertText } from "./tls-alerts.ts";

/** What upstream's HTTP library puts before errors of a connection that it gives up (data-plane §2.3). */
const broken = "net/http: HTTP/1.x transport connection broken: ";

/** What becomes of TLS failures (data-plane §2.3); of those not named here, by their kind. */
const tlsKinds: Partial<Record<StreamErrorKind, FailureKind>> = {
  "tls-not-tls": "tls-not-tls",
  "tls-name": "tls-name",
  "tls-untrusted": "tls-untrusted",
  "tls-expired": "tls-untrusted",
  "tls-alert-certificate": "tls-alert-certificate",
  "tls-alert-handshake": "tls-alert-handshake",
  "tls-other": "tls-other",
};

/** A TLS failure as a `Failure`, or undefined when the error is none of TLS. */
function tlsFailure(error: StreamError): Failure | undefined {
  const kind = tlsKinds[error.kind];
  return kind === undefined ? undefined : new Failure(kind, "backend", "always", tlsText(kind, error), error);
}

function tlsText(kind: FailureKind, error: StreamError): string {
  if (kind === "tls-not-tls") return "tls: first record does not look like a TLS handshake";
  if (kind === "tls-name" || kind === "tls-untrusted") {
    return `tls: failed to verify certificate: x509: ${error.reason}`;
  }
  return alertText(error) ?? `tls: ${error.message}`;
}

/** Reasons that a dial failed, behind `dial tcp HOST:PORT: `. */
const dialReasons: Partial<Record<StreamErrorKind, string>> = {
  refused: "connect: connection refused",
  "timed-out": "i/o timeout",
  unreachable: "connect: no route to host",
  reset: "connect: connection reset by peer",
  permission: "connect: permission denied",
};
/** The same of errors whose kind is common to several. */
const dialCodes: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: "connect: cannot assign requested address",
  EHOSTDOWN: "connect: host is down",
  EINVAL: "connect: invalid argument",
  ENETDOWN: "connect: network is down",
  ENETUNREACH: "connect: network is unreachable",
  EPERM: "connect: operation not permitted",
};

/** What is dialled, as texts name it: an IPv6 address has brackets there, whether it was registered with them or not. */
function dialledText({ host, port }: Endpoint): string {
  return addressText(withoutBrackets(host), port);
}

/**
 * Why no connection to the endpoint came about: always worth another attempt, but for our own lack of descriptors.
 * `secure`: with TLS.
 */
export function dialFailure(endpoint: Endpoint, error: unknown, secure: boolean): Failure {
  if (!(error instanceof StreamError)) {
    return new Failure("internal", "router", "never", `cannot dial ${endpoint.address}: ${String(error)}`, error);
  }
  if (error.kind === "descriptors") {
    const text = `dial tcp ${dialledText(endpoint)}: socket: too many open files`;
    return new Failure("descriptors", "router", "never", text, error);
  }
  if (error.kind === "not-admitted") {
    // The address is for the log alone: it is nobody's business outside.
    const text = `dial tcp ${dialledText(endpoint)}: connection to IP not allowed`;
    return new Failure("egress-blocked", "router", "never", text, error);
  }
  if (secure) {
    const failure = tlsFailure(error) ?? handshakeFailure(endpoint, error);
    if (failure !== undefined) return failure;
  }
  const address = error.address ?? dialledText(endpoint);
  const text =
    error.kind === "name-not-found"
      ? `dial tcp: lookup ${endpoint.host}: no such host`
      : `dial tcp ${address}: ${dialCodes[error.code ?? ""] ?? dialReasons[error.kind] ?? error.message}`;
  return new Failure("dial", "backend", "always", text, error);
}

/** Ends of a handshake that are no matter of TLS itself: the connection was there already. */
function handshakeFailure(endpoint: Endpoint, error: StreamError): Failure | undefined {
  if (error.syscall === "connect" || error.syscall === "getaddrinfo") return undefined;
  if (error.kind === "timed-out") {
    return new Failure("tls-timeout", "backend", "always", "net/http: TLS handshake timeout", error);
  }
  if (error.kind === "ended") return new Failure("eof", "backend", "always", "EOF", error);
  const ends = `tcp ${error.local ?? ""}->${error.address ?? dialledText(endpoint)}`;
  if (error.kind === "broken-pipe") {
    return new Failure("write", "backend", "always", `write ${ends}: write: broken pipe`, error);
  }
  if (error.kind !== "reset") return undefined;
  if (error.syscall === "write") {
    return new Failure("write", "backend", "always", `write ${ends}: write: connection reset by peer`, error);
  }
  return new Failure("reset", "backend", "always", `read ${ends}: read: connection reset by peer`, error);
}

/** The facts about a connection that texts need. */
export interface LostConnection {
  /** `ip:port` of our side. */
  readonly local: string;
  /** `ip:port` of the backend. */
  readonly remote: string;
  /** It speaks TLS. */
  readonly secure: boolean;
}

/** What the retry rules want to know about an exchange whose connection ended before the response head was complete. */
interface LostExchange {
  /** Part of an answer was there. */
  readonly heard: boolean;
  /** The request head was handed to the stream; if not, the attempt is "incomplete" (data-plane §4.4). */
  readonly wroteHead: boolean;
  /** The request may be sent again after an `EOF` (data-plane §4.4). */
  readonly replayable: boolean;
  /** The request body was asked for: there is no second one for another attempt. */
  readonly bodyTouched: boolean;
}

/**
 * Why a connection ended before the response head was complete. `cause`: the stream's, undefined for an orderly end.
 */
export function lostFailure(
  connection: LostConnection,
  cause: StreamError | undefined,
  exchange: LostExchange,
): Failure {
  const backend = (kind: FailureKind, text: string, again: boolean): Failure => {
    const retry = !exchange.bodyTouched && (again || !exchange.wroteHead) ? "always" : "never";
    return new Failure(kind, "backend", retry, text, cause);
  };
  if (cause === undefined || cause.kind === "ended") {
    if (exchange.heard) return backend("eof", `${broken}unexpected EOF`, false);
    return backend("eof", "EOF", exchange.replayable);
  }
  if (connection.secure) {
    // With TLS 1.3 a backend refuses our certificate only after the request was written.
    const known = tlsFailure(cause);
    if (known !== undefined) return backend(known.kind, known.message, true);
  }
  const { local, remote } = connection;
  if (cause.kind === "broken-pipe") return backend("write", `write tcp ${local}->${remote}: write: broken pipe`, false);
  if (cause.kind === "reset" && cause.syscall === "write") {
    return backend("write", `write tcp ${local}->${remote}: write: connection reset by peer`, false);
  }
  return backend(cause.kind === "timed-out" ? "eof" : "reset", readText(connection, cause), false);
}

function readText({ local, remote }: LostConnection, cause: StreamError): string {
  const reason = cause.kind === "timed-out" ? "connection timed out" : "connection reset by peer";
  return `read tcp ${local}->${remote}: read: ${reason}`;
}

/** The backend's body ended early (data-plane §2.4). */
export function cutFailure(connection: LostConnection, cause: StreamError | undefined): Failure {
  const text = cause === undefined ? "unexpected EOF" : readText(connection, cause);
  return new Failure("body-cut", "backend", "never", text, cause);
}

/** `endpoint_timeout` expired (data-plane §4.7); while still connecting another attempt is worth it (§4.4). */
export function deadlineFailure(connected: boolean): Failure {
  return new Failure("deadline", "backend", connected ? "never" : "always", "context deadline exceeded");
}

/** A sixth interim response (data-plane §5.7). */
export function interimFailure(): Failure {
  const text = `${broken}net/http: too many 1xx informational responses`;
  return new Failure("too-many-interim", "backend", "never", text);
}

/** An attempt before this one took the request body (data-plane §4.2). `length`: -1 when unknown. */
export function bodyTakenFailure(length: number): Failure {
  const text = `${broken}http: ContentLength=${length} with Body length 0`;
  return new Failure("body-taken", "router", "never", text);
}

/** A chunk of the response body is bad; `reason` says how. */
export function badChunkFailure(reason: unknown): Failure {
  const text = reason instanceof Error ? reason.message : String(reason);
  return new Failure("malformed-response", "backend", "never", text, reason);
}
