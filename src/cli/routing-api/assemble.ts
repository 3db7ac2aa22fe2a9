import type { Api } from "../../routing-api/api.ts";
import type { ApiLog } from "../../routing-api/api-log.ts";
import { ApiMetrics } from "../../routing-api/api-metrics.ts";
import { loadRoutingApiConfig, type RoutingApiConfig } from "../../routing-api/config/load.ts";
import { writtenDocument } from "../../routing-api/config/written.ts";
import { EventFeed } from "../../routing-api/event-feed.ts";
import { httpLeases } from "../../routing-api/http-route.ts";
import { MaintenanceLocks } from "../../routing-api/maintenance.ts";
import { AdminListenError, RoutingApiServer, type SelfRoute } from "../../routing-api/server.ts";
import type { Store } from "../../routing-api/store/store.ts";
import { type Authenticate, everything, TokenChecker } from "../../routing-api/tokens.ts";
import type { ServerTls } from "../../runtime/interface/tls.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { HttpClient } from "../../wire/http-client.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { readErrorText } from "../file-error.ts";
import { parseYaml } from "../load-config.ts";
import { readAuthorities, readKeyPair } from "../route-registrar/tls-files.ts";
import { version } from "../version.ts";
import { openStore } from "./open-store.ts";
import { ApiStartFailure } from "./start-failure.ts";

/** How the API is started. */
interface ApiSetting {
  readonly config: RoutingApiConfig;
  readonly log: ApiLog;
  /** `uaa`: tokens are checked; `none`: nobody is asked for one; `local`: the same, but only programs of this machine. */
  readonly tokens: "uaa" | "none" | "local";
  /** Own address, for the own route; undefined: it is not registered. */
  readonly ip?: string;
}

/** A Routing API that serves. */
export interface RunningApi {
  readonly store: Store;
  readonly feed: EventFeed;
  /** The plain listener. */
  readonly http: { readonly host: string; readonly port: number } | undefined;
  /** Lets requests under way finish, so many milliseconds at most. */
  stop(drainMs: number): Promise<void>;
}

/**
 * Reads and checks the configuration file.
 *
 * @throws ApiStartFailure `failed-load-config`.
 */
export async function readApiConfig(runtime: Runtime, path: string, auth: boolean): Promise<RoutingApiConfig> {
  let text: string;
  try {
    text = await runtime.readTextFile(path);
  } catch (error) {
    throw new ApiStartFailure("failed-load-config", readErrorText(path, error));
  }
  try {
    return loadRoutingApiConfig(writtenDocument(parseYaml(text)), auth, () => runtime.uuid());
  } catch (error) {
    throw new ApiStartFailure("failed-load-config", error);
  }
}

/**
 * Starts the API in the order of routing-api §2.2.
 *
 * @throws ApiStartFailure with the line to log.
 */
export async function startRoutingApi(
  runtime: Runtime,
  wheel: TimerWheel,
  { config, log, tokens, ip }: ApiSetting,
): Promise<RunningApi> {
  const { clock } = runtime;
  if (config.inert.length > 0) log.info("config-keys-without-effect", { keys: config.inert });
  const selfRoute = selfRouteOf(config, ip);
  let store: Store;
  try {
    store = await openStore(config, { clock, uuid: () => runtime.uuid() }, (error) =>
      log.error("database-connection-lost", error.message),
    );
    await store.prepare(config.groups);
  } catch (error) {
    throw new ApiStartFailure("failed-initialize-sql-connection", error);
  }
  const { authenticate, keyRefreshes } = tokens === "uaa" ? await uaaTokens(runtime, wheel, config) : noTokens;
  const tls = await serverTls(runtime, config);
  const feed = new EventFeed(store, clock, (error) => log.error("failed-to-read-events", (error as Error).message));
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
    localOnly: tokens === "local",
    version,
  };
  const server = new RoutingApiServer(runtime, wheel, api, log);
  const host = config.listen_host;
  const { http_enabled, listen_port, mtls_listen_port } = config.api;
  try {
    const http = await server.start(
      {
        http: http_enabled === true ? { host, port: listen_port ?? 0 } : undefined,
        mtls: tls === undefined ? undefined : { host, port: mtls_listen_port ?? 0, tls },
        adminPort: tokens === "local" ? undefined : (config.admin_port ?? 0),
      },
      { pruneMs: config.prune_interval, eventRetentionMs: config.event_retention },
      keyRefreshes,
      selfRoute,
    );
    return { store, feed, http, stop: (drainMs) => server.stop(drainMs) };
  } catch (error) {
    const admin = error instanceof AdminListenError;
    throw new ApiStartFailure(admin ? "failed-to-create-admin-server" : "failed-to-listen", error);
  }
}

/** Only beside a plain listener (routing-api §2.2). */
function selfRouteOf(config: RoutingApiConfig, ip: string | undefined): SelfRoute | undefined {
  if (ip === undefined || config.api.http_enabled !== true) return undefined;
  const ttl = Math.floor(config.max_ttl / 1000);
  const route = `api.${config.system_domain}/routing`;
  const port = config.api.listen_port ?? 0;
  try {
    const [lease] = httpLeases([{ route, ip, port, log_guid: config.log_guid }], ttl);
    return { lease: lease!, renewMs: config.max_ttl / 2 };
  } catch (error) {
    throw new ApiStartFailure(
      "failed-load-config",
      `cannot register the own route ${JSON.stringify(route)}: ${(error as Error).message}`,
    );
  }
}

interface Tokens {
  readonly authenticate: Authenticate;
  readonly keyRefreshes: () => number;
}

const noTokens: Tokens = { authenticate: async () => everything, keyRefreshes: () => 0 };

async function uaaTokens(runtime: Runtime, wheel: TimerWheel, config: RoutingApiConfig): Promise<Tokens> {
  try {
    const checker = await tokenChecker(runtime, wheel, config);
    await checker.prepare();
    return { authenticate: checker.authenticate, keyRefreshes: () => checker.keyRefreshes };
  } catch (error) {
    throw new ApiStartFailure("creating-uaa-client", error);
  }
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

/** The mutual-TLS listener (routing-api §4); undefined: not wanted. Its failure ends the process with 2. */
async function serverTls(runtime: Runtime, { api, mtls }: RoutingApiConfig): Promise<ServerTls | undefined> {
  if (!mtls) return undefined;
  try {
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
  } catch (error) {
    throw new ApiStartFailure("mtls-mis-configured", error, 2);
  }
}
