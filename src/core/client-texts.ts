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

/** What is the same for all connections from an address. */
interface AddressTexts extends Omit<ClientTexts, "source"> {
  readonly remoteAddress: string;
  /** `"IP:`, with brackets around IPv6. */
  readonly sourceStart: string;
}

/** A power of two. Behind a load balancer clients come from few addresses, so few are enough; each has one place. */
const places = 64;
const kept: (AddressTexts | undefined)[] = new Array(places).fill(undefined);

function addressTexts(remoteAddress: string): AddressTexts {
  const { length } = remoteAddress;
  const place = (7 * remoteAddress.charCodeAt(length - 1) + 13 * remoteAddress.charCodeAt(length - 2)) & (places - 1);
  let texts = kept[place];
  if (texts === undefined || texts.remoteAddress !== remoteAddress) {
    texts = {
      remoteAddress,
      sourceStart: ['"', addressText(remoteAddress, 0).slice(0, -1)].join(""),
      address: ['"', escapeLogValue(remoteAddress), '"'].join(""),
      forwardedForLine: isVisible(remoteAddress) ? ["X-Forwarded-For: ", remoteAddress, "\r\n"].join("") : "",
    };
    kept[place] = texts;
  }
  return texts;
}

/** The texts about a client, worked out once per connection, and most of them once per address. */
export function clientTexts(client: Client): ClientTexts {
  let { texts } = client;
  if (texts === undefined) {
    const { sourceStart, address, forwardedForLine } = addressTexts(client.remoteAddress);
    texts = { source: [sourceStart, client.remotePort, '" '].join(""), address, forwardedForLine };
    client.texts = texts;
  }
  return texts;
}
