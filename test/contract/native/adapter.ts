import assert from "node:assert/strict";
import { it } from "node:test";
import { runtime } from "#runtime";
import { createRouter, type Router, type RouterOptions, type RunningServer, serve } from "../../../src/mod.ts";
import { Backend, ok } from "../../conformance/harness/backend.ts";
import { gap } from "../../fixtures/gap.ts";

/** Why an adapter loses something, by runtime; a line of README's table each. */
type Losses = { readonly bun?: string; readonly deno?: string; readonly node?: string };

/**
 * A feature that an adapter keeps. Where it is lost the case is left out as a gap, and another one proves the loss: it
 * demands that the test fails there.
 */
export function kept(name: string, losses: Losses, test: () => Promise<void>): void {
  const reason = losses[runtime.name as keyof Losses];
  it(name, reason === undefined ? {} : gap([runtime.name], `native: ${reason}`), test);
  if (reason === undefined) return;
  it(`${name}: lost here (${reason})`, async () => {
    await assert.rejects(test, `${name} is no longer lost; take it out of the table in README.md`);
  });
}

/** A backend, a router that leads `app.test` there, and the native listener in front. */
export interface Adapter {
  readonly backend: Backend;
  readonly router: Router;
  readonly server: RunningServer;
  /** Access log lines so far. */
  readonly log: string[];
  stop(): Promise<void>;
}

/** Starts all that; `options` go to the router. */
export async function startAdapter(options: RouterOptions = {}): Promise<Adapter> {
  const backend = await Backend.start(() => ok("hello"));
  const log: string[] = [];
  const router = await createRouter({
    routes: [{ uri: "app.test", port: backend.port }],
    accessLog: (line) => log.push(line),
    ...options,
  });
  const server = await serve(router, { port: 0, listener: "native" });
  return {
    backend,
    router,
    server,
    log,
    async stop() {
      await server.close();
      await router.close();
      await backend.stop();
    },
  };
}
