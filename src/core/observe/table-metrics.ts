import type { RegistryObserver } from "../routing/registry-parts.ts";
import { Histogram } from "./histogram.ts";
import type { MeasurementSink } from "./measurement-sink.ts";

const defaultBounds = [0.1, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4];

/** A number that grows; an object, so that counting allocates nothing. */
interface Counter {
  value: number;
}

/** What the routing table and the bus are counted into (control-plane §3.14, §5); exposed elsewhere. */
export class TableMetrics implements RegistryObserver {
  /** Hears of single measurements, too; undefined: nobody. */
  sink: MeasurementSink | undefined = undefined;
  /**
   * Registration latencies go to `sink`: true once `route_latency_metric_muzzle_duration` has passed, since everything
   * that registers again after a start would look late.
   */
  unmuzzled = false;

  /** Registrations by `component` tag, then by what they did. */
  readonly registryMessages = new Map<string, Map<string, Counter>>();
  /** Unregistrations by `component` tag. */
  readonly unregistryMessages = new Map<string, Counter>();
  /** Endpoints that came to a route, and that left one since they were unregistered. */
  routesRegistered = 0;
  routesUnregistered = 0;
  /** Route and number of endpoints of each pool that hash-based routing serves; set by who has the table. */
  hashedRoutes: () => Iterable<readonly [route: string, endpoints: number]> = () => [];
  /** Endpoints removed by pruning. */
  routesPruned = 0;
  /** Pools, and milliseconds since the latest registration (-1: never), as of the latest prune tick. */
  totalRoutes = 0;
  sinceLastUpdateMs = 0;
  /** Milliseconds from `endpoint_updated_at_ns` to the registration. */
  readonly registrationLatencyMs: Histogram;
  /** As of the latest look, every 5 seconds: descriptors, messages that wait, messages dropped since the start. */
  fileDescriptors = 0;
  bufferedMessages = 0;
  droppedMessages = 0;

  constructor(registrationBounds: readonly number[] = defaultBounds) {
    this.registrationLatencyMs = new Histogram(registrationBounds);
  }

  registered(component: string, action: string): void {
    if (action === "added") this.routesRegistered += 1;
    let actions = this.registryMessages.get(component);
    if (actions === undefined) {
      actions = new Map();
      this.registryMessages.set(component, actions);
    }
    const counter = actions.get(action);
    if (counter === undefined) actions.set(action, { value: 1 });
    else counter.value += 1;
  }

  unregistered(component: string, took: boolean): void {
    if (took) this.routesUnregistered += 1;
    const counter = this.unregistryMessages.get(component);
    if (counter === undefined) this.unregistryMessages.set(component, { value: 1 });
    else counter.value += 1;
    this.sink?.count(component === "" ? "unregistry_message" : `unregistry_message.${component}`, 1);
  }

  /** No token for the Routing API. */
  tokenFetchFailed(): void {
    this.sink?.count("token_fetch_errors", 1);
  }

  /** The event stream of the Routing API could not be had, or ended. */
  eventStreamFailed(): void {
    this.sink?.count("subscribe_events_errors", 1);
  }

  pruned(endpoints: number): void {
    this.routesPruned += endpoints;
  }

  registrationLatency(milliseconds: number): void {
    this.registrationLatencyMs.observe(milliseconds);
    if (this.unmuzzled) this.sink?.value("route_registration_latency", Math.trunc(milliseconds), "ms");
  }

  /** Route statistics of a prune tick: `PruneCycle`'s `report`. */
  routeStatistics(totalRoutes: number, sinceLastUpdateMs: number): void {
    this.totalRoutes = totalRoutes;
    this.sinceLastUpdateMs = Math.trunc(sinceLastUpdateMs);
    this.sink?.value("total_routes", totalRoutes, "");
    this.sink?.value("ms_since_last_registry_update", this.sinceLastUpdateMs, "ms");
  }

  /** What the descriptor monitor found. */
  descriptors(open: number): void {
    this.fileDescriptors = open;
    this.sink?.value("file_descriptors", open, "file");
  }

  /** What the NATS monitor found. */
  bus(buffered: number, dropped: number): void {
    this.bufferedMessages = buffered;
    this.droppedMessages = dropped;
    this.sink?.value("buffered_messages", buffered, "message");
    this.sink?.value("total_dropped_messages", dropped, "message");
  }
}
