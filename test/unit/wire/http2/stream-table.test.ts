import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StreamTable } from "../../../../src/wire/http2/stream-table.ts";

interface Numbered {
  readonly id: number;
}

/** Small numbers that look random, the same each time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    yield state >> 8;
  }
}

describe("table of streams", () => {
  it("does what a Map does, while streams come in the order of their numbers and go in any", () => {
    const random = numbers(7);
    const table = new StreamTable<Numbered>();
    const model = new Map<number, Numbered>();
    let last = -1;
    for (let step = 0; step < 20_000; step++) {
      // Towards few, then many, then few.
      const wanted = step < 5000 ? 5 : step < 12_000 ? 250 : 3;
      if (model.size < wanted + (random.next().value % 4)) {
        last += 2;
        const stream = { id: last };
        table.add(stream);
        model.set(last, stream);
      } else {
        // The first one lives for long.
        const ids = [...model.keys()];
        const id = ids[Math.min(ids.length - 1, 1 + (random.next().value % ids.length))]!;
        table.delete(id);
        model.delete(id);
      }
      const asked = last - 2 * (random.next().value % 300);
      assert.equal(table.get(asked), model.get(asked));
      assert.equal(table.has(asked), model.has(asked));
      assert.equal(table.size, model.size);
    }
    const inOrder = (streams: Iterable<Numbered>): number[] => [...streams].map(({ id }) => id).sort((a, b) => a - b);
    assert.deepEqual(inOrder(table.all()), inOrder(model.values()));
  });

  it("ignores the deletion of what is not there, and can be emptied", () => {
    const table = new StreamTable<Numbered>();
    for (let id = 1; id < 100; id += 2) table.add({ id });
    table.delete(2 ** 31 - 1);
    assert.equal(table.size, 50);
    table.clear();
    assert.deepEqual([table.size, table.all(), table.get(1)], [0, [], undefined]);
    table.add({ id: 2 ** 31 - 1 });
    assert.deepEqual(table.get(2 ** 31 - 1), { id: 2 ** 31 - 1 });
  });
});
