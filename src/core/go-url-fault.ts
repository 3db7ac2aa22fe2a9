import { goQuote } from "./go-quote.ts";

/**
 * Why Go's parser refuses an URL, as it says it (`parse ":x": missing protocol scheme`), or undefined when it takes it
 * (route-registrar §6.2). RFC 3986 with Go's leniency: an empty text, a bare path and an unknown scheme are URLs.
 */
export function goUrlFault(text: string): string | undefined {
  const hash = text.indexOf("#");
  const url = hash < 0 ? text : text.slice(0, hash);
  const reason = reasonOf(url);
  if (reason !== undefined) return `parse ${goQuote(url)}: ${reason}`;
  const fragment = hash < 0 ? undefined : escapeFault(text.slice(hash + 1));
  return fragment === undefined ? undefined : `parse ${goQuote(text)}: ${fragment}`;
}

const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const badEscape = /%(?![0-9A-Fa-f]{2}).{0,2}/su;
/** Neither unreserved, sub-delimiters, brackets, quotes nor angle brackets (which Go lets pass), nor beyond ASCII. */
const badHostCharacter = /[^A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"%\u0080-\u{10ffff}]/u;
const userInfo = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;

function reasonOf(url: string): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(url)) return "net/url: invalid control character in URL";
  if (url === "" || url === "*") return undefined;
  if (url.startsWith(":")) return "missing protocol scheme";
  const found = scheme.exec(url)?.[0] ?? "";
  const rest = url.slice(found.length).split("?")[0]!;
  // An opaque URL (`mailto:x`): nothing more is looked at.
  if (found !== "" && !rest.startsWith("/")) return undefined;
  if (found === "" && !rest.startsWith("/") && rest.split("/")[0]!.includes(":"))
    return "first path segment in URL cannot contain colon";
  if (!rest.startsWith("//") || rest.startsWith("///")) return escapeFault(rest);
  const slash = rest.indexOf("/", 2);
  const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
  return authorityFault(authority) ?? escapeFault(slash < 0 ? "" : rest.slice(slash));
}

function authorityFault(authority: string): string | undefined {
  const at = authority.lastIndexOf("@");
  if (at >= 0 && !userInfo.test(authority.slice(0, at))) return "net/url: invalid userinfo";
  const host = authority.slice(at + 1);
  if (host.startsWith("[")) {
    const close = host.lastIndexOf("]");
    if (close < 0) return "missing ']' in host";
    return portFault(host.slice(close + 1));
  }
  const colon = host.lastIndexOf(":");
  const badPort = colon < 0 ? undefined : portFault(host.slice(colon));
  if (badPort !== undefined) return badPort;
  const bad = badHostCharacter.exec(host)?.[0];
  if (bad !== undefined) return `invalid character ${goQuote(bad)} in host name`;
  return escapeFault(host) ?? asciiEscapeFault(host);
}

/** In a host only bytes beyond ASCII, and the mark of a zone, may be escaped. */
function asciiEscapeFault(host: string): string | undefined {
  const bad = /%(?!25)[0-7][0-9A-Fa-f]/.exec(host)?.[0];
  return bad === undefined ? undefined : `invalid URL escape ${goQuote(bad)}`;
}

function portFault(text: string): string | undefined {
  return /^(?::\d*)?$/.test(text) ? undefined : `invalid port ${goQuote(text)} after host`;
}

function escapeFault(text: string): string | undefined {
  const bad = badEscape.exec(text)?.[0];
  return bad === undefined ? undefined : `invalid URL escape ${goQuote(bad)}`;
}
