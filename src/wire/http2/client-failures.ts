import { Failure } from "../../core/forwarding/failure.ts";

/** Texts are those that upstream's library has, as operators know them (data-plane §2.3, §10.3). */

/** The request cannot be made one of HTTP/2. */
export function requestFault(text: string): Failure {
  return new Failure("internal", "router", "never", text);
}

/** An upgrade to anything but WebSocket. */
export function invalidUpgrade(protocol: string): Failure {
  return requestFault(`http2: invalid Upgrade request header: [${JSON.stringify(protocol)}]`);
}

/** The backend's answer breaks the rules of its stream; `answered`: its head had been handed over. */
export function malformed(reason: string, answered: boolean): Failure {
  const kind = answered ? "body-cut" : "malformed-response";
  return new Failure(kind, "backend", "never", `http2: malformed response: ${reason}`);
}

/** The field section of an answer is above the limit of that many bytes. */
export function responseTooLarge(bytes: number): Failure {
  const text = `http2: response header list larger than advertised limit of ${bytes} bytes`;
  return new Failure("response-head-too-large", "backend", "never", text);
}

export function tooManyLines(): Failure {
  return new Failure("too-many-response-headers", "backend", "never", "Too many response headers");
}

/** The backend reset the stream, or closed its connection after GOAWAY; the request was sent and is not sent again. */
export function endedByBackend(text: string, answered: boolean): Failure {
  return new Failure(answered ? "body-cut" : "malformed-response", "backend", "never", text);
}
