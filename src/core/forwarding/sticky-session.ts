import type { Exchange } from "../exchange.ts";
import { firstValue, type MessageHeaders } from "../message.ts";
import { utf8Bytes } from "../observe/access-log-quote.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import { parseSetCookie, type SetCookie, setCookieName } from "./set-cookie.ts";

const sessionCookie = "__VCAP_ID__";
const negotiate = "negotiate";

const startsWithNegotiate = (value: string | null): boolean =>
  value !== null && value.slice(0, negotiate.length).toLowerCase() === negotiate;

/** A cookie value that can be used, without its quotes; undefined when it has a byte that it may not have. */
function cookieValue(text: string): string | undefined {
  const value = text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return undefined;
  }
  return value;
}

/** Walks over the cookies of `Cookie` lines (RFC 6265 §4.2.1) and notes what sessions need. */
class SessionCookies {
  /** Value of the first session cookie. */
  id = "";
  /** One of the sticky cookies is there. */
  sticky = false;

  read(line: string, names: ReadonlySet<string>): void {
    for (let start = 0; start < line.length; ) {
      let end = line.indexOf(";", start);
      if (end < 0) end = line.length;
      const equals = line.indexOf("=", start);
      const hasValue = equals >= 0 && equals < end;
      const name = line.slice(start, hasValue ? equals : end).trim();
      if (name === sessionCookie && this.id === "") {
        this.id = hasValue ? (cookieValue(line.slice(equals + 1, end).trim()) ?? "") : "";
      } else if (names.has(name)) {
        this.sticky = true;
      }
      start = end + 1;
    }
  }
}

/** Finds out whether the request belongs to a session, and which instance it names (data-plane §3.7). */
export function readSession(exchange: Exchange): void {
  const { headers, selection } = exchange;
  const all = headers.get("Cookie");
  if (all === null) return;
  const { stickyCookies, source } = exchange.router.compiled;
  const cookies = new SessionCookies();
  if (all === firstValue(headers, "Cookie")) cookies.read(all, stickyCookies);
  else for (const [name, value] of headers) if (name.toLowerCase() === "cookie") cookies.read(value, stickyCookies);
  if (cookies.id === "") return;
  if (source.sticky_sessions_for_auth_negotiate && startsWithNegotiate(firstValue(headers, "Authorization"))) {
    selection.mustStick = true;
    selection.stickyId = cookies.id;
  } else if (cookies.sticky) {
    selection.stickyId = cookies.id;
  }
}

function keepBytes(text: string, dropped: string): string {
  let kept = "";
  for (const character of utf8Bytes(text)) {
    if (character >= " " && character <= "~" && !dropped.includes(character)) kept += character;
  }
  return kept;
}

/** The session cookie's line (data-plane §3.8): attributes in this order, Path first, HttpOnly always. */
function cookieLine(id: string, path: string, copied: SetCookie | "negotiate" | undefined, secure: boolean): string {
  const value = keepBytes(id, '";\\');
  let line = `${sessionCookie}=${value.includes(" ") || value.includes(",") ? `"${value}"` : value}`;
  line += `; Path=${keepBytes(path, ";")}`;
  const attributes = copied === "negotiate" ? undefined : copied;
  if (attributes?.expires !== undefined) line += `; Expires=${attributes.expires}`;
  if (copied === "negotiate") line += "; Max-Age=60";
  else if (attributes?.expired === true) line += "; Max-Age=0";
  line += "; HttpOnly";
  if (secure || attributes?.secure === true) line += "; Secure";
  const sameSite = copied === "negotiate" ? "Strict" : attributes?.sameSite;
  if (sameSite !== undefined) line += `; SameSite=${sameSite}`;
  return attributes?.partitioned === true ? `${line}; Partitioned` : line;
}

/**
 * Ties the session to the instance that answered: appends the session cookie to a backend's response where the table of
 * data-plane §3.8 says so.
 */
export function writeSession(exchange: Exchange, endpoint: Endpoint, headers: MessageHeaders): void {
  const id = endpoint.privateInstanceId;
  const { stickyId } = exchange.selection;
  const { stickyCookies, source } = exchange.router.compiled;
  const sets = headers.has("Set-Cookie");
  const negotiates =
    source.sticky_sessions_for_auth_negotiate && startsWithNegotiate(firstValue(headers, "WWW-Authenticate"));
  if (id === "" || (!sets && !negotiates && (stickyId === "" || stickyId === id))) return;
  const request = exchange.headers;
  if ((request.get("X-CF-Proxy-Signature") ?? "") !== "" && (request.get("X-CF-Forwarded-Url") ?? "") !== "") return;
  const lines = sets ? headers.getSetCookie() : [];
  if (lines.some((line) => setCookieName(line) === sessionCookie)) return;
  const path = exchange.pool?.contextPath ?? "/";
  if (negotiates) {
    if (stickyId !== id) headers.append("Set-Cookie", cookieLine(id, path, "negotiate", source.secure_cookies));
    return;
  }
  const sticky = lines.find((line) => stickyCookies.has(setCookieName(line)));
  if (sticky === undefined && (stickyId === "" || stickyId === id)) return;
  const copied = sticky === undefined ? undefined : parseSetCookie(sticky);
  headers.append("Set-Cookie", cookieLine(id, path, copied, source.secure_cookies));
}
