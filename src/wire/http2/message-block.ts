import type { HeadersLike } from "../../core/message.ts";
import { encodeField } from "./hpack-encoder.ts";

/** True for fields that no HTTP/2 message has (RFC 9113 §8.2.2), and for `Host`, which is a pseudo-header field there. */
function isForeign(name: string): boolean {
  switch (name.length) {
    case 4:
      return name.toLowerCase() === "host";
    case 7:
      return name.toLowerCase() === "upgrade";
    case 10: {
      const lower = name.toLowerCase();
      return lower === "connection" || lower === "keep-alive";
    }
    case 16:
      return name.toLowerCase() === "proxy-connection";
    case 17:
      return name.toLowerCase() === "transfer-encoding";
    default:
      return false;
  }
}

/** Header lines as fields of a block, in their order, without those that HTTP/2 has not. */
export function encodeLines(lines: HeadersLike): string {
  let block = "";
  for (const [name, value] of lines) if (!isForeign(name)) block += encodeField(name, value);
  return block;
}
