import type { MessageHeaders } from "../message.ts";

/** True when a comma-separated list has the token, without regard to case (RFC 9110 §5.6.1). `token` is lower-case. */
export function hasToken(list: string, token: string): boolean {
  if (list.length === token.length) return list.toLowerCase() === token;
  if (list.length < token.length || !list.includes(",")) return list.trim().toLowerCase() === token;
  return list.split(",").some((part) => part.trim().toLowerCase() === token);
}

const hopByHop = [
  "Proxy-Connection",
  "Keep-Alive",
  "Proxy-Authenticate",
  "Proxy-Authorization",
  "Te",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
];

/**
 * Takes out the hop-by-hop fields of a message: those named in `Connection`, then the known ones (data-plane §5.3, §5.5).
 * `Trailer` stays where trailers can follow: on chunked messages, which it announces them for (§5.4, §5.6).
 */
export function removeHopByHop(headers: MessageHeaders): void {
  const connection = headers.get("Connection");
  if (connection !== null) {
    // What nearly all say names a field too, which is not there.
    if (connection === "close") headers.delete("Close");
    else if (connection !== "keep-alive") {
      for (const part of connection.split(",")) {
        const name = part.trim();
        // Host is no field of one hop: no client may send a request on without it (RFC 9110 §7.6.1).
        if (isToken(name) && name.toLowerCase() !== "host" && headers.has(name)) headers.delete(name);
      }
    }
    headers.delete("Connection");
  }
  if (headers.hasAny?.(hopByHop) === false) return;
  const chunked = headers.has("Transfer-Encoding");
  for (const name of hopByHop) {
    if (headers.has(name) && !(chunked && name === "Trailer")) headers.delete(name);
  }
}

/** Platform `Headers` throw on names that are no tokens (RFC 9110 §5.6.2); such a name stands for no field. */
function isToken(name: string): boolean {
  if (name === "") return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || '"(),/:;<=>?@[\\]{}'.includes(name[i]!)) return false;
  }
  return true;
}
