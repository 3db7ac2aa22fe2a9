/** Counts values into buckets (upper bounds inclusive); plain numbers, turned into text when scraped. */
export class Histogram {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** Values per bucket, not cumulated; the last one is above all bounds. */
  readonly counts: Float64Array;
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.bounds;
    let index = 0;
    while (index < bounds.length && value > bounds[index]!) index += 1;
    this.counts[index] = this.counts[index]! + 1;
    this.count += 1;
    this.sum += value;
  }
}

/** The histogram of a label value, made on first use. */
export function histogramOf(map: Map<string, Histogram>, key: string, bounds: readonly number[]): Histogram {
  let histogram = map.get(key);
  if (histogram === undefined) {
    histogram = new Histogram(bounds);
    map.set(key, histogram);
  }
  return histogram;
}
