import type { SharedCount } from "../../../core/routing/endpoint.ts";
import type { SharedNumbers } from "../../../runtime/interface.ts";

/** The counts of one endpoint, side by side: each worker writes its own and reads all. */
export class NumbersCount implements SharedCount {
  readonly #numbers: SharedNumbers;
  readonly #first: number;
  readonly #place: number;
  readonly #workers: number;
  #own = 0;

  /** `first`: where the counts of the endpoint begin; `place`: that of this worker among the `workers`. */
  constructor(numbers: SharedNumbers, first: number, place: number, workers: number) {
    this.#numbers = numbers;
    this.#first = first;
    this.#place = place;
    this.#workers = workers;
  }

  publish(own: number): void {
    this.#own = own;
    this.#numbers.store(this.#first + this.#place, own);
  }

  others(): number {
    return this.#numbers.sum(this.#first, this.#workers) - this.#own;
  }
}
