import { ActiveAppsPublisher } from "../../bus/active-apps.ts";
import type { Bus } from "../../bus/bus.ts";
import { BusUnreachable, connectBus } from "../../bus/client.ts";
import type { EmbeddedBus } from "../../bus/embedded/server.ts";
import { noBus } from "../../bus/no-bus.ts";
import { type Subscriber, startSubscriber } from "../../bus/subscriber.ts";
import type { Config } from "../../core/config/schema.ts";
import { activeAppsFault } from "../../core/config/start-faults.ts";
import { withoutNats } from "../../core/config/validate.ts";
import { ActiveApps } from "../../core/observe/active-apps.ts";
import type { ProgramLogger } from "../../core/observe/json-logger.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { Health } from "../../core/pipeline/parts.ts";
import { largestRequestHead } from "../../core/pipeline/settings.ts";
import { PruneCycle } from "../../core/routing/pruning.ts";
import { Registry } from "../../core/routing/registry.ts";
import type { RouteFetcher } from "../../routing-api/client/route-fetcher.ts";
import type { Clock } from "../../runtime/interface/clock.ts";
import type { KeyPair } from "../../runtime/interface/tls.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { healthApp } from "../../status/health.ts";
import { routesApp } from "../../status/routes.ts";
import { varzApp } from "../../status/varz-app.ts";
import { fetchHandler } from "../../wire/server-fetch.ts";
import { TimerWheel } from "../../wire/timer-wheel.ts";
import { AccessLog } from "./access-log-sink.ts";
import type { CertificateStore } from "./certificate-store.ts";
import { openDebugServer } from "./debug-server.ts";
import type { EmbeddedRoutingApi } from "./embedded-routing-api.ts";
import { openErrorTemplate } from "./error-template.ts";
import { openIngressTls } from "./ingress-tls.ts";
import type { MainPorts } from "./main-listeners.ts";
import { natsTlsFault } from "./nats-tls.ts";
import { Observation } from "./observation.ts";
import { PlainFailure } from "./plain-failure.ts";
import { rehearsalMs, rehearse } from "./rehearsal.ts";
import { wantsVarz } from "./request-observation.ts";
import { checkRouteServices } from "./route-services/start-check.ts";
import { RoutingApi } from "./routing-api.ts";
import { StartFailure } from "./start-failure.ts";
import { openStatusListeners, type StatusListeners } from "./status-listeners.ts";
import { VarzComponent } from "./varz-component.ts";
import { Worker } from "./worker.ts";
import { Fleet } from "./workers/fleet.ts";
import { MachineUse } from "./workers/machine-use.ts";
import { upToDate } from "./workers/up-to-date.ts";
import { workerCount } from "./workers/worker-count.ts";

/** A router that has started: what its life cycle works on. */
export interface RunningRouter {
  readonly config: Config;
  readonly health: Health;
  readonly server: MainPorts;
  readonly status: StatusListeners;
  readonly bus: Bus;
  readonly embedded: EmbeddedBus | undefined;
  readonly accessLog: Pick<AccessLog, "reopen" | "close"> | undefined;
  readonly subscriber: Subscriber;
  /** Undefined without Routing API. */
  readonly routeFetcher: RouteFetcher | undefined;
  /** Undefined without `routing_api.embedded`. */
  readonly embeddedApi: EmbeddedRoutingApi | undefined;
  readonly pruning: PruneCycle;
  readonly observation: Observation;
  /** Undefined without a TLS listener. */
  readonly certificates: CertificateStore | undefined;
}

const pause = (clock: Clock, ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));
const random = (runtime: Runtime) => (): number => new DataView(runtime.randomBytes(4).buffer).getUint32(0) / 2 ** 32;

/** The health of the router, of whose changes somebody else is told too. */
class SharedHealth implements Health {
  #state: Health["state"] = "initializing";
  readonly #changed: (state: Health["state"]) => void;

  constructor(changed: (state: Health["state"]) => void) {
    this.#changed = changed;
  }

  get state(): Health["state"] {
    return this.#state;
  }

  set state(state: Health["state"]) {
    this.#state = state;
    this.#changed(state);
  }
}

/** The access log of a router whose workers write it; they end when it is closed. */
function logsOf(fleet: Fleet, own: AccessLog | undefined): RunningRouter["accessLog"] {
  return {
    reopen: async () => void (await Promise.all([own?.reopen(), fleet.reopen()])),
    close: async () => {
      await fleet.end();
      await own?.close();
    },
  };
}

