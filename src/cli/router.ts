import { ConfigError, type Warning } from "../core/config/config-error.ts";
import type { Config } from "../core/config/schema.ts";
import { levelFault } from "../core/config/start-faults.ts";
import { createLogger } from "../core/observe/json-logger.ts";
import { parseLevel } from "../core/observe/log-level.ts";
import { timestampFormat } from "../core/observe/log-timestamp.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { Command } from "./command.ts";
import { parseGoFlags } from "./go-flags.ts";
import { configErrorLine, readConfig } from "./load-config.ts";

/** `causeway router -c gorouter.yml`, also `gorouter -c gorouter.yml`: the router (control-plane §1.1, §8). */
export const router: Command = {
  summary: "route HTTP requests to registered apps (-c FILE; without it an embedded bus is used)",
  run,
};

async function run(runtime: Runtime, args: readonly string[], calledAs: string): Promise<void> {
  const flags = parseGoFlags(calledAs, [{ name: "c", usage: "Configuration File" }], args);
  if ("error" in flags) {
    runtime.writeError(flags.error);
    return await leave(runtime, flags.code);
  }
  // Empty is the flag's default, so upstream cannot tell `-c ""` from none.
  const path = flags.values.get("c") || undefined;
  const loaded = await load(runtime, path);
  if (loaded === undefined) return await leave(runtime, 1);
  const { config, warnings } = loaded;
  const level = parseLevel(config.logging.level);
  if (level === undefined) {
    runtime.writeError(`panic: ${levelFault(config).message}\n`);
    return await leave(runtime, 2);
  }
  const logger = createLogger({
    write: (line) => runtime.writeOut(line),
    clock: runtime.clock,
    source: config.logging.syslog || "gorouter.stdout",
    level,
    timestamps: timestampFormat(config.logging.format.timestamp),
  });
  const advice = path === undefined ? withoutFile : "";
  // What a router is made of is two thirds of its start, and not needed by one that cannot start.
  const { serveUntilEnd } = await import("./router/serve-until-end.ts");
  await leave(runtime, await serveUntilEnd(runtime, config, warnings, logger, advice));
}

/** To who has just begun; operators have a file, and standard error stays as they know it. */
const withoutFile =
  "causeway: this was the start without a configuration file: ports 4222, 4223, 7070, 8080, 8081 and 8082 must be free.\n" +
  "Others are set in a file, given as -c FILE: nats.embedded_port, nats.embedded_websocket_port,\n" +
  "route_services_internal_server_port, status.port, port and status.routes.port (docs/configuration.md).\n";

async function load(
  runtime: Runtime,
  path: string | undefined,
): Promise<{ config: Config; warnings: readonly Warning[] } | undefined> {
  try {
    return await readConfig(runtime, path);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    runtime.writeOut(configErrorLine(error, runtime.clock));
    return undefined;
  }
}

async function leave(runtime: Runtime, code: number): Promise<void> {
  await runtime.flushOutput();
  runtime.exit(code);
}
