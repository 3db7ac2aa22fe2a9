// For platforms with nothing but a Fetch entry point: `bun docs/examples/fetch-entry.ts`, `deno serve …`, and others.
// `upstream: "fetch"` is for those that cannot open sockets either; leave it out where they can.
import { createRouter } from "causeway";

/** Where the app listens. */
const app = Number(process.env["APP_PORT"] ?? 3000);

const router = await createRouter({ upstream: "fetch", routes: [{ uri: "app.localhost", port: app }] });
export default { fetch: router.fetch };
