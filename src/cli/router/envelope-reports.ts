import { CounterBatch } from "../../core/observe/envelope/counters.ts";
import type { EnvelopeEmitter } from "../../core/observe/envelope/emitter.ts";
import type { RequestMetrics } from "../../core/observe/metrics.ts";
import type { TableMetrics } from "../../core/observe/table-metrics.ts";
import type { Timer } from "../../runtime/interface/clock.ts";
import type { Runtime } from "../../runtime/interface.ts";

/** Periods in milliseconds (control-plane §5.1, §5.2). */
const flushMs = 5000;
const runtimeMs = 10_000;
const uptimeMs = 1000;

/** What the emitter sends by the clock: batched counters, figures of the runtime, uptime. */
export class EnvelopeReports {
  readonly #runtime: Runtime;
  readonly #emitter: EnvelopeEmitter;
  readonly #timers = new Set<Timer>();
  readonly #builtAt: number;

  constructor(runtime: Runtime, emitter: EnvelopeEmitter, requests: RequestMetrics, table: TableMetrics) {
    this.#runtime = runtime;
    this.#emitter = emitter;
    this.#builtAt = runtime.clock.monotonic();
    const counters = new CounterBatch(requests, table);
    this.#every(flushMs, () => {
      for (const [name, delta] of counters.flush()) emitter.count(name, delta);
    });
    this.#runtimeFigures();
    this.#every(runtimeMs, () => this.#runtimeFigures());
  }

  /** The router serves: `uptime` is reported from now on. */
  started(): void {
    const { clock } = this.#runtime;
    this.#every(uptimeMs, () => {
      this.#emitter.value("uptime", Math.floor((clock.monotonic() - this.#builtAt) / 1000), "seconds");
    });
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #every(ms: number, report: () => void): void {
    const timer = this.#runtime.clock.after(
      ms,
      () => {
        this.#timers.delete(timer);
        this.#every(ms, report);
        report();
      },
      true,
    );
    this.#timers.add(timer);
  }

  /** Those that have a meaning here; threads, allocations and pauses are Go's own. */
  #runtimeFigures(): void {
    const { heapBytes } = this.#runtime.usage();
    this.#emitter.value("numCPUS", this.#runtime.cpuCount(), "count");
    this.#emitter.value("memoryStats.numBytesAllocatedHeap", heapBytes, "count");
    this.#emitter.value("memoryStats.numBytesAllocated", heapBytes, "count");
  }
}
