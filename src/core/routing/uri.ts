const slash = 0x2f;
const query = 0x3f;
const percent = 0x25;

/** Bytes that may stand raw in a path that is used as sent (data-plane §1.4.11); `%` begins an escape. */
const usedAsSent = byteSet("-_.~!$&'()*+,;=:@/[]%");
/** Bytes left alone when the whole path is escaped anew: what RFC 3986 §3.3 lets a path hold but `!'()*;`-like marks. */
const leftAlone = byteSet("-_.~$&+,/:;=@");

function byteSet(marks: string): Uint8Array {
  const set = new Uint8Array(256);
  const members = `${marks}ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789`;
  for (let i = 0; i < members.length; i++) set[members.charCodeAt(i)] = 1;
  return set;
}

/**
 * Lower case, one character to one (control-plane §3.1): no context-dependent sigma, `İ` becomes a plain `i`.
 */
export function lowerCase(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return lowerCaseByCharacter(text);
  }
  return text.toLowerCase();
}

function lowerCaseByCharacter(text: string): string {
  let lower = "";
  for (const character of text) lower += String.fromCodePoint(character.toLowerCase().codePointAt(0) as number);
  return lower;
}

/** A registered uri as logs show it: case kept, one trailing slash removed (control-plane §3.5). */
export function withoutTrailingSlash(uri: string): string {
  return uri.charCodeAt(uri.length - 1) === slash ? uri.slice(0, -1) : uri;
}

/** The route key of a registered uri, or of host plus path: control-plane §3.1. */
export function routeKey(uri: string): string {
  const key = lowerCase(withoutTrailingSlash(uri));
  const end = key.indexOf("?");
  return end < 0 ? key : key.slice(0, end);
}

/**
 * Route key to trie key: one more trailing slash and one leading slash less (control-plane §3.1). Split at `/` it is
 * the way through the trie; `/routes` shows it.
 */
export function trieKey(key: string): string {
  const trimmed = withoutTrailingSlash(key);
  return trimmed.charCodeAt(0) === slash ? trimmed.slice(1) : trimmed;
}

/** Host of a registered uri, original case: what stands before the first `/`, one leading slash skipped (§3.1). */
export function hostOf(uri: string): string {
  const start = uri.charCodeAt(0) === slash ? 1 : 0;
  const end = uri.indexOf("/", start);
  return end < 0 ? uri.slice(start) : uri.slice(start, end);
}

/**
 * Context path of a registered uri, original case: `/` plus what follows the host, cut at `?`; `/` for a bare host.
 * It becomes the path of the sticky cookie (control-plane §3.1).
 */
export function contextPathOf(uri: string): string {
  const path = uri.indexOf("/", uri.charCodeAt(0) === slash ? 1 : 0);
  if (path < 0) return "/";
  const end = uri.indexOf("?", path);
  return end < 0 ? uri.slice(path) : uri.slice(path, end);
}

/**
 * The path of a request target (RFC 9112 §3.2), query excluded: nothing for an authority, what follows the authority
 * for an absolute form, `*` for itself.
 */
function pathOf(target: string): string {
  let start = 0;
  if (target.charCodeAt(0) !== slash && target !== "*") {
    const authority = target.indexOf("://");
    if (authority < 0) return "";
    start = target.indexOf("/", authority + 3);
    const end = target.indexOf("?", authority + 3);
    if (start < 0 || (end >= 0 && end < start)) return "";
  }
  const end = target.indexOf("?", start);
  if (end >= 0) return target.slice(start, end);
  return start === 0 ? target : target.slice(start);
}

/**
 * The percent-encoded path by which a request is looked up and logged (data-plane §1.4.11, §9.4): as sent, unless a byte
 * stands raw that should not: then the *whole* path is decoded and escaped again, so that `%2F` becomes a separator.
 * Dot segments and double slashes stay.
 *
 * @param target request target, one character per byte.
 */
export function routeKeyPath(target: string): string {
  if (target.charCodeAt(0) === slash) {
    for (let i = 1; i < target.length; i++) {
      const byte = target.charCodeAt(i);
      if (usedAsSent[byte] !== 1) return byte === query ? target.slice(0, i) : encodedPath(pathOf(target));
    }
    return target;
  }
  return encodedPath(pathOf(target));
}

function encodedPath(path: string): string {
  for (let i = 0; i < path.length; i++) {
    if (usedAsSent[path.charCodeAt(i)] !== 1) return escapedAnew(path);
  }
  return path;
}

function escapedAnew(path: string): string {
  let escaped = "";
  for (let i = 0; i < path.length; i++) {
    let byte = path.charCodeAt(i);
    if (byte === percent) {
      const high = hexDigit(path.charCodeAt(i + 1));
      const low = hexDigit(path.charCodeAt(i + 2));
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        i += 2;
      }
    }
    escaped += leftAlone[byte] === 1 ? String.fromCharCode(byte) : `%${hex(byte >> 4)}${hex(byte & 15)}`;
  }
  return escaped;
}

/** Value of a hexadecimal digit, -1 for anything else (the end of the text included). */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function hex(nibble: number): string {
  return "0123456789ABCDEF".charAt(nibble);
}

/** A host of one character per byte as text (UTF-8, like registered uris); itself when it is ASCII. */
export function hostText(host: string): string {
  for (let i = 0; i < host.length; i++) {
    if (host.charCodeAt(i) >= 0x80) {
      return new TextDecoder().decode(Uint8Array.from(host, (character) => character.charCodeAt(0)));
    }
  }
  return host;
}

/** Orders keys by their UTF-8 bytes, as `/routes` does (control-plane §4.3). */
export function compareBytewise(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** UTF-16 puts surrogates below U+E000…U+FFFF; by code point (and so by UTF-8) they come last. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
