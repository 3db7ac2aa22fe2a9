import type { Lager } from "../core/observe/lager.ts";
import type { Runtime } from "../runtime/interface.ts";
import { TimerWheel } from "../wire/timer-wheel.ts";
import type { Command } from "./command.ts";
import type { GoFlag } from "./go-flags.ts";
import { runLagerProgram } from "./lager-program.ts";
import { type RunningApi, readApiConfig, startRoutingApi } from "./routing-api/assemble.ts";
import { ApiStartFailure } from "./routing-api/start-failure.ts";

/** `causeway routing-api -config FILE -ip ADDRESS`, also `routing-api -config FILE …` (routing-api §2). */
export const routingApi: Command = {
  summary: "the Routing API: routes and router groups over HTTP (-config FILE -ip ADDRESS)",
  run: (runtime, args, calledAs) => runLagerProgram(runtime, { source: "routing-api", flags, work }, args, calledAs),
};

const flags: readonly GoFlag[] = [
  { name: "config", usage: "path of the configuration file" },
  { name: "devMode", usage: "no authentication at all", kind: "bool" },
  { name: "ip", usage: "own address" },
];

/** How long requests under way may take when the server stops, in milliseconds (routing-api §2.2). */
const drainMs = 60_000;

/** Everything behind the flags; gives the exit code. */
async function work(runtime: Runtime, logger: Lager, values: ReadonlyMap<string, string>): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) runtime.onSignal(signal, resolve);
  });
  let api: RunningApi;
  try {
    api = await start(runtime, logger, values);
  } catch (error) {
    const { action, code, message } =
      error instanceof ApiStartFailure ? error : new ApiStartFailure("failed-to-start", error);
    if (code === 2) {
      logger.fatal(action, message);
      runtime.writeError(`panic: ${message}\n`);
    } else logger.error(action, message);
    return code;
  }
  await stopped;
  await api.stop(drainMs);
  logger.info("exited");
  return 0;
}

async function start(runtime: Runtime, log: Lager, values: ReadonlyMap<string, string>): Promise<RunningApi> {
  const path = values.get("config") ?? "";
  if (path === "") throw new ApiStartFailure("failed-check-flags", "no configuration file provided");
  const ip = values.get("ip") ?? "";
  if (ip === "") throw new ApiStartFailure("failed-check-flags", "no ip address provided");
  const devMode = values.get("devMode") === "true";
  const config = await readApiConfig(runtime, path, !devMode);
  const wheel = new TimerWheel(runtime.clock);
  const api = await startRoutingApi(runtime, wheel, { config, log, tokens: devMode ? "none" : "uaa", ip });
  log.info("started", { port: config.api.listen_port ?? 0 });
  return api;
}
