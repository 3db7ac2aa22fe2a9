import type { Exchange } from "../exchange.ts";
import { firstValue, type MessageHeaders } from "../message.ts";
import { utf8Bytes } from "../observe/access-log-quote.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import { formatSessionMeta, metaCookie, parseSessionMeta } from "./session-meta.ts";
import { type CookieAttributes, cookieAttributes, setCookieName } from "./set-cookie.ts";

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

/** A cookie's line (data-plane §3.8): attributes in this order, Path first, HttpOnly always. */
function cookieLine(name: string, text: string, path: string, copied: CookieAttributes | undefined, secure: boolean) {
  const value = keepBytes(text, '";\\');
  let line = `${name}=${value.includes(" ") || value.includes(",") ? `"${value}"` : value}`;
  line += `; Path=${keepBytes(path, ";")}`;
  if (copied?.expires !== undefined) line += `; Expires=${copied.expires}`;
  if (copied?.maxAge !== undefined) line += `; Max-Age=${copied.maxAge}`;
  line += "; HttpOnly";
  if (secure || copied?.secure === true) line += "; Secure";
  if (copied?.sameSite !== undefined) line += `; SameSite=${copied.sameSite}`;
  return copied?.partitioned === true ? `${line}; Partitioned` : line;
}

const negotiated: CookieAttributes = {
  expires: undefined,
  maxAge: 60,
  secure: false,
  sameSite: "Strict",
  partitioned: false,
};

/** A lasting cookie does not make the session lasting (data-plane §3.8). */
function withoutLife(attributes: CookieAttributes): CookieAttributes {
  return attributes.maxAge === undefined || attributes.maxAge === 0 ? attributes : { ...attributes, maxAge: undefined };
}

/** What the client's companion cookie says; undefined without one. */
function rememberedAttributes(headers: MessageHeaders): CookieAttributes | undefined {
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== "cookie") continue;
    for (const pair of value.split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0 || pair.slice(0, equals).trim() !== metaCookie) continue;
      const meta = cookieValue(pair.slice(equals + 1).trim());
      if (meta !== undefined) return parseSessionMeta(meta);
    }
  }
  return undefined;
}

/**
 * Ties the session to the instance that answered: appends the session cookie to a backend's response where the table of
 * data-plane §3.8 says so. With `sticky_session_meta_cookie` a companion keeps the attributes (§12, sessions).
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
  const append = (name: string, value: string, copied: CookieAttributes | undefined): void =>
    headers.append("Set-Cookie", cookieLine(name, value, path, copied, source.secure_cookies));
  if (negotiates) {
    if (stickyId !== id) append(sessionCookie, id, negotiated);
    return;
  }
  const sticky = lines.filter((line) => stickyCookies.has(setCookieName(line)));
  if (sticky.length === 0 && (stickyId === "" || stickyId === id)) return;
  if (!source.sticky_session_meta_cookie) {
    append(sessionCookie, id, sticky[0] === undefined ? undefined : withoutLife(cookieAttributes(sticky[0])));
    return;
  }
  for (const copied of sticky.length > 0 ? sticky.map(cookieAttributes) : [rememberedAttributes(request)]) {
    append(sessionCookie, id, copied);
    if (copied !== undefined) append(metaCookie, formatSessionMeta(copied), copied);
  }
}
