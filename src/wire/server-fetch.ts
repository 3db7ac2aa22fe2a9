import type { Client } from "../core/client.ts";
import type { RequestLike, ResponseLike } from "../core/message.ts";
import { HeaderLines } from "./header-lines.ts";
import type { Handler } from "./server-options.ts";

/** What a Fetch handler is told beside the request: hono's `c.env`. */
interface FetchEnvironment {
  readonly client: Client;
}

/** A Fetch handler of the platform's kind: hono's `app.fetch`, or what `Bun.serve` and `Deno.serve` take. */
type FetchHandler = (request: Request, environment: FetchEnvironment) => Response | Promise<Response>;

/** Methods that a platform `Request` refuses (Fetch standard, "forbidden method"). */
function isForbidden(method: string): boolean {
  const upper = method.toUpperCase();
  return upper === "CONNECT" || upper === "TRACE" || upper === "TRACK";
}

function plain(status: number, text: string): ResponseLike {
  return new Response(text, { status, headers: { "Content-Type": "text/plain; charset=utf-8" } });
}

/**
 * The fields of a request for `Headers`, which joins lines of one name: of several `Authorization` lines the first counts,
 * as upstream.
 */
function fieldsOf(headers: RequestLike["headers"]): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = [];
  let authorized = false;
  for (const field of headers) {
    if (field[0].toLowerCase() === "authorization") {
      if (authorized) continue;
      authorized = true;
    }
    fields.push(field);
  }
  return fields;
}

function requestOf(request: RequestLike): Request {
  const { method } = request;
  const bodiless = method === "GET" || method === "HEAD";
  return new Request(request.url, {
    method,
    headers: fieldsOf(request.headers) as [string, string][],
    body: bodiless ? null : request.body,
    signal: request.signal,
    // Fetch asks for it beside a stream; not every platform's types know it.
    duplex: "half",
  } as RequestInit);
}

/** What Go's server adds behind Date, in its order; the type only where it made it out from the body itself. */
const length = ["content-length"];
const lengthAndType = ["content-length", "content-type"];

/** Plain text that no handler named so: `http.Error` of Go names it together with "nosniff". */
function isSniffed(headers: Headers): boolean {
  return headers.get("content-type") === "text/plain; charset=utf-8" && !headers.has("x-content-type-options");
}

/**
 * The platform's answer with its header lines as Go's server writes them: `Headers` has names in lower case only, and all of
 * them in the order of their names.
 */
export function respelled({ status, statusText, headers, body }: Response): ResponseLike {
  const lines = new HeaderLines();
  for (const [name, value] of headers) {
    lines.append(
      name.replace(/(^|-)[a-z]/g, (initial) => initial.toUpperCase()),
      value,
    );
  }
  return { status, statusText, headers: lines, body, behindDate: isSniffed(headers) ? lengthAndType : length };
}

/**
 * Serves a Fetch handler on the wire. It gets a platform `Request`; what Fetch cannot hold is answered without it: 501
 * for the methods that it forbids, 400 for a target that is no URL. Set Content-Type explicitly: a `Response` made from a bare string
 * shows none on Bun (hono's `c.text(text)` makes such ones, `c.text(text, 200)` does not).
 */
export function fetchHandler(fetch: FetchHandler): Handler {
  return async (request, client) => {
    if (isForbidden(request.method)) return plain(501, "501 Not Implemented\n");
    let platform: Request;
    try {
      platform = requestOf(request);
    } catch {
      return plain(400, "400 Bad Request\n");
    }
    return respelled(await fetch(platform, { client }));
  };
}
