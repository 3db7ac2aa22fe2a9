import type { Clock } from "../clock.ts";
import type { ErrorTemplate } from "../forwarding/error-template/compile.ts";
import type { Transport } from "../forwarding/transport.ts";
import type { MessageHeaders } from "../message.ts";
import type { AccessLogSink } from "../observe/access-log-line.ts";
import type { ActiveApps } from "../observe/active-apps.ts";
import type { ExchangeEvents } from "../observe/exchange-events.ts";
import type { Logger } from "../observe/log.ts";
import type { LogCopies } from "../observe/log-copies.ts";
import type { RequestMetrics } from "../observe/metrics.ts";
import type { RandomSource } from "../random.ts";
import type { RouteServices, ServiceTransports } from "../route-service/route-services.ts";
import type { Registry } from "../routing/registry.ts";
import type { CompiledSettings, RouterSettings } from "./settings.ts";

/** What the routing table does for requests. */
export type RouteTable = Pick<Registry, "lookup" | "lookupAppInstance" | "lookupProcessInstance" | "endpointFailed">;

/** Process health as load balancers see it (data-plane §1.4.10); changed by the program's life cycle. */
export interface Health {
  state: "initializing" | "healthy" | "degraded";
}

/** Everything a router is made of. */
export interface RouterParts {
  readonly settings: RouterSettings;
  readonly registry: RouteTable;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  /** Undefined: no access log. */
  readonly accessLog: AccessLogSink | undefined;
  readonly metrics: RequestMetrics;
  /** Told of every attempt; absent: nobody wants to know (`publish_active_apps_interval` 0). */
  readonly activeApps?: ActiveApps | undefined;
  /** Hears of every attempt and request; absent: nobody does. */
  readonly events?: ExchangeEvents | undefined;
  /** Takes copies of access log lines for the logs of apps; absent: there are none. */
  readonly logCopies?: LogCopies | undefined;
  readonly health: Health;
  /** How route services are reached (data-plane §8); absent: they are off, whatever the settings say. */
  readonly routeServices?: ServiceTransports | undefined;
  /** HTML error pages (data-plane §2.2); absent: plain text. */
  readonly errorTemplate?: ErrorTemplate | undefined;
  /** The router's own IP, for `X-Vcap-Router` (data-plane §5.5). */
  readonly address: string;
  /** Empty header fields, for answers of the router's own. Platform `Headers` fit, but lose the spelling of names. */
  newHeaders(): MessageHeaders;
}

/** The parts as requests use them. */
export interface RouterContext extends RouterParts {
  readonly compiled: CompiledSettings;
  readonly services: RouteServices;
}
