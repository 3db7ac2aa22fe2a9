import type { Logger } from "../core/observe/log.ts";
import type { Clock, Timer } from "../runtime/interface/clock.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { Bus, EarlyHandler } from "./bus.ts";
import { MessageQueue } from "./message-queue.ts";
import { MessageReceiver, type RouteTable } from "./message-receiver.ts";
import { encodeStartMessage } from "./start-message.ts";

/** What the subscriber needs to know of the configuration. */
interface SubscriberOptions {
  /** `index`: the first part of the router's id. */
  readonly index: number;
  /** `start_response_delay_interval` in milliseconds. */
  readonly startResponseDelayMs: number;
  /** `droplet_stale_threshold` in milliseconds. */
  readonly staleThresholdMs: number;
  /** `enable_http2`. */
  readonly http2: boolean;
}

/** What the subscriber uses of a runtime. */
interface SubscriberRuntime extends Pick<Runtime, "localIp" | "randomBytes" | "uuid"> {
  readonly clock: Clock;
}

/** A running subscriber. */
export interface Subscriber {
  /** Messages received and not yet applied (metric `buffered_messages`). */
  readonly pending: number;
  /** Messages dropped because too many were pending (metric `total_dropped_messages`). */
  readonly dropped: number;
  /** Ends the subscriptions and drops what is pending. */
  close(): void;
}

/** Milliseconds between two looks at what heartbeats are remembered in vain. */
const sweepMs = 1000;

/**
 * Announces the router and feeds registrations to the table (control-plane §2.2-2.6); `MessageReceiver` says how each
 * message is applied. `logger` is the one with source `.subscriber`. Rejects when the local address cannot be found.
 */
export async function startSubscriber(
  bus: Bus,
  runtime: SubscriberRuntime,
  logger: Logger,
  table: RouteTable,
  options: SubscriberOptions,
): Promise<Subscriber> {
  const id = `${options.index}-${runtime.uuid()}`;
  const startMessage = async (): Promise<string> =>
    encodeStartMessage({
      id,
      host: await runtime.localIp(),
      registerIntervalSeconds: Math.trunc(options.startResponseDelayMs / 1000),
      pruneThresholdSeconds: Math.trunc(options.staleThresholdMs / 1000),
    });

  logger.info("subscriber-starting");
  bus.publish("router.start", await startMessage());
  const receiver = new MessageReceiver({ table, logger, http2: options.http2, seed: runtime.randomBytes(16) });
  const queue = new MessageQueue(runtime.clock, ({ subject, payload }) =>
    receiver.apply(subject, payload, 0, payload.length),
  );
  /** What comes in slices of a few milliseconds needs no queue, unless something waits there that came before. */
  const applyEarly: EarlyHandler = (subject, input, start, end) => {
    if (queue.pending > 0) return false;
    receiver.apply(subject, input, start, end);
    return true;
  };
  let sweeper: Timer;
  const sweep = (): void => {
    receiver.sweep();
    sweeper = runtime.clock.after(sweepMs, sweep, true);
  };
  sweep();

  const greet = async (reply: string): Promise<void> => {
    const answer = await startMessage().catch(() => "");
    try {
      bus.publish(reply, answer);
    } catch {
      // As upstream: whoever greets will greet again.
    }
  };
  const announceAgain = async (): Promise<void> => {
    try {
      bus.publish("router.start", await startMessage());
    } catch (error) {
      logger.error("failed-to-send-start-message", { error: (error as Error).message });
    }
  };

  const subscriptions = [
    bus.subscribe("router.greet", ({ reply }) => {
      if (reply !== "") void greet(reply);
    }),
    bus.subscribe("router.*", (message) => queue.push(message), undefined, applyEarly),
  ];
  let open = true;
  bus.onReconnect(() => {
    if (open) void announceAgain();
  });
  logger.info("subscriber-started");

  return {
    get pending() {
      return queue.pending;
    },
    get dropped() {
      return queue.dropped;
    },
    close() {
      if (!open) return;
      open = false;
      sweeper.cancel();
      for (const subscription of subscriptions) subscription.unsubscribe();
      queue.clear();
      logger.info("exited");
    },
  };
}
