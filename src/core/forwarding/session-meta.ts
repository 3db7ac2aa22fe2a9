import { type CookieAttributes, sameSites } from "./set-cookie.ts";

/**
 * Name of the cookie beside the session cookie that keeps what was copied from the app's cookie, for when the router
 * has to write the session cookie anew (data-plane §12, sessions).
 */
export const metaCookie = "__VCAP_ID_META__";

const digits = /^\d{1,15}$/;

/** The attributes as the value of the cookie, joined by `&`; `expires` in seconds since the epoch. Maybe empty. */
export function formatSessionMeta(attributes: CookieAttributes): string {
  const parts: string[] = [];
  if (attributes.secure) parts.push("secure");
  if (attributes.partitioned) parts.push("partitioned");
  if (attributes.expires !== undefined) parts.push(`expires=${Date.parse(attributes.expires) / 1000}`);
  if (attributes.maxAge !== undefined) parts.push(`maxage=${attributes.maxAge}`);
  if (attributes.sameSite !== undefined) parts.push(`samesite=${attributes.sameSite.toLowerCase()}`);
  return parts.join("&");
}

/** Reads the cookie's value as a client sent it: what is not understood is skipped. */
export function parseSessionMeta(value: string): CookieAttributes {
  let expires: string | undefined;
  let maxAge: number | undefined;
  let sameSite: CookieAttributes["sameSite"];
  const parts = value.split("&");
  for (const part of parts) {
    const equals = part.indexOf("=");
    const text = part.slice(equals + 1);
    const name = part.slice(0, Math.max(equals, 0));
    if (name === "expires" && digits.test(text)) expires = utcText(Number(text));
    else if (name === "maxage" && digits.test(text)) maxAge = Number(text);
    else if (name === "samesite" && Object.hasOwn(sameSites, text))
      sameSite = sameSites[text as keyof typeof sameSites];
  }
  return { expires, maxAge, secure: parts.includes("secure"), sameSite, partitioned: parts.includes("partitioned") };
}

/** Undefined for a time that no calendar has. */
function utcText(seconds: number): string | undefined {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toUTCString();
}
