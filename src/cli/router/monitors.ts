import type { Logger } from "../../core/observe/log.ts";
import type { TableMetrics } from "../../core/observe/table-metrics.ts";
import type { Timer } from "../../runtime/interface/clock.ts";
import type { Runtime } from "../../runtime/interface.ts";

/** Between two looks, in milliseconds (control-plane §5.2). */
const periodMs = 5000;

/** Something that looks regularly and says `exited` when it ends (control-plane §8.5). */
export class Monitor {
  readonly #runtime: Runtime;
  readonly #log: Logger;
  readonly #look: () => void;
  #timer: Timer | undefined;

  constructor(runtime: Runtime, log: Logger, look: () => void) {
    this.#runtime = runtime;
    this.#log = log;
    this.#look = look;
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#runtime.clock.after(
      periodMs,
      () => {
        this.#schedule();
        this.#look();
      },
      true,
    );
  }

  stop(): void {
    this.#timer?.cancel();
    this.#log.info("exited");
  }
}

/** Counts open descriptors (`file_descriptors`). */
export function descriptorMonitor(runtime: Runtime, logger: Logger, metrics: TableMetrics): Monitor {
  return new Monitor(runtime, logger.source("FileDescriptor"), () => {
    void runtime.openDescriptors().then((open) => metrics.descriptors(open));
  });
}

/** Looks at the `router.*` subscription (`buffered_messages`, `total_dropped_messages`; control-plane §2.5). */
export function busMonitor(
  runtime: Runtime,
  logger: Logger,
  metrics: TableMetrics,
  subscription: { readonly pending: number; readonly dropped: number },
): Monitor {
  return new Monitor(runtime, logger.source("NATSMonitor"), () =>
    metrics.bus(subscription.pending, subscription.dropped),
  );
}
