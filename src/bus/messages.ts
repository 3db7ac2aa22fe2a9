import { KeyOrder } from "../core/json-key-order.ts";
import { JsonReader } from "../core/json-reader.ts";
import { JsonSyntaxError } from "../core/json-syntax-error.ts";
import { Endpoint } from "../core/routing/endpoint.ts";
import type { ReservationFields } from "../core/routing/reservation.ts";
import { type Draft, readMember, struct } from "./message-fields.ts";
import { goSyntaxText, utf8Text } from "./payload-text.ts";
import type { RegistryMessage } from "./registry-message.ts";

/** A message that must be dropped. Its message is the text for the `validation-error` line. */
export class MessageError extends Error {
  override readonly name = "MessageError";
}

/** One sender's messages are much alike. */
const messageOrder = new KeyOrder();

/**
 * Decodes and validates a registry message with the rules and the error texts of Go's decoder (control-plane §2.4):
 * keys match without regard to case, a later duplicate wins, integers are judged by their digits, any mismatch
 * rejects the whole message. A top-level `null` is an empty message. Throws `MessageError`.
 */
export function decodeRegistryMessage(payload: Uint8Array): RegistryMessage {
  const decoded = utf8Text(payload);
  const draft: Draft = {
    host: "",
    port: 0,
    tlsPort: 0,
    uris: [],
    app: "",
    privateInstanceId: "",
    privateInstanceIndex: "",
    serverCertDomainSan: "",
    tags: null,
    staleThresholdSeconds: 0,
    isolationSegment: "",
    availabilityZone: "",
    routeServiceUrl: "",
    endpointUpdatedAtNs: "",
    protocol: "",
    loadBalancing: "",
    hashHeader: "",
    hashBalance: 0,
    proxyProtocol: undefined,
    withoutEndpoints: false,
    mismatch: undefined,
  };
  try {
    const reader = new JsonReader(decoded);
    const kind = reader.kind();
    if (kind === "object") reader.object(readMember, draft, messageOrder);
    else {
      reader.skip();
      if (kind !== "null") draft.mismatch = `json: cannot unmarshal ${kind} into Go value of type mbus.${struct}`;
    }
    reader.end();
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new MessageError(goSyntaxText(error, payload, decoded));
    throw error;
  }
  if (draft.mismatch !== undefined) throw new MessageError(draft.mismatch);
  if (draft.routeServiceUrl !== "" && !draft.routeServiceUrl.startsWith("https"))
    throw new MessageError("Unable to validate message. route_service_url must be https");
  return draft;
}

/** The endpoint that a message describes; `http2` false turns protocol `http2` into `http1` (control-plane §2.4). */
export function endpointOf(message: RegistryMessage, http2: boolean): Endpoint {
  const tls = message.tlsPort !== 0;
  // With a PROXY header a connection is one client's: there is nothing to multiplex.
  const never = !http2 || message.proxyProtocol !== undefined;
  const protocol = message.protocol === "" || (message.protocol === "http2" && never) ? "http1" : message.protocol;
  return new Endpoint({
    host: message.host,
    port: tls ? message.tlsPort : message.port,
    tls,
    serverCertDomainSan: message.serverCertDomainSan,
    applicationId: message.app,
    privateInstanceId: message.privateInstanceId,
    privateInstanceIndex: message.privateInstanceIndex,
    tags: message.tags,
    staleThresholdSeconds: message.staleThresholdSeconds,
    isolationSegment: message.isolationSegment,
    availabilityZone: message.availabilityZone,
    routeServiceUrl: message.routeServiceUrl,
    updatedAtNs: message.endpointUpdatedAtNs,
    protocol,
    loadBalancing: message.loadBalancing,
    hashHeader: message.hashHeader,
    hashBalance: message.hashBalance,
    proxyProtocol: message.proxyProtocol,
  });
}

/** The reservation that a message describes. */
export function reservationOf(message: RegistryMessage): ReservationFields {
  return {
    routeServiceUrl: message.routeServiceUrl,
    withoutEndpoints: message.withoutEndpoints,
    lifeSeconds: message.staleThresholdSeconds,
    isolationSegment: message.isolationSegment,
  };
}
