import type { Outgoing } from "../core/forwarding/transport.ts";
import { HeaderLines } from "./header-lines.ts";

/** Methods whose requests say that they have no body (data-plane §5.4, RFC 9110 §8.6). */
function announcesNoBody(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

const slash = 0x2f;

/**
 * The request target on the wire. One that starts with `//` could be taken for an authority, so it goes in absolute form
 * (data-plane §5.1), its own bytes unchanged.
 */
function wireTarget({ target }: Outgoing, lines: HeaderLines, secure: boolean): string {
  if (target.charCodeAt(1) !== slash || target.charCodeAt(0) !== slash) return target;
  return `${secure ? "https" : "http"}://${lines.first("host") ?? ""}${target}`;
}

/** Whether the request line that was received, in front of these lines, is the one to be sent. */
function keepsRequestLine({ method, target, client }: Outgoing, lines: HeaderLines): boolean {
  return (
    client !== undefined &&
    client.target === target &&
    client.protocol === "HTTP/1.1" &&
    target.charCodeAt(1) !== slash &&
    lines.startLength === method.length + target.length + " HTTP/1.1\r\n".length + 1
  );
}

/**
 * The head of a request as it goes to the backend, empty line included: one character per byte.
 * `bodyLength`: 0 no body, -1 unknown (chunked), else Content-Length (data-plane §5.1, §5.4). `close` adds
 * `Connection: close` as the last line; `secure`: the backend speaks TLS.
 */
export function requestHead(outgoing: Outgoing, bodyLength: number, close: boolean, secure: boolean): string {
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
  if (keepsRequestLine(outgoing, lines)) return `${lines.toWire(true)}${framing}\r\n`;
  return `${method} ${wireTarget(outgoing, lines, secure)} HTTP/1.1\r\n${lines.toWire()}${framing}\r\n`;
}
