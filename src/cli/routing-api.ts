import { parse } from "yaml";
import { Lager, type LagerLevel, lagerLevelNames } from "../route-registrar/lager.ts";
import { compilePattern, createRedaction } from "../route-registrar/redaction.ts";
import type { Api } from "../routing-api/api.ts";
import { ApiMetrics } from "../routing-api/api-metrics.ts";
import { loadRoutingApiConfig, type RoutingApiConfig } from "../routing-api/config/load.ts";
import { EventFeed } from "../routing-api/event-feed.ts";
import { MaintenanceLocks } from "../routing-api/maintenance.ts";
import { RoutingApiServer } from "../routing-api/server.ts";
import type { Store } from "../routing-api/store/store.ts";
import { type Authenticate, everything, TokenChecker } from "../routing-api/tokens.ts";
import type { Runtime, ServerTls } from "../runtime/interface.ts";
import { HttpClient } from "../wire/http-client.ts";
import { TimerWheel } from "../wire/timer-wheel.ts";
import type { Command } from "./command.ts";
import { readErrorText } from "./file-error.ts";
import { type GoFlag, parseGoFlags } from "./go-flags.ts";
import { readAuthorities, readKeyPair } from "./route-registrar/tls-files.ts";
import { openStore } from "./routing-api/open-store.ts";

/** `causeway routing-api -config FILE -ip ADDRESS`, also `routing-api -config FILE …` (routing-api §2). */
export const routingApi: Command = {
  summary: "the Routing API: routes and router groups over HTTP (-config FILE -ip ADDRESS)",
  run,
};

const timeFormats: ReadonlyMap<string, "unix-epoch" | "rfc3339"> = new Map([
  ["unix-epoch", "unix-epoch"],
  ["0", "unix-epoch"],
  ["rfc3339", "rfc3339"],
  ["1", "rfc3339"],
]);

const flags: readonly GoFlag[] = [
  { name: "config", usage: "path of the configuration file" },
  { name: "devMode", usage: "no authentication at all", kind: "bool" },
  { name: "ip", usage: "own address" },
  { name: "logLevel", usage: "log level: debug, info, error or fatal", fallback: "info" },
  {
    name: "redactPatterns",
    usage: "regular expression for values to redact from log data; may be given several times",
    kind: "value",
    fault: (value) => {
      try {
        compilePattern(value);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    },
  },
  { name: "redactSecrets", usage: "redact what looks like a secret from log data", kind: "bool" },
  {
    name: "timeFormat",
    usage: "format of timestamps in the log: unix-epoch or rfc3339",
    kind: "value",
    fallback: "unix-epoch",
    fault: (value) => (timeFormats.has(value) ? undefined : "it is neither unix-epoch nor rfc3339"),
  },
];

/** A start that fails: what is logged, and the exit code (routing-api §2.2). */
class StartFailure extends Error {
  override readonly name = "StartFailure";
  readonly action: string;
  readonly code: number;
  constructor(action: string, error: unknown, code = 1) {
    super(error instanceof Error ? error.message : String(error));
    this.action = action;
    this.code = code;
  }
}

async function run(runtime: Runtime, args: readonly string[]): Promise<void> {
  const line = parseGoFlags(runtime.programName, flags, args);
  if ("error" in line) {
    runtime.writeError(line.error);
    return await leave(runtime, line.code);
  }
  const { values, all } = line;
  const levelName = values.get("logLevel") ?? "info";
  const level = lagerLevelNames.indexOf(levelName);
  if (level < 0) {
    runtime.writeError(`panic: unknown log level: ${levelName}\n`);
    return await leave(runtime, 2);
  }
  const logger = new Lager({
    source: "routing-api",
    write: (text) => runtime.writeOut(text),
    clock: runtime.clock,
    level: level as LagerLevel,
    timeFormat: timeFormats.get(values.get("timeFormat") ?? "unix-epoch")!,
    ...(values.get("redactSecrets") === "true" && { redact: createRedaction(all.get("redactPatterns") ?? []) }),
  });
  await leave(runtime, await work(runtime, logger, values));
}

/** Everything behind the flags; gives the exit code. */
async function work(runtime: Runtime, logger: Lager, values: ReadonlyMap<string, string>): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) runtime.onSignal(signal, resolve);
  });
  let server: RoutingApiServer;
  try {
    const path = values.get("config") ?? "";
    if (path === "") throw new StartFailure("failed-check-flags", "no configuration file provided");
    const ip = values.get("ip") ?? "";
    if (ip === "") throw new StartFailure("failed-check-flags", "no ip address provided");
    const devMode = values.get("devMode") === "true";
    const config = await readConfig(runtime, path, !devMode);
    server = await start(runtime, logger, config, devMode, ip);
  } catch (error) {
    const { action, code, message } =
      error instanceof StartFailure ? error : new StartFailure("failed-to-start", error);
    if (code === 2) {
      logger.fatal(action, message);
      runtime.writeError(`panic: ${message}\n`);
    } else logger.error(action, message);
    return code;
  }
  await stopped;
  await server.stop();
  logger.info("exited");
  return 0;
}

