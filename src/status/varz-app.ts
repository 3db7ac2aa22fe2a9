import { Hono } from "hono";
import { basicAuth, type Credentials } from "./basic-auth.ts";
import { answerHealth, type HealthState } from "./health.ts";
import { jsonAnswer } from "./json-answer.ts";
import { likeGoMux } from "./mux.ts";
import { type RoutesView, routesJson } from "./routes.ts";

/** The deprecated varz component, which takes the place of the health listener (control-plane §4.4). */
export function varzApp(health: HealthState, view: RoutesView, credentials: Credentials, varz: () => string): Hono {
  const app = new Hono({ strict: true });
  app.use(basicAuth(credentials));
  likeGoMux(app);
  for (const path of ["/health", "/healthz"]) app.all(path, () => answerHealth(health));
  app.all("/routes", () => jsonAnswer(routesJson(view)));
  app.all("/varz", () => jsonAnswer(varz()));
  return app;
}
