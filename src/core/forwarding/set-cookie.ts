/** Attributes of a `Set-Cookie` line, as far as the session cookie takes them over (data-plane §3.8). */
export interface CookieAttributes {
  /** RFC 1123 with `GMT`; undefined when absent or not parsable. */
  readonly expires: string | undefined;
  /** Max-Age in seconds, 0 for any less; undefined when absent or not parsable. */
  readonly maxAge: number | undefined;
  readonly secure: boolean;
  readonly sameSite: "Lax" | "Strict" | "None" | undefined;
  readonly partitioned: boolean;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const dateForm =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d)([ -])([A-Z][a-z]{2})\2(\d{4}) (\d\d?):(\d\d):(\d\d) [A-Z]{3,4}$/;
const integerForm = /^[+-]?\d+$/;
/** Values of `SameSite`, by their lower-case form. */
export const sameSites = { lax: "Lax", strict: "Strict", none: "None" } as const;

/** An `Expires` value, RFC 1123 or with dashes, in the form that is sent; undefined: it is dropped. */
function expiresText(value: string): string | undefined {
  const match = dateForm.exec(value);
  if (match === null) return undefined;
  const [day, month, year, hour, minute, second] = [1, 3, 4, 5, 6, 7].map((group) => match[group] ?? "");
  const monthIndex = months.indexOf(month!);
  if (monthIndex < 0 || Number(year) < 1601) return undefined;
  const date = new Date(Date.UTC(Number(year), monthIndex, Number(day), Number(hour), Number(minute), Number(second)));
  const exact = date.getUTCDate() === Number(day) && date.getUTCHours() === Number(hour);
  if (!exact || Number(minute) > 59 || Number(second) > 59) return undefined;
  return date.toUTCString();
}

/** Max-Age, 0 for any less; leading zeros make it invalid, as in Go's library. */
function maxAgeOf(value: string): number | undefined {
  if (!integerForm.test(value)) return undefined;
  const seconds = Number(value);
  if (seconds !== 0 && value.startsWith("0")) return undefined;
  return Math.min(Math.max(seconds, 0), Number.MAX_SAFE_INTEGER);
}

/** Name of the cookie a `Set-Cookie` line sets (RFC 6265 §5.2). */
export function setCookieName(line: string): string {
  const end = line.indexOf(";");
  const pair = end < 0 ? line : line.slice(0, end);
  const equals = pair.indexOf("=");
  return equals < 0 ? "" : pair.slice(0, equals).trim();
}

/** Reads the attributes of a `Set-Cookie` line; their names have no case, the last of a kind counts, unknown ones are skipped. */
export function cookieAttributes(line: string): CookieAttributes {
  let expires: string | undefined;
  let maxAge: number | undefined;
  let secure = false;
  let sameSite: CookieAttributes["sameSite"];
  let partitioned = false;
  for (const attribute of line.split(";").slice(1)) {
    const equals = attribute.indexOf("=");
    const name = (equals < 0 ? attribute : attribute.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? "" : attribute.slice(equals + 1).trim();
    if (name === "expires") expires = expiresText(value);
    else if (name === "max-age") maxAge = maxAgeOf(value) ?? maxAge;
    else if (name === "secure") secure = true;
    else if (name === "samesite") sameSite = sameSites[value.toLowerCase() as keyof typeof sameSites];
    else if (name === "partitioned") partitioned = true;
  }
  return { expires, maxAge, secure, sameSite, partitioned };
}
