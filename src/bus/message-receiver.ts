import { Level, type Logger } from "../core/observe/log.ts";
import { type Endpoint, sameRegistration } from "../core/routing/endpoint.ts";
import type { PackedEndpoint } from "../core/routing/packed-endpoint.ts";
import type { Member } from "../core/routing/pool.ts";
import type { Place } from "../core/routing/registration.ts";
import type { ReservationFields } from "../core/routing/reservation.ts";
import { Heartbeats, type Refreshed } from "./heartbeats.ts";
import { MessageShapes } from "./message-shapes.ts";
import { decodeRegistryMessage, endpointOf, reservationOf } from "./messages.ts";
import { payloadText } from "./payload-text.ts";

/** Where registrations go: the registry. */
export interface RouteTable {
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

/** What the receiver is made of. */
interface ReceiverParts {
  readonly table: RouteTable;
  /** With source `.subscriber`. */
  readonly logger: Logger;
  /** `enable_http2`. */
  readonly http2: boolean;
  /** 16 random bytes. */
  readonly seed: Uint8Array;
}

/**
 * Applies the messages of `router.*` to the table (control-plane §2.4). Whatever the way, a message has the effect that
 * decoding it has; most need not be decoded, as nearly all of a router's messages are registrations that it has had
 * before, or that differ from others in a few values. So three ways are tried, the cheapest first:
 *
 * 1. `Heartbeats`: the bytes are those of an earlier `router.register`, and what that led to is still in the table:
 *    its time is renewed. One hash over the message; nothing is read.
 * 2. `MessageShapes`: but for the values of some fields, the bytes are those of an earlier registration, or its end, of
 *    the same sender. The values are taken from where they stand; a route that is new goes into the table without
 *    becoming an object. One comparison over the message.
 * 3. `decodeRegistryMessage`: everything else; the only way that rejects a message, and the one that the other two learn
 *    from. What either of them is not sure of comes here.
 *
 * A registration that came by 2 or 3 is remembered for 1, one that came by 3 for 2. At level debug there is no way 1: each
 * registration has a line of its own, with what the message says.
 */
export class MessageReceiver {
  readonly #table: RouteTable;
  readonly #logger: Logger;
  readonly #http2: boolean;
  readonly #heartbeats: Heartbeats;
  readonly #shapes = new MessageShapes();

  constructor({ table, logger, http2, seed }: ReceiverParts) {
    this.#table = table;
    this.#logger = logger;
    this.#http2 = http2;
    this.#heartbeats = new Heartbeats(seed, table);
  }

  /**
   * Applies the message that lies in the input from `start` to `end`, of which it keeps nothing; a bad one is logged and
   * harms nothing.
   */
  apply(subject: string, input: Uint8Array, start: number, end: number): void {
    const heartbeats = subject === "router.register" && this.#logger.level > Level.debug ? this.#heartbeats : undefined;
    const places = heartbeats?.find(input, start, end);
    if (places !== undefined) {
      this.#refresh(places);
      return;
    }
    try {
      if (this.#applyFamiliar(subject, input, start, end, heartbeats)) return;
      this.#decodeAndApply(subject, input, start, end, heartbeats);
    } catch (error) {
      const payload = payloadText(input.subarray(start, end));
      this.#logger.error("validation-error", { error: (error as Error).message, payload, subject });
    }
  }

  /** Forgets some of the heartbeats that will not come again: to be called every second or so. */
  sweep(): void {
    this.#heartbeats.sweep();
  }

  /** Way 1: registers again what is in the table as the message says it. */
  #refresh(places: Refreshed): void {
    if (typeof places === "object" && "length" in places) for (const place of places) this.#table.refresh(place);
    else this.#table.refresh(places);
  }

  /** Way 2; false: the message has to be decoded. `heartbeats`: where a registration is remembered, if anywhere. */
  #applyFamiliar(
    subject: string,
    input: Uint8Array,
    start: number,
    end: number,
    heartbeats: Heartbeats | undefined,
  ): boolean {
    const registers = subject === "router.register";
    if (!(registers || subject === "router.unregister") || !this.#shapes.find(input, start, end)) return false;
    const { uri, packed } = this.#shapes;
    if (!registers) {
      this.#table.unregister(uri, packed.endpoint());
      this.#logUnregistration(input.subarray(start, end));
      return true;
    }
    const resting = this.#table.registerAtRest(uri, packed);
    if (resting === 0) this.#register([uri], packed.endpoint(), heartbeats);
    else heartbeats?.remember(resting);
    return true;
  }

  /** Way 3. Throws `MessageError`. */
  #decodeAndApply(
    subject: string,
    input: Uint8Array,
    start: number,
    end: number,
    heartbeats: Heartbeats | undefined,
  ): void {
    const payload = input.subarray(start, end);
    // Decoded before the subject is looked at: garbage on any `router.*` subject is logged.
    const message = decodeRegistryMessage(payload);
    if (subject === "router.register") {
      const endpoint = endpointOf(message, this.#http2);
      this.#register(message.uris, endpoint, heartbeats);
      this.#shapes.learn(input, start, end, endpoint);
    } else if (subject === "router.unregister") {
      const endpoint = endpointOf(message, this.#http2);
      for (const uri of message.uris) this.#table.unregister(uri, endpoint);
      this.#logUnregistration(payload);
      this.#shapes.learn(input, start, end, endpoint);
    } else if (subject === "router.reserve") {
      const reservation = reservationOf(message);
      for (const uri of message.uris) this.#table.reserve(uri, reservation);
    } else if (subject === "router.unreserve") {
      for (const uri of message.uris) this.#table.unreserve(uri, message);
    }
  }

  /** Registers an endpoint for all uris of a message and remembers where that led to. */
  #register(uris: readonly string[], endpoint: Endpoint, heartbeats: Heartbeats | undefined): void {
    const table = this.#table;
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

  #logUnregistration(payload: Uint8Array): void {
    if (this.#logger.level <= Level.debug) this.#logger.debug("unregister-route", { message: payloadText(payload) });
  }
}
