import { openSslCipherNames } from "../../core/config/cipher-suites.ts";
import type { Config } from "../../core/config/schema.ts";
import { routingApiOn } from "../../core/config/validate.ts";
import type { ProgramLogger } from "../../core/observe/json-logger.ts";
import type { TableMetrics } from "../../core/observe/table-metrics.ts";
import type { RouteTable } from "../../routing-api/client/leased-routes.ts";
import { RouteFetcher } from "../../routing-api/client/route-fetcher.ts";
import { RoutesApi } from "../../routing-api/client/routes-api.ts";
import { UaaClient } from "../../routing-api/client/uaa-client.ts";
import type { ClientTls } from "../../runtime/interface/tls.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { HttpClient } from "../../wire/http-client.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { readErrorText } from "../file-error.ts";
import { StartFailure } from "./start-failure.ts";

const dialTimeoutMs = 5000;
const maxTokenBytes = 1024 * 1024;
/** Some hundred bytes for each of a million routes. */
const maxListBytes = 512 * 1024 * 1024;

/** Suites of TLS 1.2 (control-plane §7.1, §2.1). */
const suites = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384";

/** Where tokens come from; with `auth_disabled` they are empty. */
type Tokens = Pick<UaaClient, "token" | "fresh">;

const noTokens: Tokens = { token: () => Promise.resolve(""), fresh: () => Promise.resolve("") };

/** The router's side of the Routing API (control-plane §7). */
export class RoutingApi {
  readonly #runtime: Runtime;
  readonly #config: Config;
  readonly #logger: ProgramLogger;
  readonly #api: RoutesApi;
  readonly #tokens: Tokens;

  private constructor(runtime: Runtime, config: Config, logger: ProgramLogger, api: RoutesApi, tokens: Tokens) {
    this.#runtime = runtime;
    this.#config = config;
    this.#logger = logger;
    this.#api = api;
    this.#tokens = tokens;
  }

  /**
   * Makes the client and, unless it is optional, proves that UAA and the API can be had (step 7 of control-plane §8.2,
   * §7.3). Undefined: it is not configured.
   *
   * @throws StartFailure when it cannot be used.
   */
  static async open(
    runtime: Runtime,
    wheel: TimerWheel,
    config: Config,
    logger: ProgramLogger,
  ): Promise<RoutingApi | undefined> {
    if (!routingApiOn(config)) return undefined;
    logger.info("setting-up-routing-api");
    const tokens = config.routing_api.auth_disabled ? noTokens : await uaaClient(runtime, wheel, config, logger);
    const api = routesApi(runtime, wheel, config, logger);
    const opened = new RoutingApi(runtime, config, logger, api, tokens);
    if (!config.routing_api.optional) await opened.#prove();
    return opened;
  }

  async #prove(): Promise<void> {
    this.#logger.debug("fetching-token");
    let error: string;
    try {
      const token = await this.#freshToken();
      await this.#api.list(token);
      return;
    } catch (cause) {
      error = (cause as Error).message;
    }
    throw new StartFailure("routing-api-connection-failed", { error });
  }

  async #freshToken(): Promise<string> {
    this.#noteNoTokens();
    try {
      return await this.#tokens.fresh();
    } catch (cause) {
      throw new Error(`unable-to-fetch-token: ${(cause as Error).message}`);
    }
  }

  #noteNoTokens(): void {
    if (this.#config.routing_api.auth_disabled)
      this.#logger.named(this.#config.logging.syslog).info("using-noop-token-fetcher");
  }

  /**
   * Makes what feeds the table, with a token fetched for it (step 14); it is to be started.
   *
   * @throws StartFailure when there is no token, unless the API is optional.
   */
  async fetcher(table: RouteTable, metrics: TableMetrics): Promise<RouteFetcher> {
    const { routing_api: api, prune_stale_droplets_interval: pruneInterval } = this.#config;
    this.#noteNoTokens();
    if (!api.optional) {
      await this.#tokens.fresh().catch((error: Error) => {
        throw new StartFailure("unable-to-fetch-token", { error: error.message });
      });
    }
    return new RouteFetcher({
      api: this.#api,
      tokens: this.#tokens,
      table,
      clock: this.#runtime.clock,
      log: this.#logger.source("route-fetcher"),
      metrics,
      listIntervalMs: pruneInterval / 2,
    });
  }
}

