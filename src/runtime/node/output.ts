import { constants, fstatSync, openSync, write } from "node:fs";
import type { WriteSome } from "../base/descriptor-writer.ts";

/** The process's own descriptor, 1 or 2, to the one that is written to. */
const opened = new Map<number, number>();

/**
 * `fs.write` waits for a reader who is slow in a thread of its own, and the end of the process waits for that thread, for
 * ever if need be. So a pipe or a terminal is opened once more, for us alone, in a way that does not wait; the open file that we were
 * started with may be shared with others, who do not expect to be told EAGAIN. What cannot be opened (a socket, a pipe
 * of another user's) is written to as it is.
 */
function unwaiting(descriptor: number): number {
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFIFO() && !facts.isCharacterDevice()) return descriptor;
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return descriptor;
  }
}

/** For descriptors 1 and 2. */
export const writeSomeNode: WriteSome = (descriptor, bytes, then) => {
  let own = opened.get(descriptor);
  if (own === undefined) {
    own = unwaiting(descriptor);
    opened.set(descriptor, own);
  }
  write(own, bytes, 0, bytes.length, null, then);
};
