import type { Clock } from "../runtime/interface/clock.ts";
import { ByteBacklog } from "./byte-backlog.ts";

/** What the input comes from. */
interface Pausable {
  pause(): void;
  resume(): void;
}

/** Input within this time counts as one turn of the event loop; a storm fills a turn in less. */
const turnMs = 4;
/** What is delivered in one turn ends after this many milliseconds. */
const sliceMs = 3;
/**
 * Bytes between two looks at the clock: 40 to 250 messages. On a machine with other work most of a slice may be somebody
 * else's time: so many are delivered at least.
 */
const stepBytes = 32 * 1024;

/**
 * Bytes read in one turn while some wait; then comes one in which they are worked on and none are read. Deno looks at other
 * sockets only when it has nothing to do, or once in 61 rounds of its loop: beside a socket that always has more, and timers
 * that are due by the time it was read, a request waited for 200 to 480 ms.
 */
const readPerTurn = 1024 * 1024;
/**
 * When so much was read and there was always more, that becomes more: a NATS server keeps 64 MiB for a client that does not
 * keep up, and then cuts it off.
 */
const unhurried = 48 * 1024 * 1024;
const readInHurry = 4 * readPerTurn;

/**
 * Limits the work that is done in one turn of the event loop, so that a storm of messages does not keep requests waiting: a
 * runtime may read megabytes in one turn. What exceeds that waits here, as bytes, which costs next to nothing; a server
 * whose client does not read cuts it off, and messages are lost. Beyond a limit the stream is paused, and TCP passes the
 * pressure on to the sender. Quiet input goes through without a timer.
 */
export class PacedInput {
  readonly #clock: Clock;
  readonly #stream: Pausable;
  readonly #perTurn: number;
  readonly #limit: number;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #backlog = new ByteBacklog();
  #paused = false;
  /** From the limit on until half of that waits. */
  #full = false;
  /** Bytes that came to wait in this turn, and since the last turn in which there was an end to them. */
  #read = 0;
  #storm = 0;
  /** The next turn is one to read in. */
  #reads = false;
  #turn = Number.NEGATIVE_INFINITY;
  #taken = 0;
  #whenEmpty: (() => void) | undefined;

  /** `perTurn` and `limit` are in bytes. What is delivered holds during the call only. */
  constructor(clock: Clock, stream: Pausable, perTurn: number, limit: number, deliver: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#stream = stream;
    this.#perTurn = perTurn;
    this.#limit = limit;
    this.#deliver = deliver;
  }

  /** Bytes arrived; when this returns nobody has them any more. */
  data(bytes: Uint8Array): void {
    if (this.#backlog.length > 0) {
      this.#hold(bytes);
      return;
    }
    const now = this.#clock.monotonic();
    if (now - this.#turn > turnMs) this.#begin(now);
    let at = 0;
    for (let time = now; at < bytes.length && this.#mayDeliver(time); time = this.#clock.monotonic()) {
      const end = Math.min(bytes.length, at + this.#step);
      this.#pass(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
      at = end;
    }
    if (at === bytes.length) return;
    this.#hold(at === 0 ? bytes : bytes.subarray(at));
    this.#schedule();
  }

  /** The stream is over: delivers what waits, at once. */
  finish(): void {
    while (this.#backlog.length > 0) this.#passFront(this.#perTurn);
  }

  /** The stream is over: `callback` is called when nothing waits any more, which may be now. */
  whenEmpty(callback: () => void): void {
    if (this.#backlog.length === 0) callback();
    else this.#whenEmpty = callback;
  }

  #begin(now: number): void {
    this.#turn = now;
    this.#taken = 0;
  }

  #mayDeliver(now: number): boolean {
    return this.#taken === 0 || (this.#taken < this.#perTurn && now - this.#turn < sliceMs);
  }

  get #step(): number {
    return Math.min(stepBytes, this.#perTurn - this.#taken);
  }

  #pass(bytes: Uint8Array): void {
    this.#taken += bytes.length;
    this.#deliver(bytes);
  }

  #passFront(limit: number): void {
    const bytes = this.#backlog.front(limit);
    const { length } = bytes;
    this.#pass(bytes);
    this.#backlog.drop(length);
  }

  #hold(bytes: Uint8Array): void {
    this.#backlog.push(bytes);
    this.#read += bytes.length;
    this.#storm += bytes.length;
    if (this.#backlog.length > this.#limit) this.#full = true;
    if (this.#full || this.#readEnough) this.#pause();
  }

  get #readEnough(): boolean {
    return this.#read >= (this.#storm > unhurried ? readInHurry : readPerTurn);
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#stream.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream.resume();
  }

  #schedule(): void {
    this.#clock.after(0, () => this.#next());
  }

  #next(): void {
    if (this.#backlog.length === 0) return;
    if (this.#reads) {
      this.#reads = false;
      this.#read = 0;
      this.#resume();
      this.#schedule();
      return;
    }
    if (!this.#full && !this.#readEnough) this.#storm = 0;
    this.#pause();
    this.#begin(this.#clock.monotonic());
    for (let now = this.#turn; this.#backlog.length > 0 && this.#mayDeliver(now); now = this.#clock.monotonic()) {
      this.#passFront(this.#step);
    }
    if (this.#backlog.length === 0) this.#emptied();
    else {
      if (this.#backlog.length <= this.#limit >> 1) this.#full = false;
      this.#reads = !this.#full;
      this.#schedule();
    }
  }

  #emptied(): void {
    this.#full = false;
    this.#read = 0;
    this.#storm = 0;
    this.#resume();
    const callback = this.#whenEmpty;
    this.#whenEmpty = undefined;
    callback?.();
  }
}
