import type { ApiError } from "./api-error.ts";

const textType = "text/plain; charset=utf-8";
const encoder = new TextEncoder();

/** A whole answer. The content types of routing-api §4: JSON is called text almost everywhere. */
export function answer(status: number, body: string, contentType: string = textType): Response {
  const bytes = encoder.encode(body);
  return new Response(bytes, {
    status,
    headers: { "Content-Type": contentType, "Content-Length": String(bytes.length) },
  });
}

export function jsonAnswer(status: number, body: string): Response {
  return answer(status, body, "application/json");
}

/** 201 and 204 of the operations on routes. */
export function emptyAnswer(status: number): Response {
  return new Response(null, { status, headers: status === 204 ? {} : { "Content-Length": "0" } });
}

export function errorAnswer(error: ApiError): Response {
  return answer(error.status, error.body);
}

function plainError(status: number, text: string, headers: Readonly<Record<string, string>>): Response {
  const response = answer(status, text);
  for (const [name, value] of Object.entries({ "X-Content-Type-Options": "nosniff", ...headers }))
    response.headers.set(name, value);
  return response;
}

/** An unknown path. */
export function notFound(): Response {
  return plainError(404, "404 page not found\n", {});
}

/** A known path with a method that it does not have. */
export function methodNotAllowed(allowed: readonly string[]): Response {
  return plainError(405, "Method Not Allowed\n", { Allow: allowed.join(", ") });
}
