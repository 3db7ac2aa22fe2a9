import type { Warning } from "../../core/config/config-error.ts";
import { keysNotYetActing } from "../../core/config/not-yet-acting.ts";
import type { Config } from "../../core/config/schema.ts";
import { withoutNats } from "../../core/config/validate.ts";
import type { ProgramLogger } from "../../core/observe/json-logger.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { exitOnUncaught } from "./crash.ts";
import { LifeCycle } from "./life-cycle.ts";
import { PlainFailure } from "./plain-failure.ts";
import { startBlock } from "./start-block.ts";
import { StartFailure } from "./start-failure.ts";
import { type RunningRouter, startRouter } from "./supervisor.ts";

/**
 * Starts a router and serves until its life cycle is over (control-plane §8); gives the exit code. A start that fails says
 * why in the log; `advice`, unless empty, goes to standard error then.
 */
export async function serveUntilEnd(
  runtime: Runtime,
  config: Config,
  warnings: readonly Warning[],
  logger: ProgramLogger,
  advice: string,
): Promise<number> {
  runtime.tuneForServing();
  exitOnUncaught(runtime, logger);
  const lifeCycle = new LifeCycle(runtime, logger);
  logger.info("starting");
  for (const { message, key, line } of warnings) logger.warn("config-warning", { warning: message, key, line });
  const inactive = keysNotYetActing(config);
  if (inactive.length > 0) logger.warn("config-keys-not-yet-acting", { keys: inactive });
  let started: RunningRouter;
  try {
    started = await startRouter(runtime, config, logger, () => lifeCycle.assembled());
  } catch (error) {
    if (error instanceof PlainFailure) {
      runtime.writeError(error.message);
      return error.exitCode;
    }
    if (!(error instanceof StartFailure)) {
      logger.error("gorouter.exited-with-failure", { error: (error as Error).message });
      return 1;
    }
    const source = error.sourceSuffix === "" ? logger : logger.source(error.sourceSuffix);
    source.error(error.message, error.data);
    if (advice !== "") runtime.writeError(advice);
    if (!error.panics) return 1;
    runtime.writeError(`panic: ${error.message}\n`);
    return 2;
  }
  runtime.writeError(startBlock(factsOf(runtime, started)));
  lifeCycle.started(started);
  return await lifeCycle.ended;
}

function factsOf(
  runtime: Runtime,
  { config, server, status, bus, embedded, embeddedApi }: RunningRouter,
): Parameters<typeof startBlock>[0] {
  const urls = [`nats://127.0.0.1:${embedded?.port}`, `ws://127.0.0.1:${embedded?.webSocketPort}`];
  const servers = withoutNats(config) ? [] : [`nats://${bus.host}`];
  return {
    runtime: `${runtime.name} ${runtime.version}`,
    http: server.http,
    https: server.https,
    health: status.health,
    tlsHealth: status.tlsHealth,
    routes: status.routes,
    bus: embedded === undefined ? servers : urls,
    busLogin: { certificate: config.nats.tls_enabled && embedded === undefined, user: config.nats.user },
    embedded: embedded !== undefined,
    routingApi: embeddedApi?.http,
  };
}
