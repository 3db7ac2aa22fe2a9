/** Up to here Go knows the length when it writes the head; above it sends chunks. */
const bufferedBytes = 2048;

const escaped = /[<>&\u2028\u2029]/g;

/** JSON with what Go escapes in strings beyond the standard. */
export function goJson(json: string): string {
  if (json.search(escaped) < 0) return json;
  return json.replace(escaped, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** How `/routes` and `/varz` answer (control-plane §4.3): JSON and a line feed, the connection is closed. */
export function jsonAnswer(json: string): Response {
  const body = new TextEncoder().encode(`${json}\n`);
  return new Response(body, {
    headers: {
      Connection: "close",
      "Content-Type": "application/json",
      ...(body.length <= bufferedBytes && { "Content-Length": String(body.length) }),
    },
  });
}
