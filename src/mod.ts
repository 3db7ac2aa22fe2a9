/**
 * What `import … from "causeway"` gives: a router for your own program, and listeners for it.
 *
 *   const router = await createRouter({ routes: [{ uri: "app.localhost", port: 3000 }] });
 *   await serve(router, { port: 8081 });
 */
import { runtime } from "#runtime";
import { createEmbeddedRouter, type Router } from "./native/embedded-router.ts";
import type { RouterOptions } from "./native/router-options.ts";
import { type RunningServer, type ServeOptions, serveRouter } from "./native/serve.ts";

export type { Config } from "./core/config/schema.ts";
export type { Router } from "./native/embedded-router.ts";
export type { Route, RouteName } from "./native/route.ts";
export type { ConfigInput, NatsOptions, RouterOptions } from "./native/router-options.ts";
export type { RunningServer, ServeOptions } from "./native/serve.ts";

/**
 * Makes a router with routes given in code (`routes`, `Router.register`), from a bus (`nats`), or both.
 *
 * @throws Error for a configuration or a route that cannot be used, and when `nats` is given and cannot be reached.
 */
export async function createRouter(options: RouterOptions = {}): Promise<Router> {
  return await createEmbeddedRouter(runtime, options);
}

/**
 * Serves a router on a port of its own. Closing the server does not close the router.
 *
 * @throws StreamError, kind `address-in-use` for example, when the port cannot be bound.
 */
export async function serve(router: Router, options: ServeOptions = {}): Promise<RunningServer> {
  return await serveRouter(runtime, router, options);
}
