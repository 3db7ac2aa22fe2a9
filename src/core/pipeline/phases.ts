import type { Exchange } from "../exchange.ts";
import type { ResponseLike } from "../message.ts";
import { b3Trace } from "./b3-trace.ts";
import { clientCertificate } from "./client-certificate.ts";
import { connectTunnel } from "./connect-tunnel.ts";
import { forwardedProto } from "./forwarded-proto.ts";
import { healthCheck } from "./health-check.ts";
import { hopByHopFilter } from "./hop-by-hop-filter.ts";
import { identityHeaders } from "./identity-headers.ts";
import { lookup } from "./lookup.ts";
import { protocolCheck } from "./protocol-check.ts";
import { requestId } from "./request-id.ts";
import { requestSize } from "./request-size.ts";
import { routeService } from "./route-service.ts";
import { routeServiceSignature } from "./route-service-signature.ts";
import { semicolonParams } from "./semicolon-params.ts";
import type { CompiledSettings } from "./settings.ts";
import { w3cTrace } from "./w3c-trace.ts";

/**
 * One step that every request takes; an answer ends its way. Runs synchronously, but for requests with a signature to be
 * checked.
 */
export type Phase = (exchange: Exchange) => ResponseLike | Promise<ResponseLike | undefined> | undefined;

/**
 * The phases in the order in which a request meets them (data-plane §1.4), without those that the settings switch off.
 * Around them stand, in the router: panic check, response rewriting, metrics and access log; after them: forwarding.
 */
export function phasesFor(compiled: CompiledSettings): readonly Phase[] {
  const settings = compiled.source;
  const phases: readonly (readonly [Phase, boolean])[] = [
    [b3Trace, settings.tracing.enable_zipkin],
    [w3cTrace, settings.tracing.enable_w3c],
    [requestId, true],
    [identityHeaders, true],
    [semicolonParams, true],
    [healthCheck, true],
    [protocolCheck, true],
    [lookup, true],
    [requestSize, true],
    [connectTunnel, settings.connect.enabled],
    [routeServiceSignature, true],
    [clientCertificate, settings.forwarded_client_cert !== "always_forward"],
    [hopByHopFilter, compiled.hopByHopFilter.size > 0],
    [forwardedProto, true],
    [routeService, true],
  ];
  return phases.filter(([, on]) => on).map(([phase]) => phase);
}