async function startBus(
  runtime: Runtime,
  config: Config,
  logger: Logger,
): Promise<{ bus: Bus; embedded: EmbeddedBus | undefined }> {
  const { nats } = config;
  if (withoutNats(config)) return { bus: noBus(), embedded: undefined };
  logger.info("setting-up-nats-connection");
  const fault = natsTlsFault(nats, runtime.clock.now());
  if (fault !== undefined) throw new StartFailure("nats-tls-config-invalid", { error: fault }, "nats");
  try {
    const embedded = nats.embedded
      ? await (await import("../../bus/embedded/server.ts")).startEmbeddedBus(runtime, logger, {
          port: nats.embedded_port,
          webSocketPort: nats.embedded_websocket_port,
          user: nats.user,
          pass: nats.pass,
          origins: nats.embedded_origins,
        })
      : undefined;
    const servers = embedded === undefined ? nats.servers : [`nats://127.0.0.1:${embedded.port}`];
    const options = { ...nats, servers, pingIntervalMs: config.nats_client_ping_interval };
    return { bus: await connectBus(runtime, logger.source("nats"), options), embedded };
  } catch (error) {
    const data = {
      error: (error as Error).message,
      ...(error instanceof BusUnreachable ? { servers: error.servers } : {}),
    };
    throw new StartFailure("nats-connection-error", data, "nats");
  }
}

/** Undefined: it is not configured; nor is anything of it loaded, which is a third of the program. */
async function openEmbeddedApi(
  runtime: Runtime,
  wheel: TimerWheel,
  config: Config,
  logger: Logger,
): Promise<EmbeddedRoutingApi | undefined> {
  if (!config.routing_api.embedded) return undefined;
  const api = await import("./embedded-routing-api.ts");
  return await api.EmbeddedRoutingApi.open(runtime, wheel, config, logger);
}

/**
 * Starts a router in the order of control-plane §8.2 and resolves when it serves. `assembled` is called when everything
 * is put together and the members start (step 15).
 *
 * @throws StartFailure with the error line to write.
 * @throws PlainFailure with the text for standard error.
 */
