/** Numbers that all processes of a router have in common (architecture §6), and what stands where among them. */

/** Requests in flight: places for so many counts; each endpoint takes one for each worker. */
const counts = 4 * 1024 * 1024;
/** Turns of round-robin, one for each route with several endpoints. */
const turns = 1024 * 1024;
/** News of failed endpoints: each worker has so many places, which it uses in a circle. */
const newsKept = 1024;
/** Numbers for one piece of news: kind, route, address. */
const newsNumbers = 3;

const newsAt = counts + turns;

/** How many numbers so many workers need. */
export function numbersFor(workers: number): number {
  return newsAt + workers * (1 + newsKept * newsNumbers);
}

/** Where the counts of an endpoint begin; undefined: there are more endpoints than places. */
export function countsOf(id: number, workers: number): number | undefined {
  const first = id * workers;
  return first + workers > counts ? undefined : first;
}

/** Where the turn of a route is kept; undefined: there are more such routes than places. */
export function turnAt(route: number): number | undefined {
  return route < turns ? counts + route : undefined;
}

/** Where each worker says how many pieces of news it has had so far. */
export const newsCountsAt = newsAt;

/** Where the piece of news with that number (from 0 on) of a worker begins. */
export function newsOf(worker: number, workers: number, piece: number): number {
  return newsAt + workers + (worker * newsKept + (piece % newsKept)) * newsNumbers;
}

/** The number of the oldest piece of news that is still there when a worker has had `count`. */
export function oldestNews(count: number): number {
  return Math.max(count - newsKept, 0);
}
