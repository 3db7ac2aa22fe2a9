import type { Lager } from "../core/observe/lager.ts";
import { type Decoded, decodeConfig } from "../route-registrar/config/decode.ts";
import type { ConfigDocument } from "../route-registrar/config/document.ts";
import { parseJsonDocument } from "../route-registrar/config/json-document.ts";
import { Report } from "../route-registrar/config/report.ts";
import { type RegistrarConfig, validateConfig } from "../route-registrar/config/validate.ts";
import { NatsLink } from "../route-registrar/nats-link.ts";
import { Registrar } from "../route-registrar/registrar.ts";
import type { RoutingApiClient } from "../route-registrar/routing-api-client.ts";
import { statusHandler } from "../route-registrar/status-handler.ts";
import type { Runtime } from "../runtime/interface.ts";
import { serve } from "../wire/server.ts";
import { TimerWheel } from "../wire/timer-wheel.ts";
import type { Command } from "./command.ts";
import { readErrorText } from "./file-error.ts";
import type { GoFlag } from "./go-flags.ts";
import { runLagerProgram } from "./lager-program.ts";
import { parseYaml } from "./load-config.ts";
import { natsTls, PlainFailure, routingApi } from "./route-registrar/upstreams.ts";

/** `causeway route-registrar -configPath FILE`, also `route-registrar -configPath FILE` (route-registrar §2). */
export const routeRegistrar: Command = {
  summary: "keep the routes of an app registered (-configPath FILE)",
  run: (runtime, args, calledAs) =>
    runLagerProgram(runtime, { source: "Route Registrar", flags, work }, args, calledAs),
};

const defaultPath = "registrar_settings.yml";

const flags: readonly GoFlag[] = [
  { name: "configPath", usage: "path to the configuration file" },
  { name: "pidfile", usage: "path of a file for the process id" },
];

const firstConnectionMs = 2000;

const signals = [
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGQUIT", 3],
] as const;

/** Everything behind the flags; gives the exit code (route-registrar §2.2, §2.4). */
async function work(runtime: Runtime, logger: Lager, values: ReadonlyMap<string, string>): Promise<number> {
  const path = values.get("configPath") ?? defaultPath;
  const pidFile = values.get("pidfile") ?? "";
  const fatal = (action: string, error: unknown, data?: Readonly<Record<string, unknown>>): number => {
    const text = error instanceof Error ? error.message : String(error);
    logger.fatal(action, text, data);
    runtime.writeError(`panic: ${text}\n`);
    return 2;
  };
  const plain = (text: string): number => {
    runtime.writeError(`${localTime(runtime.clock.now())} ${text}\n`);
    return 1;
  };
  logger.info("Initializing");
  let document: Decoded<ConfigDocument>;
  try {
    document = parseConfig(await readConfig(runtime, path));
  } catch (error) {
    return fatal("error parsing file: %s\n", error);
  }
  for (const warning of document.warnings) logger.info("config-warning", { warning });
  const config = validateConfig(document.value);
  if (config instanceof Report) return plain(config.toString());
  logger.info("creating nats connection");
  let api: RoutingApiClient | undefined;
  if (config.routingApi !== undefined) {
    logger.info("creating routing API connection");
    try {
      api = await routingApi(runtime, logger, config.routingApi);
    } catch (error) {
      return error instanceof PlainFailure ? plain(error.message) : fatal("failed-to-create-tls-config", error);
    }
  }
  const instanceId = runtime.uuid();
  if (pidFile !== "") {
    const pid = String(runtime.processId);
    logger.info("Writing pid", { pid, file: pidFile });
    try {
      await runtime.writeTextFile(pidFile, pid);
    } catch (error) {
      return fatal("error writing pid to pidfile", readErrorText(pidFile, error), { pid, pidfile: pidFile });
    }
  }
  const caught = new Promise<number>((resolve) => {
    for (const [name, number] of signals) runtime.onSignal(name, () => resolve(number));
  });
  stayAlive(runtime);
  logger.info("Running");
  let registrar: Registrar;
  try {
    const link = await linkTo(runtime, logger, config);
    registrar = new Registrar({ runtime, logger, config, instanceId, link, api, parseYaml });
    await serveStatus(runtime, config, registrar, link);
    // Routes wait for the first connection, but not for long: the bus may be away, and a signal may come.
    if (link !== undefined) await Promise.race([link.open(), caught, pause(runtime, firstConnectionMs)]);
  } catch (error) {
    return fatal("Exiting with error", error);
  }
  registrar.start();
  const signal = await caught;
  logger.info("Caught signal", { signal });
  logger.info("Received signal; shutting down");
  const failure = await registrar.stop(signal);
  if (failure !== undefined) return fatal("Exiting with error", failure);
  logger.info("Exiting without error");
  return 0;
}

async function readConfig(runtime: Runtime, path: string): Promise<string> {
  try {
    return await runtime.readTextFile(path);
  } catch (error) {
    throw new Error(readErrorText(path, error));
  }
}

/** JSON, as the original; a text that does not begin like JSON is YAML. */
function parseConfig(text: string): Decoded<ConfigDocument> {
  const first = text.trimStart()[0];
  if (first === undefined || first === "{" || first === "[" || first === '"')
    return decodeConfig("json", parseJsonDocument(text));
  return decodeConfig("yaml", parseYaml(text));
}

async function linkTo(runtime: Runtime, logger: Lager, config: RegistrarConfig): Promise<NatsLink | undefined> {
  if (config.servers.length === 0) return undefined;
  return new NatsLink(runtime, logger, config.servers, await natsTls(runtime, config.natsTls));
}

/** Health and metrics, where `status.port` is configured. Rejects with an `Error` when the port cannot be bound. */
async function serveStatus(
  runtime: Runtime,
  { status }: RegistrarConfig,
  registrar: Registrar,
  link: NatsLink | undefined,
): Promise<void> {
  if (status?.port === undefined) return;
  const { host, port } = status;
  try {
    const options = {
      listen: { host, port },
      limits: { maxBytes: 65_536, maxLines: 100 },
      idleTimeoutMs: 10_000,
      readHeaderTimeoutMs: 10_000,
    };
    const server = await serve(runtime, new TimerWheel(runtime.clock), options, statusHandler(registrar, link));
    runtime.writeError(`route-registrar: health and metrics on http://${server.host}:${server.port}\n`);
  } catch (error) {
    throw new Error(`cannot listen on status.host ${host}, status.port ${port}: ${(error as Error).message}`);
  }
}

/** A registrar without routes waits for a signal all the same; signal handlers alone keep no runtime alive. */
function stayAlive(runtime: Runtime): void {
  const dayMs = 24 * 3600 * 1000;
  runtime.clock.after(dayMs, () => stayAlive(runtime));
}

function pause(runtime: Runtime, ms: number): Promise<void> {
  return new Promise((resolve) => runtime.clock.after(ms, resolve));
}

/** `2026/01/02 03:04:05`, local time: what the standard logger puts in front of a text. */
function localTime(ms: number): string {
  const time = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = `${time.getFullYear()}/${two(time.getMonth() + 1)}/${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
