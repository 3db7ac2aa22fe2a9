import type { Attempt } from "../forwarding/transport.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import { routeEndpointData } from "../routing/endpoint-lines.ts";
import type { LogData } from "./log.ts";

/** In whole nanoseconds, as Go's durations are: no noise of binary fractions behind them. */
const seconds = (milliseconds: number): number => (milliseconds < 0 ? 0 : Math.round(milliseconds * 1e6) / 1e9);

/** Facts of a failed attempt as the line `backend-endpoint-failed` shows them. */
interface FailedAttempt {
  readonly endpoint: Endpoint;
  /** From 1. */
  readonly number: number;
  readonly requestId: string;
  /** Endpoints of the pool when the request began to be sent. */
  readonly endpointsAtStart: number;
  readonly attempt: Attempt;
  readonly error: string;
  readonly retriable: boolean;
}

/** What lines about a failed attempt say of the attempt itself. `number`: from 1. */
export function attemptFields(attempt: Attempt, number: number, requestId: string, endpointsAtStart: number): LogData {
  return {
    attempt: number,
    vcap_request_id: requestId,
    "num-endpoints": endpointsAtStart,
    "got-connection": attempt.gotConnection,
    "wrote-headers": attempt.wroteHead,
    "conn-reused": attempt.reused,
    "dns-lookup-time": seconds(attempt.dnsMs),
    "dial-time": seconds(attempt.dialMs),
    "tls-handshake-time": seconds(attempt.tlsMs),
    "local-address": attempt.localAddress,
  };
}

/** Attributes of `backend-endpoint-failed` and `backend-too-many-response-headers`, in their order. */
export function failedAttemptFields(failed: FailedAttempt): LogData {
  return {
    "route-endpoint": routeEndpointData(failed.endpoint),
    ...attemptFields(failed.attempt, failed.number, failed.requestId, failed.endpointsAtStart),
    error: failed.error,
    retriable: failed.retriable,
  };
}
