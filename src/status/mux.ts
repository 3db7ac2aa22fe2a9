import type { Context, Hono } from "hono";

/**
 * What Go's standard request multiplexer does around the handlers of the status servers, so that a status port answers
 * every path as upstream (control-plane §4.2).
 */

const notFoundBody = "404 page not found\n";

/** The answer for every path that has no handler. */
function notFound(): Response {
  return new Response(notFoundBody, {
    status: 404,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
      "Content-Length": String(notFoundBody.length),
    },
  });
}

/** A path without empty, `.` and `..` segments; a final slash stays. */
export function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const last = path.slice(path.lastIndexOf("/") + 1);
  const slash = kept.length > 0 && (last === "" || last === "." || last === "..");
  return `/${kept.join("/")}${slash ? "/" : ""}`;
}

/** Path and query of an URL as they were written; `URL` would clean the path. */
function splitUrl(url: string): { readonly path: string; readonly query: string } {
  const authority = url.indexOf("://");
  const start = authority < 0 ? 0 : url.indexOf("/", authority + 3);
  if (start < 0) return { path: "/", query: "" };
  const fragment = url.indexOf("#", start);
  const end = fragment < 0 ? url.length : fragment;
  const mark = url.indexOf("?", start);
  if (mark < 0 || mark > end) return { path: url.slice(start, end), query: "" };
  return { path: url.slice(start, mark), query: url.slice(mark, end) };
}

/** Path of a request's URL as it was written. */
export function pathOf(url: string): string {
  return splitUrl(url).path;
}

const htmlEscapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

function redirect(method: string, location: string): Response {
  if (method !== "GET" && method !== "HEAD")
    return new Response(null, { status: 301, headers: { Location: location, "Content-Length": "0" } });
  const escaped = location.replace(/[&<>"']/g, (character) => htmlEscapes[character]!);
  const body = `<a href="${escaped}">Moved Permanently</a>.\n\n`;
  return new Response(method === "HEAD" ? null : body, {
    status: 301,
    headers: {
      Location: location,
      "Content-Type": "text/html; charset=utf-8",
      ...(method === "GET" && { "Content-Length": String(new TextEncoder().encode(body).length) }),
    },
  });
}

/** Redirects an unclean path to the clean one, except for CONNECT; undefined when there is nothing to do. */
function redirected(context: Context): Response | undefined {
  const { method, url } = context.req.raw;
  const { path, query } = splitUrl(url);
  if (method === "CONNECT" || !path.startsWith("/")) return undefined;
  const clean = cleanPath(path);
  return clean === path ? undefined : redirect(method, clean + query);
}

/** Gives a hono app the redirects and the 404 of Go's multiplexer; call it before any handler is added. */
export function likeGoMux(app: Hono): void {
  app.use(async (context, next) => {
    const answer = redirected(context);
    if (answer !== undefined) return answer;
    return await next();
  });
  app.notFound(notFound);
}
