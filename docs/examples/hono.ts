// Behind hono: pages of your own first, the router for everything else. `export default app` works on Bun and with
// `deno serve`; on Node use @hono/node-server.
import { createRouter } from "causeway";
import { Hono } from "hono";

/** Where the app listens. */
const appPort = Number(process.env["APP_PORT"] ?? 3000);

const router = await createRouter({ routes: [{ uri: "app.localhost", port: appPort }] });
const app = new Hono();
app.get("/hello", (context) => context.text("hello from hono\n", 200));
app.all("*", (context) => router.fetch(context.req.raw, context.env));
export default app;
