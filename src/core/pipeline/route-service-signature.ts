import type { Exchange } from "../exchange.ts";
import { errorPage } from "../forwarding/error-page.ts";
import { firstValue, type ResponseLike } from "../message.ts";
import { returnFault } from "../route-service/return-leg.ts";
import { isFault, type SignatureFault } from "../route-service/route-services.ts";

/** Rows 15 and 16 of the table in data-plane §2.1: the route has a route service. */
function refuseReturn(exchange: Exchange, fault: SignatureFault): ResponseLike {
  exchange.router.logger.error("signature-validation-failed", exchange.logData({ error: fault.message }));
  const message = `Failed to validate Route Service Signature: ${fault.message}`;
  return errorPage(exchange, { status: fault.expired ? 504 : 502 }, message);
}

async function examine(exchange: Exchange, signature: string): Promise<ResponseLike | undefined> {
  const { headers, router, pool } = exchange;
  const metadata = firstValue(headers, "X-CF-Proxy-Metadata") ?? "";
  const verdict = await router.services.verify({ signature, metadata });
  const fault = isFault(verdict) ? verdict : undefined;
  exchange.fromRouteService =
    fault === undefined && signature !== "" && (firstValue(headers, "X-CF-Forwarded-Url") ?? "") !== "";
  if (pool === undefined || pool.routeServiceUrl === "") {
    if (router.settings.route_services.strict_signature_validation) exchange.signatureFault = fault;
    return undefined;
  }
  if (isFault(verdict)) return refuseReturn(exchange, verdict);
  const message = returnFault(router.registry, verdict.forwardedUrl, pool);
  if (message !== undefined) return refuseReturn(exchange, { expired: false, message });
  exchange.returned = true;
  return undefined;
}

/**
 * Checks the signature of a route service, where it matters: on routes that have one (data-plane §8.4), with strict
 * validation on all, and for the headers that requests of route services keep (§1.4.13, §1.4.15). Once per request.
 */
export function routeServiceSignature(exchange: Exchange): Promise<ResponseLike | undefined> | undefined {
  const { headers, pool, router } = exchange;
  const bound = pool !== undefined && pool.routeServiceUrl !== "";
  if (!bound && !router.compiled.readsSignatures) return undefined;
  const signature = firstValue(headers, "X-CF-Proxy-Signature");
  if (signature === null) return undefined;
  if (!bound && router.settings.route_services.strict_signature_validation) return examine(exchange, signature);
  if (signature === "" || (!bound && (firstValue(headers, "X-CF-Forwarded-Url") ?? "") === "")) return undefined;
  return examine(exchange, signature);
}
