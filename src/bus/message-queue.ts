import type { Clock } from "../runtime/interface/clock.ts";
import type { BusMessage } from "./bus.ts";

/** Limits of the `router.*` subscription (control-plane §2.5). */
const maxMessages = 131072;
const maxBytes = maxMessages * 1024;

/** A slice ends after this many milliseconds: requests must not feel a storm of registrations. */
const sliceMs = 3;
/**
 * Messages between two looks at the clock; a message costs some 3 to 20 microseconds. On a machine with other work most
 * of a slice may be somebody else's time: so many are applied at least, or a storm would take minutes.
 */
const batch = 64;

/**
 * Messages that wait to be applied, in order. They are applied in slices with the event loop's turn between them;
 * beyond the limits the newest are dropped and counted, as a slow consumer's are upstream.
 */
export class MessageQueue {
  /** Messages dropped since the start. */
  dropped = 0;
  readonly #clock: Clock;
  readonly #apply: (message: BusMessage) => void;
  #waiting: BusMessage[] = [];
  #head = 0;
  #bytes = 0;
  #scheduled = false;

  constructor(clock: Clock, apply: (message: BusMessage) => void) {
    this.#clock = clock;
    this.#apply = apply;
  }

  /** Messages that wait. */
  get pending(): number {
    return this.#waiting.length - this.#head;
  }

  push(message: BusMessage): void {
    if (this.pending >= maxMessages || this.#bytes + message.payload.length > maxBytes) {
      this.dropped++;
      return;
    }
    this.#waiting.push(message);
    this.#bytes += message.payload.length;
    if (!this.#scheduled) this.#schedule();
  }

  clear(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#clock.after(0, () => this.#slice());
  }

  #slice(): void {
    this.#scheduled = false;
    const end = this.#clock.monotonic() + sliceMs;
    do {
      for (let i = 0; i < batch && this.#head < this.#waiting.length; i++) {
        const message = this.#waiting[this.#head++]!;
        this.#bytes -= message.payload.length;
        this.#apply(message);
      }
    } while (this.#head < this.#waiting.length && this.#clock.monotonic() < end);
    if (this.#head === this.#waiting.length) this.clear();
    else {
      // What was applied must not stay in memory until a long storm is over.
      if (this.#head > 8192) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      this.#schedule();
    }
  }
}
