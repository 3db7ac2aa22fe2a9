import type { Bus } from "../../bus/bus.ts";
import type { Config } from "../../core/config/schema.ts";
import type { Logger } from "../../core/observe/log.ts";
import { meterTickMs } from "../../core/observe/meter.ts";
import type { RequestMetrics } from "../../core/observe/metrics.ts";
import { RequestSamples } from "../../core/observe/request-samples.ts";
import type { Registry } from "../../core/routing/registry.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { varzJson } from "../../status/varz.ts";

/** Between two looks at the process, in milliseconds. */
const processMs = 1000;

/** What stands behind `/varz` (control-plane §4.4): samples, looks at the process, the component's bus subjects. */
export class VarzComponent {
  readonly #runtime: Runtime;
  readonly #config: Config;
  readonly #requests: RequestMetrics;
  readonly #registry: Registry;
  readonly #samples: RequestSamples;
  readonly #uuid: string;
  readonly #startedAt: number;
  #address = "";
  #cpuSeconds = 0;
  #latest = { cpu: 0, memKiB: 0 };
  #shown = { cpu: 0, memKiB: 0 };

  /** `random`: uniform in [0, 1). */
  constructor(runtime: Runtime, config: Config, requests: RequestMetrics, registry: Registry, random: () => number) {
    this.#runtime = runtime;
    this.#config = config;
    this.#requests = requests;
    this.#registry = registry;
    this.#samples = new RequestSamples(random);
    requests.samples = this.#samples;
    this.#uuid = `${config.index}-${runtime.uuid()}`;
    this.#startedAt = runtime.clock.now();
    this.#every(processMs, () => this.#lookAtProcess());
    this.#every(meterTickMs, () => this.#samples.tick(requests.totalRequests));
  }

  /** Where it listens, before anybody asks. A wildcard is shown as configured. */
  listensOn({ host, port }: { readonly host: string; readonly port: number }): void {
    const { status } = this.#config;
    this.#address = status.port === 0 ? `${host}:${port}` : `${status.host}:${status.port}`;
  }

  /** The object of `/varz`, figures of the process brought up to date. */
  varz(): string {
    this.#shown = this.#latest;
    return this.#json();
  }

  /** Answers `vcap.component.discover` and announces the component. */
  announce(bus: Bus, log: Logger): void {
    bus.subscribe("vcap.component.discover", ({ subject, reply }) => {
      if (reply === "") log.info("Received message with empty reply", { "nats-msg-subject": subject });
      else bus.publish(reply, this.#json());
    });
    bus.publish("vcap.component.announce", this.#json());
    log.info("Component Router registered successfully");
  }

  #every(ms: number, task: () => void): void {
    const run = (): void => {
      this.#runtime.clock.after(ms, run, true);
      task();
    };
    this.#runtime.clock.after(ms, run, true);
  }

  /** CPU seconds since the look before; the first look sees all of them. */
  #lookAtProcess(): void {
    const { cpuSeconds, maxResidentBytes } = this.#runtime.usage();
    this.#latest = { cpu: cpuSeconds - this.#cpuSeconds, memKiB: Math.floor(maxResidentBytes / 1024) };
    this.#cpuSeconds = cpuSeconds;
  }

  #json(): string {
    const { status, index } = this.#config;
    const { clock } = this.#runtime;
    const monotonic = clock.monotonic();
    const updated = this.#registry.lastUpdate;
    const facts = {
      index,
      uuid: this.#uuid,
      user: status.user,
      pass: status.pass,
      host: this.#address,
      cores: this.#runtime.cpuCount(),
      startedAt: this.#startedAt,
      ...this.#shown,
      endpoints: this.#registry.endpointCount,
      pools: this.#registry.totalRoutes,
      sinceLastUpdateMs: updated < 0 ? -1 : monotonic - updated,
      now: clock.now(),
      monotonic,
    };
    return varzJson(facts, this.#requests, this.#samples);
  }
}
