import { Hono } from "hono";
import { metricsText } from "../status/metrics/text-format.ts";
import { answer, emptyAnswer, methodNotAllowed, notFound } from "./answers.ts";
import type { Api } from "./api.ts";

/**
 * The admin listener (routing-api §13.1), with `GET /health` and `GET /metrics` (Prometheus), which the original lacks.
 * It asks for no credentials and belongs on loopback.
 */
export function adminApp(api: Api, keyRefreshes: () => number): Hono {
  const app = new Hono({ strict: true });
  const { locks, store, metrics } = api;
  const put = (path: string, act: () => void): void => {
    app.all(path, (context) => {
      if (context.req.raw.method !== "PUT") return methodNotAllowed(["PUT"]);
      act();
      return emptyAnswer(200);
    });
  };
  for (const [name, key] of [
    ["router_group_writes", "groupWrites"],
    ["router_group_reads", "groupReads"],
  ] as const) {
    put(`/lock_${name}`, () => {
      locks[key] = true;
    });
    put(`/unlock_${name}`, () => {
      locks[key] = false;
    });
  }
  app.get("/health", async () => {
    try {
      await store.position();
      return answer(200, "ok\n");
    } catch (error) {
      return answer(503, `the database does not answer: ${(error as Error).message}\n`);
    }
  });
  app.get("/metrics", async () => {
    try {
      const text = metricsText(metrics.families(await store.count(), keyRefreshes()));
      return answer(200, text, "text/plain; version=0.0.4; charset=utf-8");
    } catch (error) {
      return answer(503, `the database does not answer: ${(error as Error).message}\n`);
    }
  });
  app.notFound(notFound);
  return app;
}
