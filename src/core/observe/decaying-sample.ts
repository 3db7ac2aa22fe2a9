const size = 1028;
/** Weight of newer values, per second. */
const alpha = 0.015;

/**
 * A sample of values that forgets: newer ones are more likely to be in it (forward decay, Cormode et al. 2009; size and
 * weight of control-plane §4.4, `latency`). Priorities are kept as logarithms and so never overflow.
 */
export class DecayingSample {
  readonly #random: () => number;
  readonly #priorities: number[] = [];
  readonly #values: number[] = [];

  /** `random`: uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** `now`: milliseconds of a clock that never jumps. */
  add(value: number, now: number): void {
    const priority = (alpha * now) / 1000 - Math.log(1 - this.#random());
    if (this.#values.length < size) this.#rise(priority, value);
    else if (priority > this.#priorities[0]!) this.#sink(priority, value);
  }

  /** Percentiles, each part between 0 and 1; between two values of the sample they are interpolated. */
  percentiles(parts: readonly number[]): number[] {
    const sorted = Float64Array.from(this.#values).sort();
    return parts.map((part) => {
      const position = part * (sorted.length + 1);
      if (sorted.length === 0) return 0;
      if (position < 1) return sorted[0]!;
      if (position >= sorted.length) return sorted[sorted.length - 1]!;
      const lower = sorted[Math.floor(position) - 1]!;
      return lower + (position - Math.floor(position)) * (sorted[Math.floor(position)]! - lower);
    });
  }

  /** A heap, the smallest priority on top: a new member rises from the bottom. */
  #rise(priority: number, value: number): void {
    const priorities = this.#priorities;
    const values = this.#values;
    let at = priorities.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (priorities[parent]! <= priority) break;
      priorities[at] = priorities[parent]!;
      values[at] = values[parent]!;
      at = parent;
    }
    priorities[at] = priority;
    values[at] = value;
  }

  /** A new member takes the place of the smallest and sinks. */
  #sink(priority: number, value: number): void {
    const priorities = this.#priorities;
    const values = this.#values;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < size && priorities[child + 1]! < priorities[child]!) child += 1;
      if (child >= size || priorities[child]! >= priority) break;
      priorities[at] = priorities[child]!;
      values[at] = values[child]!;
      at = child;
    }
    priorities[at] = priority;
    values[at] = value;
  }
}