async function uaaClient(
  runtime: Runtime,
  wheel: TimerWheel,
  config: Config,
  logger: ProgramLogger,
): Promise<UaaClient> {
  const { oauth } = config;
  const syslog = logger.named(config.logging.syslog);
  let http: HttpClient;
  try {
    const origin = uaaOrigin(oauth);
    const tls = await uaaTls(runtime, oauth);
    http = new HttpClient(runtime, wheel, { origin, tls, dialTimeoutMs, maxAnswerBytes: maxTokenBytes });
  } catch (cause) {
    const error = (cause as Error).message;
    syslog.error("Failed to create UAA client", { error });
    throw new StartFailure("initialize-uaa-client", { error });
  }
  const log = syslog.source("uaa-client");
  const lines = {
    debug: (message: string, data?: Readonly<Record<string, unknown>>): void => log.debug(message, data),
    error: (message: string, error: string): void => log.error(message, { error }),
  };
  return new UaaClient(http, runtime.clock, lines, syslog, {
    clientId: oauth.client_name,
    clientSecret: oauth.client_secret,
    retries: config.token_fetcher_max_retries,
    retryPauseMs: config.token_fetcher_retry_interval,
    expiryBufferMs: config.token_fetcher_expiration_buffer_time * 1000,
  });
}

/**
 * Where UAA is.
 *
 * @throws Error for a section `oauth` that does not say so.
 */
export function uaaOrigin(oauth: Config["oauth"]): URL {
  if (oauth.port === 0) throw new Error("tls-not-enabled: UAA client requires TLS enabled");
  return originOf(`https://${oauth.token_endpoint}:${oauth.port}`, "oauth.token_endpoint");
}

/**
 * TLS with UAA.
 *
 * @throws Error when `oauth.ca_certs` cannot be used.
 */
export async function uaaTls(runtime: Runtime, oauth: Config["oauth"]): Promise<Omit<ClientTls, "serverName">> {
  const verify = { verify: !oauth.skip_ssl_validation };
  if (oauth.ca_certs === "") return verify;
  let pem: string;
  try {
    pem = await runtime.readTextFile(oauth.ca_certs);
  } catch (error) {
    throw new Error(`failed to read ca cert file: ${readErrorText(oauth.ca_certs, error)}`);
  }
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new Error("unable to load caCert");
  return { ...verify, authorities: [pem] };
}

/**
 * Where the Routing API is.
 *
 * @throws Error for a section `routing_api` that does not say so.
 */
export function routingApiOrigin({ uri, port }: Config["routing_api"]): URL {
  return originOf(`${uri}:${port}`, "routing_api.uri");
}

function routesApi(runtime: Runtime, wheel: TimerWheel, config: Config, logger: ProgramLogger): RoutesApi {
  const { ca_certs, cert_chain: certificate, private_key: key } = config.routing_api;
  let origin: URL;
  try {
    origin = routingApiOrigin(config.routing_api);
  } catch (cause) {
    throw new StartFailure("routing-api-connection-failed", { error: (cause as Error).message });
  }
  const tls = {
    authorities: [ca_certs],
    keyPair: { certificate, key },
    ciphers: openSslCipherNames(suites),
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
  } as const;
  const http = new HttpClient(runtime, wheel, { origin, tls, dialTimeoutMs, maxAnswerBytes: maxListBytes });
  return new RoutesApi(http, runtime.clock, logger.source("route-fetcher"), origin.pathname.replace(/\/$/, ""));
}

function originOf(url: string, key: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "https:" || parsed?.protocol === "http:") return parsed;
  throw new Error(`${key} and its port give ${JSON.stringify(url)}, which is no http or https URL`);
}
