import { Level, type Logger } from "../core/observe/log.ts";
import { type Endpoint, sameRegistration } from "../core/routing/endpoint.ts";
import type { PackedEndpoint } from "../core/routing/packed-endpoint.ts";
import type { Member } from "../core/routing/pool.ts";
import type { Place } from "../core/routing/registration.ts";
import type { ReservationFields } from "../core/routing/reservation.ts";
import type { Clock, Timer } from "../runtime/interface/clock.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { Bus, EarlyHandler } from "./bus.ts";
import { Heartbeats, type Refreshed } from "./heartbeats.ts";
import { MessageQueue } from "./message-queue.ts";
import { MessageShapes } from "./message-shapes.ts";
import { decodeRegistryMessage, endpointOf, reservationOf } from "./messages.ts";
import { payloadText } from "./payload-text.ts";
import { encodeStartMessage } from "./start-message.ts";

/** Where registrations go: the registry. */
interface RouteTable {
  register(uri: string, endpoint: Endpoint): void;
  registerAtRest(uri: string, packed: PackedEndpoint): number;
  registerAlone(uri: string, endpoint: Endpoint): Place | undefined;
  placeOf(uri: string, endpoint: Endpoint): Member | undefined;
  versionOf(place: Place): number;
  refresh(place: Place): void;
  unregister(uri: string, endpoint: Endpoint): void;
  reserve(uri: string, reservation: ReservationFields): void;
  unreserve(uri: string, reservation: Pick<ReservationFields, "isolationSegment">): void;
}

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

/** Registers an endpoint for all uris of a message and remembers where that led to. */
function register(
  table: RouteTable,
  heartbeats: Heartbeats | undefined,
  uris: readonly string[],
  endpoint: Endpoint,
): void {
  if (uris.length === 1) {
    const place = table.registerAlone(uris[0]!, endpoint);
    if (place !== undefined) heartbeats?.remember(place);
    return;
  }
  for (const uri of uris) table.register(uri, endpoint);
  if (heartbeats === undefined) return;
  const members: Member[] = [];
  for (const uri of uris) {
    const member = table.placeOf(uri, endpoint);
    // Of another shard, or not taken: the next message like it is looked at again.
    if (member === undefined) return;
    if (member.endpoint !== endpoint && !sameRegistration(member.endpoint, endpoint)) return;
    members.push(member);
  }
  if (members.length > 0) heartbeats.remember(members);
}

/** Registers again what is in the table as the message says it. */
function refresh(table: RouteTable, places: Refreshed): void {
  if (typeof places === "object" && "length" in places) for (const place of places) table.refresh(place);
  else table.refresh(places);
}

/** At level debug each registration has a line of its own, which takes decoding. */
function remembers(subject: string, logger: Logger): boolean {
  return subject === "router.register" && logger.level > Level.debug;
}

/** Where messages of `router.*` are applied. */
interface Receiver {
  readonly table: RouteTable;
  readonly heartbeats: Heartbeats;
  readonly shapes: MessageShapes;
  readonly logger: Logger;
  readonly http2: boolean;
}

/**
 * Applies one message of `router.*` (control-plane §2.4), which lies in the input from `start` to `end`; a bad one is
 * logged and harms nothing.
 */
function applyMessage(receiver: Receiver, subject: string, input: Uint8Array, start: number, end: number): void {
  const remembered = remembers(subject, receiver.logger);
  const places = remembered ? receiver.heartbeats.find(input, start, end) : undefined;
  if (places !== undefined) {
    refresh(receiver.table, places);
    return;
  }
  try {
    if (applyFamiliar(receiver, subject, input, start, end, remembered)) return;
    decodeAndApply(receiver, subject, input, start, end, remembered);
  } catch (error) {
    const payload = payloadText(input.subarray(start, end));
    receiver.logger.error("validation-error", { error: (error as Error).message, payload, subject });
  }
}

/** Applies a message that is like earlier ones; false: it has to be decoded. */
function applyFamiliar(
  { table, heartbeats, shapes, logger }: Receiver,
  subject: string,
  input: Uint8Array,
  start: number,
  end: number,
  remembered: boolean,
): boolean {
  const registers = subject === "router.register";
  if (!(registers || subject === "router.unregister") || !shapes.find(input, start, end)) return false;
  const { uri, packed } = shapes;
  if (!registers) {
    table.unregister(uri, packed.endpoint());
    logUnregistration(logger, input.subarray(start, end));
    return true;
  }
  const resting = table.registerAtRest(uri, packed);
  if (resting === 0) register(table, remembered ? heartbeats : undefined, [uri], packed.endpoint());
  else heartbeats.remember(resting);
  return true;
}

function logUnregistration(logger: Logger, payload: Uint8Array): void {
  if (logger.level <= Level.debug) logger.debug("unregister-route", { message: payloadText(payload) });
}

function decodeAndApply(
  { table, heartbeats, shapes, logger, http2 }: Receiver,
  subject: string,
  input: Uint8Array,
  start: number,
  end: number,
  remembered: boolean,
): void {
  const payload = input.subarray(start, end);
  // Decoded before the subject is looked at: garbage on any `router.*` subject is logged.
  const message = decodeRegistryMessage(payload);
  if (subject === "router.register") {
    const endpoint = endpointOf(message, http2);
    register(table, remembered ? heartbeats : undefined, message.uris, endpoint);
    shapes.learn(input, start, end, endpoint);
  } else if (subject === "router.unregister") {
    const endpoint = endpointOf(message, http2);
    for (const uri of message.uris) table.unregister(uri, endpoint);
    logUnregistration(logger, payload);
    shapes.learn(input, start, end, endpoint);
  } else if (subject === "router.reserve") {
    const reservation = reservationOf(message);
    for (const uri of message.uris) table.reserve(uri, reservation);
  } else if (subject === "router.unreserve") {
    for (const uri of message.uris) table.unreserve(uri, message);
  }
}

/**
 * Announces the router and feeds registrations to the table (control-plane §2.2-2.6). `logger` is the one with source
 * `.subscriber`. Rejects when the local address cannot be found.
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
  const heartbeats = new Heartbeats(runtime.randomBytes(16), table);
  const receiver: Receiver = { table, heartbeats, shapes: new MessageShapes(), logger, http2: options.http2 };
  const queue = new MessageQueue(runtime.clock, ({ subject, payload }) =>
    applyMessage(receiver, subject, payload, 0, payload.length),
  );
  /** What comes in slices of a few milliseconds needs no queue, unless something waits there that came before. */
  const applyEarly: EarlyHandler = (subject, input, start, end) => {
    if (queue.pending > 0) return false;
    applyMessage(receiver, subject, input, start, end);
    return true;
  };
  let sweeper: Timer;
  const sweep = (): void => {
    heartbeats.sweep();
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
