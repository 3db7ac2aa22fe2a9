import type { FailureCounter } from "../observe/metrics.ts";
import type { FailureKind } from "./failure.ts";

/** What the client gets when the last attempt ended in a failure, and whether another attempt makes sense. */
interface FailureOutcome {
  readonly status: number;
  /** Text of the body, without line end; undefined: no body and no `X-Cf-RouterError` (data-plane §2.1, row 22). */
  readonly body: string | undefined;
  /** Counted once per request, by its final failure. */
  readonly counter: FailureCounter | undefined;
  /** Retriable whatever the request (data-plane §4.4). */
  readonly retriable: boolean;
  /** Retriable when the request is replayable: the connection ended before the first byte of the response. */
  readonly replay: boolean;
}

const outcome = (
  status: number,
  body: string | undefined,
  counter: FailureCounter | undefined,
  again: "never" | "retriable" | "replay",
): FailureOutcome => ({ status, body, counter, retriable: again === "retriable", replay: again === "replay" });

const endpointBody = "502 Bad Gateway: Registered endpoint failed to handle the request.";
const failed = outcome(502, endpointBody, "badGateways", "never");
const failedRetriable = outcome(502, endpointBody, "badGateways", "retriable");
const failedReplay = outcome(502, endpointBody, "badGateways", "replay");
const handshakeFailed = outcome(525, "525 SSL Handshake Failed", "backendTlsHandshakeFailed", "retriable");

/**
 * Kind of failure to what becomes of the request: status, body and counter of data-plane §2.3, retry of §4.4. Nothing
 * else decides a status for a failure. Marks and pruning (§4.5) are the registry's, by the same kinds.
 */
export const errorTable: Readonly<Record<FailureKind, FailureOutcome>> = {
  dial: failedRetriable,
  "egress-blocked": failed,
  "tls-not-tls": handshakeFailed,
  "tls-name": outcome(503, "503 Service Unavailable", "backendInvalidId", "retriable"),
  "tls-untrusted": outcome(526, "526 Invalid SSL Certificate", "backendInvalidTlsCert", "retriable"),
  "tls-alert-certificate": outcome(496, "496 SSL Certificate Required", undefined, "retriable"),
  "tls-alert-handshake": handshakeFailed,
  "tls-timeout": failedRetriable,
  "tls-other": failed,
  eof: failedReplay,
  // Upstream fails on these two; they tell no more of what the backend did than an end does (issue B, retries).
  reset: failedReplay,
  write: failedReplay,
  deadline: failed,
  "malformed-response": failed,
  "response-head-too-large": failed,
  "too-many-response-headers": failed,
  "too-many-interim": failed,
  "body-cut": failed,
  "body-taken": failed,
  // The client's own fault: 400, as for any other malformed message (architecture §8).
  "request-body": outcome(400, "400 Bad Request: Malformed request body", undefined, "never"),
  "client-gone": outcome(499, "499 Request Cancelled", undefined, "never"),
  "no-endpoints": failed,
  "switching-protocols": outcome(502, undefined, undefined, "never"),
  descriptors: failed,
  internal: failed,
};
