import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Listed, Roster } from "../../../src/wire/roster.ts";

const member = (name: string): Listed & { readonly name: string } => ({ place: -1, name });

describe("roster", () => {
  it("lists who was added and not deleted, whatever the order", () => {
    const roster = new Roster<ReturnType<typeof member>>();
    const names = (): string =>
      roster
        .all()
        .map(({ name }) => name)
        .sort()
        .join("");
    const [a, b, c, d] = [member("a"), member("b"), member("c"), member("d")];
    for (const one of [a, b, c]) roster.add(one);
    assert.deepEqual([roster.size, names()], [3, "abc"]);
    roster.delete(a);
    roster.delete(a);
    roster.delete(d);
    assert.deepEqual([roster.size, names(), a.place], [2, "bc", -1]);
    roster.add(d);
    roster.delete(c);
    roster.add(a);
    assert.deepEqual([roster.size, names()], [3, "abd"]);
    for (const one of [d, a, b]) roster.delete(one);
    assert.deepEqual([roster.size, names()], [0, ""]);
  });

  it("gives those who are there now: they may be deleted meanwhile", () => {
    const roster = new Roster<ReturnType<typeof member>>();
    for (const name of ["a", "b", "c"]) roster.add(member(name));
    for (const one of roster.all()) roster.delete(one);
    assert.equal(roster.size, 0);
  });
});
