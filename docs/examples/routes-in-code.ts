// Routes given in code, on the router's own listener. Run it with Bun, Deno or Node, then:
//   curl -H 'Host: app.localhost' http://127.0.0.1:8081/
import { createRouter, serve } from "causeway";

/** Where the app listens. */
const app = Number(process.env["APP_PORT"] ?? 3000);

const router = await createRouter({
  routes: [
    { uri: "app.localhost", port: app },
    { uri: "app.localhost/api", port: app, tags: { component: "api" } },
  ],
});
router.register({ uri: "*.app.localhost", port: app });
const server = await serve(router, { port: Number(process.env["PORT"] ?? 8081) });
console.log(`listening on http://${server.host}:${server.port}`);
