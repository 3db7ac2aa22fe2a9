import { addressText } from "./address-text.ts";
import type { Client, ClientTexts } from "./client.ts";
import { escapeLogValue } from "./observe/access-log-quote.ts";

/** What a native listener's embedder says may be no address. */
function isVisible(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return text !== "";
}

/** The texts about a client, worked out once per connection. */
export function clientTexts(client: Client): ClientTexts {
  let { texts } = client;
  if (texts === undefined) {
    const { remoteAddress, remotePort } = client;
    texts = {
      source: ['"', addressText(remoteAddress, remotePort), '" '].join(""),
      address: ['"', escapeLogValue(remoteAddress), '"'].join(""),
      forwardedForLine: isVisible(remoteAddress) ? ["X-Forwarded-For: ", remoteAddress, "\r\n"].join("") : "",
    };
    client.texts = texts;
  }
  return texts;
}
