import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConnectionPool } from "../../../src/wire/connection-pool.ts";

class Item {
  closed = 0;
  close(): void {
    this.closed++;
  }
}

describe("ConnectionPool", () => {
  it("gives what came last first", () => {
    const pool = new ConnectionPool<Item>(3);
    const [a, b, c] = [new Item(), new Item(), new Item()];
    for (const item of [a, b, c]) assert.equal(pool.give(item), true);
    assert.deepEqual([pool.take(), pool.take(), pool.take(), pool.take()], [c, b, a, undefined]);
  });

  it("takes no more than it may, and leaves the surplus to its owner", () => {
    const pool = new ConnectionPool<Item>(1);
    assert.equal(pool.give(new Item()), true);
    const surplus = new Item();
    assert.equal(pool.give(surplus), false);
    assert.equal(surplus.closed, 0);
    assert.equal(pool.idle, 1);
    assert.equal(new ConnectionPool<Item>(-1).give(surplus), false);
  });

  it("forgets one from the middle, and nothing when it does not have it", () => {
    const pool = new ConnectionPool<Item>(3);
    const [a, b, c] = [new Item(), new Item(), new Item()];
    for (const item of [a, b, c]) pool.give(item);
    pool.remove(b);
    pool.remove(b);
    assert.equal(b.closed, 0);
    assert.deepEqual([pool.take(), pool.take(), pool.take()], [c, a, undefined]);
  });

  it("closes each idle connection once, and takes none back", () => {
    const pool = new ConnectionPool<Item>(3);
    const [a, b] = [new Item(), new Item()];
    pool.give(a);
    pool.give(b);
    pool.close();
    pool.close();
    assert.deepEqual([a.closed, b.closed, pool.idle, pool.give(new Item())], [1, 1, 0, false]);
  });
});