export async function startRouter(
  runtime: Runtime,
  config: Config,
  logger: ProgramLogger,
  assembled: () => void,
): Promise<RunningRouter> {
  const { clock } = runtime;
  const routerLog = logger.source("router");
  logger.debug("local-az-set", { AvailabilityZone: config.zone });
  let templateText = "";
  const readTextFile = async (path: string): Promise<string> => {
    templateText = await runtime.readTextFile(path);
    return templateText;
  };
  const errorTemplate = await openErrorTemplate({ readTextFile }, config.html_error_template_file);
  logger.info("retrieved-isolation-segments", {
    isolation_segments: config.isolation_segments,
    routing_table_sharding_mode: config.routing_table_sharding_mode,
  });
  const wheel = new TimerWheel(clock);
  const size = workerCount(config, runtime.cpuCount());
  // Undefined: the one worker runs in this process.
  let fleet: Fleet | undefined;
  const use = new MachineUse();
  const counted = size > 1 ? use.count(runtime) : runtime;
  await openDebugServer(runtime, wheel, config.debug_addr, logger, (level) => {
    logger.setLevel(level);
    fleet?.levelChanged(level);
  });
  const { bus, embedded } = await startBus(runtime, config, logger);
  const embeddedApi = await openEmbeddedApi(runtime, wheel, config, logger);
  const routingApi = embeddedApi ?? (await RoutingApi.open(runtime, wheel, config, logger));
  const health = new SharedHealth((state) => fleet?.healthChanged(state));
  const refresh = size > 1 ? async () => await fleet?.collect() : undefined;
  const observation = await Observation.open(counted, wheel, config, logger, refresh);
  const activeApps = config.publish_active_apps_interval > 0 ? new ActiveApps() : undefined;
  const accessLog = await AccessLog.open(runtime, logger, config);
  const address = await runtime.localIp().catch(() => "127.0.0.1");
  const ingress = await openIngressTls(runtime, config, routerLog);
  observation.requests.certificates = ingress?.certificates;
  const { requests } = observation;
  if (size > 1) {
    const keyPairs = (): readonly KeyPair[] => ingress?.certificates.current().keyPairs ?? [];
    fleet = new Fleet({
      runtime,
      config,
      size,
      logger,
      health,
      address,
      errorTemplate: templateText,
      keyPairs,
      requests,
      activeApps,
      use,
    });
    if (ingress !== undefined) ingress.certificates.changed = () => fleet?.certificatesChanged();
  }
  const worker =
    fleet ??
    new Worker({
      runtime,
      config,
      logger,
      wheel,
      accessLog,
      activeApps,
      observation,
      health,
      address,
      errorTemplate,
      ingress,
    });
  checkRouteServices(config, logger);
  await worker.openLoop();
  const registryLog = logger.source("registry");
  const registry = new Registry({
    settings: config,
    clock,
    random: random(runtime),
    log: registryLog,
    observer: observation.table,
    lookupTimes: observation.lookupTimes,
    forget: (endpoint) => worker.forget(endpoint),
    changes: fleet,
  });
  observation.table.hashedRoutes = () => registry.hashedRoutes();
  const credentials = { user: config.status.user, pass: config.status.pass };
  const varz = wantsVarz(config) ? new VarzComponent(counted, config, requests, registry, random(runtime)) : undefined;
  const current = (answer: Parameters<typeof fetchHandler>[0]): ReturnType<typeof fetchHandler> =>
    fetchHandler(fleet === undefined ? answer : upToDate(fleet, answer));
  const status = await openStatusListeners(runtime, wheel, config, {
    routes: current(routesApp(registry, credentials).fetch),
    health: fetchHandler(healthApp(health).fetch),
    varz: varz && current(varzApp(health, registry, credentials, () => varz.varz()).fetch),
  });
  varz?.listensOn(status.health!);
  const limit = config.max_request_header_bytes;
  if (limit > largestRequestHead) {
    logger.warn("innefectual-max-header-bytes-value", { error: `Values over ${limit} are limited by http.Server` });
  }
  const routeFetcher = await routingApi?.fetcher(registry, observation.table);
  assembled();
  if (routeFetcher !== undefined && embeddedApi !== undefined) await embeddedApi.start(routeFetcher);
  else routeFetcher?.start();
  const subscriber = await startSubscriber(bus, runtime, logger.source("subscriber"), registry, {
    index: config.index,
    startResponseDelayMs: config.start_response_delay_interval,
    staleThresholdMs: config.droplet_stale_threshold,
    http2: config.enable_http2,
  });
  const pruning = new PruneCycle({
    settings: config,
    registry,
    clock,
    log: registryLog,
    connected: () => bus.connected,
    report: (totalRoutes, sinceLastUpdateMs) => observation.table.routeStatistics(totalRoutes, sinceLastUpdateMs),
  });
  observation.watchBus(subscriber);
  pruning.start();
  varz?.announce(bus, routerLog);
  const tickerFault = activeAppsFault(config);
  if (tickerFault !== undefined) throw new PlainFailure(`panic: ${tickerFault.message}\n`, 2);
  if (activeApps !== undefined) {
    const { publish_active_apps_interval: interval } = config;
    const publisher = new ActiveAppsPublisher(bus, clock, routerLog, activeApps, interval);
    publisher.refresh = refresh;
    publisher.start();
  }
  routerLog.debug("Sleeping before returning success on /health endpoint to preload routing table", {
    sleep_time_seconds: config.start_response_delay_interval / 1000,
  });
  const delay = config.start_response_delay_interval;
  const fleetStarted = fleet?.start(registry, delay > 0 ? rehearsalMs(delay) : 0);
  if (delay > 0) {
    if (fleet === undefined && config.listener !== "native") {
      rehearse(runtime, wheel, config, rehearsalMs(delay)).catch((error) =>
        routerLog.debug("rehearsal-failed", { error: (error as Error).message }),
      );
    }
    await Promise.all([pause(clock, delay), fleetStarted]);
  }
  await fleetStarted;
  const server = await worker.listen(registry);
  routerLog.info("gorouter.started");
  fleet?.announce();
  observation.started();
  health.state = "healthy";
  const certificates = ingress?.certificates;
  return {
    config,
    health,
    server,
    status,
    bus,
    embedded,
    accessLog: fleet === undefined ? accessLog : logsOf(fleet, accessLog),
    subscriber,
    routeFetcher,
    embeddedApi,
    pruning,
    observation,
    certificates,
  };
}
