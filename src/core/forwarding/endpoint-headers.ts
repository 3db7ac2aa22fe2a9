import { utf8Bytes } from "../observe/access-log-quote.ts";
import type { Endpoint, EndpointHeaders } from "../routing/endpoint.ts";

/**
 * Text as a field value (RFC 9110 §5.5): UTF-8, a blank for each control character. Registrations may hold any text, and
 * a line end in one of them must neither end the field nor fail the request.
 */
export function fieldValue(text: string): string {
  return utf8Bytes(text).replace(/[\0-\x08\x0a-\x1f\x7f]/g, " ");
}

/** The values for that endpoint, worked out once per object. */
export function endpointHeaders(endpoint: Endpoint): EndpointHeaders {
  endpoint.headers ??= {
    address: fieldValue(endpoint.address),
    app: fieldValue(endpoint.applicationId),
    instance: fieldValue(endpoint.privateInstanceId === "" ? endpoint.address : endpoint.privateInstanceId),
    index: fieldValue(endpoint.privateInstanceIndex),
    identity: undefined,
  };
  return endpoint.headers;
}
