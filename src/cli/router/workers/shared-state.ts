import type { SharedCount } from "../../../core/routing/endpoint.ts";
import type { SharedTurn } from "../../../core/routing/pool-state.ts";
import type { FailureNews } from "../../../core/routing/table-replica.ts";
import type { SharedNumbers } from "../../../runtime/interface/processes.ts";
import { countsOf, newsCountsAt, newsOf, oldestNews, turnAt } from "./shared-layout.ts";

/** Looks that a worker has more than the next one before it gives way: the other needs some to notice and leave. */
const patience = 32;

/** The counts of one endpoint, side by side: each worker writes its own and reads all. */
class NumbersCount implements SharedCount {
  readonly #numbers: SharedNumbers;
  readonly #first: number;
  readonly #place: number;
  readonly #workers: number;
  readonly patience: number;
  lately = 0;
  #own = 0;

  constructor(numbers: SharedNumbers, first: number, place: number, workers: number) {
    this.#numbers = numbers;
    this.#first = first;
    this.#place = place;
    this.#workers = workers;
    this.patience = (workers - 1 - place) * patience;
  }

  publish(own: number): void {
    this.#own = own;
    this.#numbers.store(this.#first + this.#place, own);
  }

  others(): number {
    this.lately = this.#numbers.sum(this.#first, this.#workers) - this.#own;
    return this.lately;
  }
}

/** What this worker shares with the others at once, not by way of the supervisor. */
export class SharedState {
  readonly #numbers: SharedNumbers;
  readonly #place: number;
  readonly #workers: number;
  /** How many pieces of news of each worker are known here, and their sum. */
  readonly #heard: number[];
  #heardSum: number;

  /** `place`: that of this worker among the `workers`. What was news before is part of the table that it gets. */
  constructor(numbers: SharedNumbers, place: number, workers: number) {
    this.#numbers = numbers;
    this.#place = place;
    this.#workers = workers;
    this.#heard = Array.from({ length: workers }, (_, worker) => numbers.load(newsCountsAt + worker));
    this.#heardSum = this.#heard.reduce((sum, count) => sum + count, 0);
  }

  /** Where requests to the endpoint of that number are counted; undefined: it has no place. */
  countOf(id: number): SharedCount | undefined {
    const first = countsOf(id, this.#workers);
    return first === undefined ? undefined : new NumbersCount(this.#numbers, first, this.#place, this.#workers);
  }

  /** Whose turn it is in the route of that number; undefined: it has no place. */
  turnOf(route: number): SharedTurn | undefined {
    const index = turnAt(route);
    if (index === undefined) return undefined;
    const numbers = this.#numbers;
    return { load: () => numbers.load(index), store: (turn) => numbers.store(index, turn) };
  }

  /** Tells the others. The count comes last: what it covers is there. */
  tell({ kind, route, address }: FailureNews): void {
    const numbers = this.#numbers;
    const piece = this.#heard[this.#place]!;
    const at = newsOf(this.#place, this.#workers, piece);
    numbers.store(at, kind);
    numbers.store(at + 1, route);
    numbers.store(at + 2, address);
    numbers.store(newsCountsAt + this.#place, piece + 1);
    this.#heard[this.#place] = piece + 1;
    this.#heardSum++;
  }

  /** Gives what the others have told since the last time. */
  hear(take: (news: FailureNews) => void): void {
    const numbers = this.#numbers;
    if (numbers.sum(newsCountsAt, this.#workers) === this.#heardSum) return;
    for (let worker = 0; worker < this.#workers; worker++) {
      if (worker === this.#place) continue;
      const count = numbers.load(newsCountsAt + worker);
      const known = this.#heard[worker]!;
      for (let piece = Math.max(known, oldestNews(count)); piece < count; piece++) {
        const at = newsOf(worker, this.#workers, piece);
        const kind = numbers.load(at) as FailureNews["kind"];
        take({ kind, route: numbers.load(at + 1), address: numbers.load(at + 2) });
      }
      this.#heard[worker] = count;
      this.#heardSum += count - known;
    }
  }
}
