import type { Outgoing } from "../core/forwarding/transport.ts";
import { HeaderLines } from "./header-lines.ts";

/** Methods whose requests say that they have no body (data-plane §5.4, RFC 9110 §8.6). */
function announcesNoBody(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

/**
 * The head of a request as it goes to the backend, empty line included: one character per byte.
 * `bodyLength`: 0 no body, -1 unknown (chunked), else Content-Length (data-plane §5.1, §5.4). `close` adds
 * `Connection: close` as the last line.
 */
export function requestHead(outgoing: Outgoing, bodyLength: number, close: boolean): string {
  const { method, outbound } = outgoing;
  const lines = outbound instanceof HeaderLines ? outbound : HeaderLines.from(outbound);
  let framing = "";
  if (bodyLength > 0) {
    if (!lines.has("content-length")) framing = `Content-Length: ${bodyLength}\r\n`;
  } else if (bodyLength < 0) {
    lines.delete("content-length");
    lines.delete("transfer-encoding");
    framing = "Transfer-Encoding: chunked\r\n";
  } else if (announcesNoBody(method)) {
    const announced = lines.get("content-length");
    if (announced !== "0") {
      if (announced !== null) lines.delete("content-length");
      framing = "Content-Length: 0\r\n";
    }
  } else if (lines.has("content-length")) lines.delete("content-length");
  if (close) framing += "Connection: close\r\n";
  return `${method} ${outgoing.target} HTTP/1.1\r\n${lines.toWire()}${framing}\r\n`;
}
