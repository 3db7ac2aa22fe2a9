import { closeSync } from "node:fs";
import { openNumbers, removeNumbers, touchNumbers } from "../base/shared-numbers.ts";
import type { SharedNumbers } from "../interface/processes.ts";

/** `Runtime.sharedNumbers` on memory that the processes have in common. */
export function sharedNumbersBun(length: number, given?: string): SharedNumbers {
  const { path, descriptor } = openNumbers(length, given);
  closeSync(descriptor);
  const bytes = Bun.mmap(path, { shared: true });
  const numbers = new Int32Array(bytes.buffer, bytes.byteOffset, length);
  return {
    path,
    length,
    load: (index) => Atomics.load(numbers, index),
    store(index, value) {
      Atomics.store(numbers, index, value);
    },
    sum(from, count) {
      let total = 0;
      for (let i = from; i < from + count; i++) total += Atomics.load(numbers, i);
      return total;
    },
    touch: () => touchNumbers(path),
    remove: () => removeNumbers(path),
  };
}
