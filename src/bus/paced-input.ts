import type { Clock } from "../runtime/interface.ts";

/** What the input comes from. */
interface Pausable {
  pause(): void;
  resume(): void;
}

/** Input within this time counts as one turn of the event loop; a storm fills a turn in less. */
const turnMs = 4;

/**
 * Bytes read in one turn while some wait. A socket that always has more is read 2 MiB at a time, and Deno then looks at the
 * others once in 61 rounds: requests waited for 480 ms beside such a socket, and for 10 when it paused after so much.
 */
const readPerTurn = 1024 * 1024;
/**
 * When so much was read at that pace and there was always more, the rest is read as fast as it comes: a NATS server keeps
 * 64 MiB for a client that does not keep up, and then cuts it off.
 */
const pacedPerStorm = 48 * 1024 * 1024;

/** Chunks that were delivered are cleared away when so many have gathered. */
const clearAfter = 1024;
const none = new Uint8Array(0);

/**
 * Limits the bytes that are worked on in one turn of the event loop, so that a storm of messages does not keep
 * requests waiting: a runtime may read megabytes in one turn. What exceeds that waits here, as bytes, which costs next to
 * nothing; a server whose client does not read cuts it off, and messages are lost. Beyond a second limit the stream is
 * paused, and TCP passes the pressure on to the sender. Quiet input goes through without a timer.
 */
export class PacedInput {
  readonly #clock: Clock;
  readonly #stream: Pausable;
  readonly #perTurn: number;
  readonly #limit: number;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #busy: () => boolean;
  #held: Uint8Array[] = [];
  /** Index of the first chunk that waits. */
  #head = 0;
  /** Bytes that wait. */
  #waiting = 0;
  #paused = false;
  /** From the limit on until half of that waits. */
  #full = false;
  /** Bytes that came to wait in this turn, and since the last turn in which there was an end to them. */
  #read = 0;
  #storm = 0;
  #turn = Number.NEGATIVE_INFINITY;
  #taken = 0;

  /** `perTurn` and `limit` are in bytes. While `busy` says so nothing is delivered. */
  constructor(
    clock: Clock,
    stream: Pausable,
    perTurn: number,
    limit: number,
    deliver: (bytes: Uint8Array) => void,
    busy: () => boolean = () => false,
  ) {
    this.#clock = clock;
    this.#stream = stream;
    this.#perTurn = perTurn;
    this.#limit = limit;
    this.#deliver = deliver;
    this.#busy = busy;
  }

  data(bytes: Uint8Array): void {
    if (this.#waiting > 0) {
      this.#hold(bytes);
      return;
    }
    const now = this.#clock.monotonic();
    if (now - this.#turn > turnMs) {
      this.#turn = now;
      this.#taken = 0;
    }
    const rest = this.#take(bytes);
    if (rest === undefined) return;
    this.#hold(rest);
    this.#clock.after(0, () => this.#next());
  }

  /** The stream is over: delivers what waits. */
  finish(): void {
    const held = this.#held.slice(this.#head);
    this.#clear();
    for (const bytes of held) this.#deliver(bytes);
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#waiting += bytes.length;
    this.#read += bytes.length;
    this.#storm += bytes.length;
    if (this.#waiting > this.#limit) this.#full = true;
    const enough = this.#read >= readPerTurn && this.#storm <= pacedPerStorm;
    if (this.#paused || !(enough || this.#full)) return;
    this.#paused = true;
    this.#stream.pause();
  }

  #clear(): void {
    this.#held = [];
    this.#head = 0;
    this.#waiting = 0;
    this.#read = 0;
    this.#storm = 0;
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
    if (this.#waiting === 0) return;
    this.#turn = this.#clock.monotonic();
    this.#taken = 0;
    if (this.#read < readPerTurn) this.#storm = 0;
    this.#read = 0;
    while (this.#head < this.#held.length) {
      const bytes = this.#held[this.#head] as Uint8Array;
      const rest = this.#take(bytes);
      this.#waiting -= bytes.length - (rest?.length ?? 0);
      this.#held[this.#head] = rest ?? none;
      if (rest !== undefined) break;
      this.#head++;
    }
    if (this.#head === this.#held.length) this.#clear();
    else {
      if (this.#head > clearAfter) {
        this.#held = this.#held.slice(this.#head);
        this.#head = 0;
      }
      this.#clock.after(0, () => this.#next());
    }
    if (this.#waiting <= this.#limit >> 1) this.#full = false;
    if (!this.#paused || this.#full) return;
    this.#paused = false;
    this.#stream.resume();
  }
}