async function readConfig(runtime: Runtime, path: string, auth: boolean): Promise<RoutingApiConfig> {
  let text: string;
  try {
    text = await runtime.readTextFile(path);
  } catch (error) {
    throw new StartFailure("failed-load-config", readErrorText(path, error));
  }
  try {
    return loadRoutingApiConfig(parse(text, { merge: true, logLevel: "silent" }), auth, () => runtime.uuid());
  } catch (error) {
    throw new StartFailure("failed-load-config", error);
  }
}

async function start(
  runtime: Runtime,
  logger: Lager,
  config: RoutingApiConfig,
  devMode: boolean,
  ip: string,
): Promise<RoutingApiServer> {
  const wheel = new TimerWheel(runtime.clock);
  let store: Store;
  try {
    store = await openStore(
      config,
      () => runtime.uuid(),
      (error) => logger.error("database-connection-lost", error.message),
    );
    await store.prepare(config.groups);
  } catch (error) {
    throw new StartFailure("failed-initialize-sql-connection", error);
  }
  let authenticate: Authenticate = async () => everything;
  let keyRefreshes = (): number => 0;
  if (!devMode) {
    try {
      const checker = await tokenChecker(runtime, wheel, config);
      await checker.prepare();
      authenticate = checker.authenticate;
      keyRefreshes = () => checker.keyRefreshes;
    } catch (error) {
      throw new StartFailure("creating-uaa-client", error);
    }
  }
  let tls: ServerTls | undefined;
  try {
    tls = config.mtls ? await serverTls(runtime, config) : undefined;
  } catch (error) {
    throw new StartFailure("mtls-mis-configured", error, 2);
  }
  const { clock } = runtime;
  const feed = new EventFeed(store, clock, (error) => logger.error("failed-to-read-events", (error as Error).message));
  const api: Api = {
    store,
    feed,
    authenticate,
    clock,
    uuid: () => runtime.uuid(),
    metrics: new ApiMetrics(),
    locks: new MaintenanceLocks(),
    limits: { maxBytes: config.max_body_bytes ?? 0, timeoutMs: config.body_timeout },
    maxTtl: Math.floor(config.max_ttl / 1000),
    reservedPorts: config.reservedPorts,
  };
  const server = new RoutingApiServer(runtime, wheel, api, logger);
  const host = config.listen_host;
  const port = config.api.listen_port ?? 0;
  try {
    await server.start(
      {
        http: config.api.http_enabled === true ? { host, port } : undefined,
        mtls: tls === undefined ? undefined : { host, port: config.api.mtls_listen_port ?? 0, tls },
        adminPort: config.admin_port ?? 0,
      },
      { pruneMs: config.prune_interval, eventRetentionMs: config.event_retention },
      keyRefreshes,
    );
  } catch (error) {
    throw new StartFailure("failed-to-listen", error);
  }
  logger.info("started", { port, ip });
  return server;
}

async function tokenChecker(runtime: Runtime, wheel: TimerWheel, config: RoutingApiConfig): Promise<TokenChecker> {
  const { token_endpoint: host, port, ca_certs: path, skip_ssl_validation: skip } = config.oauth;
  const authorities = path === "" ? {} : { authorities: [await readAuthorities(runtime, path)] };
  const http = new HttpClient(runtime, wheel, {
    origin: new URL(`https://${host}:${port}`),
    tls: { verify: config.skip_ssl_validation !== true && skip !== true, ...authorities },
    dialTimeoutMs: 5000,
    maxAnswerBytes: 1024 * 1024,
  });
  const headers: [string, string][] = [["Accept", "application/json"]];
  return new TokenChecker(
    (target) => http.send({ method: "GET", target, headers, body: "", timeoutMs: 10_000 }),
    runtime.clock,
  );
}

/** The mutual-TLS listener (routing-api §4). Rejects with an `Error` that names the file. */
async function serverTls(runtime: Runtime, { api }: RoutingApiConfig): Promise<ServerTls> {
  const pair = await readKeyPair(runtime, api.mtls_server_cert_file, api.mtls_server_key_file, runtime.clock.now());
  const tls: ServerTls = {
    keyPairs: [pair],
    clientCertificates: "require",
    clientAuthorities: [await readAuthorities(runtime, api.mtls_client_ca_file)],
    alpn: ["http/1.1"],
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    ciphers: [
      "ECDHE-RSA-AES256-GCM-SHA384",
      "ECDHE-RSA-AES128-GCM-SHA256",
      "ECDHE-ECDSA-AES256-GCM-SHA384",
      "ECDHE-ECDSA-AES128-GCM-SHA256",
    ],
    handshakeTimeoutMs: 10_000,
  };
  runtime.prepareServerTls(tls);
  return tls;
}

async function leave(runtime: Runtime, code: number): Promise<void> {
  await runtime.flushOutput();
  runtime.exit(code);
}
