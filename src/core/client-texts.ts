import { addressText } from "./address-text.ts";
import type { Client, ClientTexts } from "./client.ts";
import { escapeLogValue } from "./observe/access-log-quote.ts";

/** The texts about a client, worked out once per connection. */
export function clientTexts(client: Client): ClientTexts {
  let { texts } = client;
  if (texts === undefined) {
    const { remoteAddress, remotePort } = client;
    texts = {
      source: ['"', addressText(remoteAddress, remotePort), '" '].join(""),
      address: ['"', escapeLogValue(remoteAddress), '"'].join(""),
    };
    client.texts = texts;
  }
  return texts;
}
