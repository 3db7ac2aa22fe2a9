import { Hono } from "hono";
import { likeGoMux } from "./mux.ts";

/** Whether the router may get traffic. */
export interface HealthState {
  /** `degraded` (draining) is terminal. */
  readonly state: "initializing" | "healthy" | "degraded";
}

const ok = "ok\n";

function alive(headers: Readonly<Record<string, string>>): Response {
  return new Response(ok, {
    headers: { "Content-Type": "text/plain; charset=utf-8", "Content-Length": String(ok.length), ...headers },
  });
}

/** The answer of `/health` (control-plane §4.2). */
export function answerHealth(health: HealthState): Response {
  const cache = { "Cache-Control": "private, max-age=0", Expires: "0" };
  return health.state === "healthy"
    ? alive(cache)
    : new Response(null, { status: 503, headers: { ...cache, "Content-Length": "0" } });
}

/** The health listener (control-plane §4.2), plain and TLS. Any method. */
export function healthApp(health: HealthState): Hono {
  // Without `strict: true`, `/health/` would be `/health`.
  const app = new Hono({ strict: true });
  likeGoMux(app);
  app.all("/health", () => answerHealth(health));
  app.all("/is-process-alive-do-not-use-for-loadbalancing", () => alive({}));
  return app;
}
