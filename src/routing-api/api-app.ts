import { Hono } from "hono";
import { isLoopbackHost } from "../core/loopback-host.ts";
import type { HeadersLike, RequestLike } from "../core/message.ts";
import { LagerLevel } from "../core/observe/lager.ts";
import { errorAnswer, methodNotAllowed, notFound } from "./answers.ts";
import type { Api } from "./api.ts";
import { ApiError } from "./api-error.ts";
import type { ApiLog } from "./api-log.ts";
import type { Endpoint } from "./endpoint.ts";
import { endpoints } from "./endpoints.ts";
import { StorageError } from "./store/store.ts";

/** Handlers by path and method. */
const paths = new Map<string, Endpoint[]>();
for (const endpoint of endpoints) paths.set(endpoint.path, [...(paths.get(endpoint.path) ?? []), endpoint]);

const requestId = "X-Vcap-Request-Id";
const lowerCaseUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The answer for what a handler threw. */
function failed(api: Api, log: ApiLog, error: unknown): Response {
  if (error instanceof ApiError) return errorAnswer(error);
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof StorageError) {
    api.metrics.storageErrors++;
    log.error("failed-to-use-database", text);
  } else log.error("failed-to-answer-request", text, { stack: error instanceof Error ? error.stack : undefined });
  return errorAnswer(new ApiError(503, "DBCommunicationError", text));
}

/** Path and query as they came. */
function targetOf(url: string): string {
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  return slash < 0 ? "/" : url.slice(slash);
}

/** Fields for the log, named, grouped and sorted as Go does, where `Host` is no field. */
function visible(headers: HeadersLike): Readonly<Record<string, readonly string[]>> {
  const shown = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const canonical = name.toLowerCase().replace(/(^|-)[a-z]/g, (initial) => initial.toUpperCase());
    if (canonical === "Authorization" || canonical === "Host") continue;
    shown.set(canonical, [...(shown.get(canonical) ?? []), value]);
  }
  return Object.fromEntries([...shown].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Logs a request; gives what logs its end, with the fields of its answer (routing-api §13.2). */
function logged(log: ApiLog, { method, headers, url }: RequestLike): (answer: HeadersLike) => void {
  // A session of its own, so that both lines can be found among those of others.
  const session = log.part("request");
  const shown = { method, request: targetOf(url), "request-headers": visible(headers) };
  session.info("serving", shown);
  return (answer) => session.info("done", { ...shown, "response-headers": visible(answer) });
}

/**
 * A page in somebody's browser on this machine: it says where it is from, or reached us by a name of its own that resolves
 * to this machine.
 */
function isWebPage(headers: HeadersLike): boolean {
  return headers.has("Origin") || !isLoopbackHost(headers.get("Host") ?? "");
}

const webPageError = new ApiError(
  403,
  "ForbiddenError",
  "Without tokens, this API is for programs on this machine: no Origin, and a Host of loopback",
);

/** What the handler of a request leaves for the log. */
interface Variables {
  Variables: {
    /** Resolves at the end of an answer that goes on behind its handler: a stream. */
    over: Promise<void> | undefined;
  };
}

/** The API of one listener; `log` is its session (`api-http-server`, `api-mtls-server`; routing-api §13.2). */
export function apiApp(api: Api, log: ApiLog): Hono<Variables> {
  const app = new Hono<Variables>({ strict: true });
  app.use(async (context, next) => {
    const request = context.req.raw;
    const done = log.level <= LagerLevel.info ? logged(log, request) : undefined;
    await next();
    const given = request.headers.get(requestId) ?? "";
    context.res.headers.set(requestId, lowerCaseUuid.test(given) ? given : api.uuid());
    api.metrics.answered(context.res.status);
    if (done === undefined) return;
    const { headers } = context.res;
    const over = context.get("over");
    if (over === undefined) done(headers);
    else void over.then(() => done(headers));
  });
  for (const [path, methods] of paths) {
    app.all(path, async (context) => {
      const { method } = context.req.raw;
      const handler = methods.find((one) => one.method === method)?.handler;
      if (handler === undefined) return methodNotAllowed(methods.map((one) => one.method));
      const { headers } = context.req.raw;
      const lasts = (over: Promise<void>): void => context.set("over", over);
      if (api.localOnly && isWebPage(headers)) return errorAnswer(webPageError);
      try {
        return await handler(api, { request: context.req.raw, guid: context.req.param("guid") ?? "", log, lasts });
      } catch (error) {
        return failed(api, log, error);
      }
    });
  }
  app.notFound(notFound);
  return app;
}
