import type { FailureKind } from "../forwarding/failure.ts";
import type { Logger } from "../observe/log.ts";
import type { Endpoint } from "./endpoint.ts";
import { routeEndpointData } from "./endpoint-lines.ts";

/** What a failed request does to the endpoint's place in its pool (data-plane §4.4). */
export type FailureEffect = "prune" | "mark";

/**
 * A TLS endpoint leaves the pool when it cannot be reached or is not who it should be, others are marked; a reset marks
 * either; undefined: nothing else matters (control-plane §3.11).
 */
export function failureEffect(endpoint: Endpoint, kind: FailureKind): FailureEffect | undefined {
  switch (kind) {
    case "dial":
    case "tls-not-tls":
    case "tls-name":
    case "tls-untrusted":
    case "tls-alert-certificate":
    case "tls-alert-handshake":
    case "tls-timeout":
      return endpoint.tls ? "prune" : "mark";
    case "reset":
      return "mark";
    default:
      return undefined;
  }
}

/** The line about it. `log` is of the source `registry`. */
export function logFailedEndpoint(log: Logger, endpoint: Endpoint, effect: FailureEffect): void {
  const message = effect === "prune" ? "prune-failed-endpoint" : "endpoint-marked-as-ineligible";
  log.error(message, { "route-endpoint": routeEndpointData(endpoint) });
}
