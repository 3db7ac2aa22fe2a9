import { fullGC } from "bun:jsc";
import process from "node:process";

const MiB = 1024 * 1024;
const size = 64 * MiB;
const checkEveryMs = 2000;

/** Objects that have outlived collections of what is new may grow by this much before everything is collected. */
const mostGrowth = 16 * MiB;
/** A heap with more objects than this is left to the engine: a collection of all would hold requests too long. */
const smallHeap = 48 * MiB;

let ballast: ArrayBuffer | undefined;
/** Bytes of objects that were left when everything was collected last. */
let left = 0;

/**
 * JavaScriptCore collects garbage whenever about as much as the heap holds has been allocated anew. A router's heap is
 * small, so that it would collect some twenty times a second under load. Memory that is reserved and never touched
 * counts for the heap and takes no room: with 64 MiB of it there is a fifth of the collections (395 against 81 in 580 000 requests), which saved 5 to
 * 15 % of CPU per request and cost 15 MB of resident memory.
 *
 * A large routing table is weight enough by itself. With ballast on top, garbage would be let grow by as much again: the
 * ballast (which `heapUsed` includes) is dropped when the rest holds more than it, and taken on again below half of that.
 *
 * The engine looks at objects that have outlived a collection only when the heap has doubled, ballast included: with
 * routes that come and go, resident memory went from 130 to 260 MiB and back in five minutes. So a small heap is
 * collected as a whole when it has grown by 16 MiB; that takes 9 to 15 ms of CPU, all at once, where the table is small.
 */
export function holdBallast(): void {
  if (ballast !== undefined) return;
  ballast = new ArrayBuffer(size);
  setInterval(trim, checkEveryMs).unref();
}

function trim(): void {
  const { heapUsed, external } = process.memoryUsage();
  if (ballast !== undefined && heapUsed > 2 * size) ballast = undefined;
  else if (ballast === undefined && heapUsed < size / 2) ballast = new ArrayBuffer(size);
  // Without what objects hold outside of the heap, such as buffers, of which there may be many for a moment.
  const objects = heapUsed - external;
  if (objects < left + mostGrowth || objects > smallHeap) return;
  fullGC();
  const after = process.memoryUsage();
  left = after.heapUsed - after.external;
}
