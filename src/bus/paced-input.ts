import type { Clock } from "../runtime/interface.ts";

/** What the input comes from. */
interface Pausable {
  pause(): void;
  resume(): void;
}

/** Input within this time counts as one turn of the event loop; a storm fills a turn in less. */
const turnMs = 4;

/**
 * Limits the bytes that are worked on in one turn of the event loop, so that a storm of messages does not keep
 * requests waiting: a runtime may read megabytes in one turn. What exceeds the limit waits while the stream is paused,
 * and TCP passes the pressure on to the sender. Quiet input goes through without a timer.
 */
export class PacedInput {
  readonly #clock: Clock;
  readonly #stream: Pausable;
  readonly #perTurn: number;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #busy: () => boolean;
  #held: Uint8Array[] = [];
  #turn = Number.NEGATIVE_INFINITY;
  #taken = 0;

  /** `perTurn` is in bytes. While `busy` says so nothing is delivered. */
  constructor(
    clock: Clock,
    stream: Pausable,
    perTurn: number,
    deliver: (bytes: Uint8Array) => void,
    busy: () => boolean = () => false,
  ) {
    this.#clock = clock;
    this.#stream = stream;
    this.#perTurn = perTurn;
    this.#deliver = deliver;
    this.#busy = busy;
  }

  data(bytes: Uint8Array): void {
    if (this.#held.length > 0) {
      this.#held.push(bytes);
      return;
    }
    const now = this.#clock.monotonic();
    if (now - this.#turn > turnMs) {
      this.#turn = now;
      this.#taken = 0;
    }
    const rest = this.#take(bytes);
    if (rest === undefined) return;
    this.#held.push(rest);
    this.#stream.pause();
    this.#clock.after(0, () => this.#next());
  }

  /** The stream is over: delivers what waits. */
  finish(): void {
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) this.#deliver(bytes);
  }

  /** Delivers what may be delivered in this turn; the rest comes back. */
  #take(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#busy()) return bytes;
    const room = this.#perTurn - this.#taken;
    if (bytes.length <= room) {
      this.#taken += bytes.length;
      this.#deliver(bytes);
      return undefined;
    }
    this.#taken = this.#perTurn;
    if (room > 0) this.#deliver(bytes.subarray(0, room));
    return bytes.subarray(room);
  }

  #next(): void {
    if (this.#held.length === 0) return;
    this.#turn = this.#clock.monotonic();
    this.#taken = 0;
    const held = this.#held;
    this.#held = [];
    for (let i = 0; i < held.length; i++) {
      const rest = this.#take(held[i]!);
      if (rest === undefined) continue;
      this.#held = [rest, ...held.slice(i + 1), ...this.#held];
      this.#clock.after(0, () => this.#next());
      return;
    }
    this.#stream.resume();
  }
}
