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

function requestOf(request: RequestLike): Request {
  const { method } = request;
  const bodiless = method === "GET" || method === "HEAD";
  return new Request(request.url, {
    method,
    headers: [...request.headers],
    body: bodiless ? null : request.body,
    signal: request.signal,
    // Fetch asks for it beside a stream; not every platform's types know it.
    duplex: "half",
  } as RequestInit);
}

/** The platform's answer with its header names spelled as Go spells them: `Headers` has them in lower case only. */
export function respelled({ status, statusText, headers, body }: Response): ResponseLike {
  const lines = new HeaderLines();
  for (const [name, value] of headers) {
    lines.append(
      name.replace(/(^|-)[a-z]/g, (initial) => initial.toUpperCase()),
      value,
    );
  }
  return { status, statusText, headers: lines, body };
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
