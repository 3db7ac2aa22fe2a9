import { deliverInThisTick } from "./outbox.ts";

/** Reads that may wait: the first of them must not wait for long. */
const mostReads = 64;

/** A stream with a read that waits for the end of the tick. */
export interface Reader {
  /** Hears what was read. */
  readNow(): void;
}

const readers: Reader[] = [];
let scheduled = false;
/** Of `readers`, the first that has not heard. */
let next = 0;

/**
 * Lets a small read wait until the kernel has told everything else of this tick. Heard one by one, each read puts the
 * kernel's receive path and the event loop between two requests, and each request puts the program between two reads:
 * all find the processor's caches cold. What the reads lead to is sent behind them, in the same tick (`base/outbox`).
 */
export function readLater(reader: Reader): void {
  readers.push(reader);
  if (readers.length - next >= mostReads) readAll();
  else if (!scheduled) {
    scheduled = true;
    setImmediate(readScheduled);
    deliverInThisTick();
  }
}

function readScheduled(): void {
  scheduled = false;
  readAll();
}

function readAll(): void {
  try {
    while (next < readers.length) readers[next++]!.readNow();
  } finally {
    if (next === readers.length) {
      readers.length = 0;
      next = 0;
    } else {
      // Those behind a reader that threw hear later.
      setImmediate(readAll);
    }
  }
}
