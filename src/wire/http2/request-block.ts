import type { Outgoing } from "../../core/forwarding/transport.ts";
import { HeaderLines } from "../header-lines.ts";
import { encodeStatic } from "./hpack-encoder.ts";
import { encodeLines } from "./message-block.ts";

/** Methods whose requests say that they have no body (data-plane §5.4). */
function announcesNoBody(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

/** Path and query of a target; of an absolute one what follows its authority (data-plane §10.3). */
function pathOf(target: string): string {
  if (target.charCodeAt(0) === 0x2f || target === "*") return target;
  const start = target.indexOf("://");
  let at = start + 3;
  while (at < target.length && target[at] !== "/" && target[at] !== "?") at++;
  return target[at] === "/" ? target.slice(at) : `/${target.slice(at)}`;
}

/** What is wrong with a target for HTTP/2: the text of data-plane §10.3, or undefined. */
export function targetFault(target: string): string | undefined {
  if (!target.toLowerCase().startsWith("http://")) return undefined;
  const quoted = JSON.stringify(target);
  return `invalid request :path ${quoted} from URL.Opaque = ${quoted}`;
}

/** A request's header block (RFC 9113 §8.3.1, data-plane §10.3). `bodyLength`: 0 none, -1 unknown. */
export function requestBlock(outgoing: Outgoing, bodyLength: number, secure: boolean): string {
  const { method, target, outbound } = outgoing;
  const lines = outbound instanceof HeaderLines ? outbound : HeaderLines.from(outbound);
  const announced = lines.first("content-length");
  if (bodyLength < 0) lines.delete("content-length");
  else if (bodyLength > 0 && announced === null) lines.append("Content-Length", String(bodyLength));
  else if (bodyLength === 0 && announced !== null) lines.delete("content-length");
  if (bodyLength === 0 && announcesNoBody(method)) lines.append("Content-Length", "0");
  const authority = encodeStatic(":authority", method === "CONNECT" ? target : (lines.first("host") ?? ""));
  if (method === "CONNECT") return encodeStatic(":method", method) + authority + encodeLines(lines);
  return (
    encodeStatic(":method", method) +
    encodeStatic(":scheme", secure ? "https" : "http") +
    authority +
    encodeStatic(":path", pathOf(target)) +
    encodeLines(lines)
  );
}
