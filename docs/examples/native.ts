// The same router behind the runtime's own server: Bun.serve, Deno.serve or node:http, whichever runs it.
import { createRouter, serve } from "causeway";

/** Where the app listens. */
const app = Number(process.env["APP_PORT"] ?? 3000);

const router = await createRouter({ routes: [{ uri: "app.localhost", port: app }] });
const server = await serve(router, { port: Number(process.env["PORT"] ?? 8081), listener: "native" });
console.log(`listening on http://${server.host}:${server.port}`);
