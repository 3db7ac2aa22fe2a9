/** Between two ticks of meters, in milliseconds. */
export const meterTickMs = 5000;

const weights = [1, 5, 15].map((minutes) => 1 - Math.exp(-meterTickMs / 1000 / 60 / minutes));

/** Rates per second over 1, 5 and 15 minutes, exponentially weighted, of something that is counted elsewhere. */
export class Meter {
  /** For 1, 5 and 15 minutes; 0 before the first tick. */
  readonly rates: [number, number, number] = [0, 0, 0];
  #counted = 0;
  #ticked = false;

  /** Every `meterTickMs`, with the count so far. */
  tick(total: number): void {
    const rate = ((total - this.#counted) / meterTickMs) * 1000;
    this.#counted = total;
    for (const [index, weight] of weights.entries()) {
      const previous = this.rates[index]!;
      this.rates[index] = this.#ticked ? previous + weight * (rate - previous) : rate;
    }
    this.#ticked = true;
  }
}
