import type { Clock, Timer } from "../../../../src/core/clock.ts";
import type { Level, LogData, Logger } from "../../../../src/core/observe/log.ts";
import { Endpoint, type EndpointFields } from "../../../../src/core/routing/endpoint.ts";
import { Registry } from "../../../../src/core/routing/registry.ts";
import type { RegistryObserver, RegistrySettings } from "../../../../src/core/routing/registry-parts.ts";

const names = ["debug", "info", "warn", "error"] as const;

/** Keeps what is logged, as `level message` and data. */
class RecordingLog implements Logger {
  level: Level = 0;
  lines: Array<{ line: string; data: LogData | undefined }> = [];

  #write(level: number, message: string, data: LogData | undefined): void {
    if (level >= this.level) this.lines.push({ line: `${names[level]} ${message}`, data });
  }
  debug(message: string, data?: LogData): void {
    this.#write(0, message, data);
  }
  info(message: string, data?: LogData): void {
    this.#write(1, message, data);
  }
  warn(message: string, data?: LogData): void {
    this.#write(2, message, data);
  }
  error(message: string, data?: LogData): void {
    this.#write(3, message, data);
  }
  source(): Logger {
    return this;
  }

  /** The lines since the last call, as `level message {data}`. */
  take(): string[] {
    const taken = this.lines.map(({ line, data }) => (data === undefined ? line : `${line} ${JSON.stringify(data)}`));
    this.lines = [];
    return taken;
  }
  /** Only levels and messages. */
  takeMessages(): string[] {
    const taken = this.lines.map(({ line }) => line);
    this.lines = [];
    return taken;
  }
}

/** A clock that stands still until told. */
class HandClock implements Clock {
  ms = 1_000_000;
  #timers: Array<{ at: number; callback: () => void; background: boolean }> = [];

  now(): number {
    return 1_700_000_000_000 + this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
  after(ms: number, callback: () => void, background = false): Timer {
    const timer = { at: this.ms + ms, callback, background };
    this.#timers.push(timer);
    return { cancel: () => void this.#timers.splice(this.#timers.indexOf(timer) >>> 0, 1) };
  }
  get pending(): number {
    return this.#timers.length;
  }
  /** Goes on by so much, timers firing in order at their times. */
  advance(ms: number): void {
    const end = this.ms + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.ms = next.at;
      next.callback();
    }
    this.ms = end;
  }
}

export const defaults: RegistrySettings = {
  zone: "z1",
  backends: { max_conns: 0 },
  balancing_algorithm: "round-robin",
  balancing_algorithm_az_preference: "none",
  empty_pool_response_code_503: false,
  empty_pool_timeout: 0,
  droplet_stale_threshold: 120_000,
  isolation_segments: [],
  routing_table_sharding_mode: "all",
};

/** Keeps what metrics would count. */
class RecordingObserver implements RegistryObserver {
  events: string[] = [];
  registered(component: string, action: string): void {
    this.events.push(`registered ${component} ${action}`);
  }
  unregistered(component: string, took: boolean): void {
    this.events.push(`unregistered ${component}${took ? ", took one" : ""}`);
  }
  pruned(endpoints: number): void {
    this.events.push(`pruned ${endpoints}`);
  }
  registrationLatency(milliseconds: number): void {
    this.events.push(`latency ${milliseconds}`);
  }
  observeLookup(nanoseconds: number): void {
    this.events.push(`looked up ${nanoseconds}`);
  }
  take(): string[] {
    const taken = this.events;
    this.events = [];
    return taken;
  }
}

/** A registry with everything around it under the test's control. */
export function table(settings: Partial<RegistrySettings> = {}, random: () => number = () => 0) {
  const clock = new HandClock();
  const log = new RecordingLog();
  const observer = new RecordingObserver();
  const forgotten: Endpoint[] = [];
  const registry = new Registry({
    settings: { ...defaults, ...settings },
    clock,
    random,
    log,
    observer,
    lookupTimes: observer,
    forget: (endpoint) => forgotten.push(endpoint),
  });
  return { registry, clock, log, observer, forgotten };
}

/** An endpoint at 10.0.0.N:80. */
export function endpoint(n: number, fields: Partial<EndpointFields> = {}): Endpoint {
  return new Endpoint({ host: `10.0.0.${n}`, port: 80, ...fields });
}

/** Addresses of the route in pool order, undefined without a pool. */
export function addresses(registry: Registry, key: string): string[] | undefined {
  const found = registry.routes().find(([route]) => route === key)?.[1];
  return found?.members.map((member) => member.endpoint.address);
}
