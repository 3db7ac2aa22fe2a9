import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fnv1a64Mod, maglevTable, slotOf, tableSlots } from "../../../../src/core/balancing/maglev.ts";

const runs = { seed: 5, numRuns: 60 };
/** Bytes as characters. */
const bytes = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const ids = fc.uniqueArray(fc.uuid(), { minLength: 2, maxLength: 40 }).map((list) => list.sort());

/** FNV-1a as its inventors write it. */
function reference(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    hash ^= BigInt(text.charCodeAt(i));
    hash = BigInt.asUintN(64, hash * 0x100000001b3n);
  }
  return hash;
}

/** The table by the letter of the reference, with big integers. */
function plainTable(names: readonly string[]): number[] {
  const slots = BigInt(tableSlots);
  const owners = new Array<number>(tableSlots).fill(-1);
  const next = names.map(() => 0n);
  for (let filled = 0; filled < tableSlots; ) {
    for (let i = 0; i < names.length && filled < tableSlots; i++) {
      const hash = reference(names[i]!);
      let slot = 0;
      do {
        slot = Number(((hash % slots) + next[i]! * ((hash % (slots - 1n)) + 1n)) % slots);
        next[i] = next[i]! + 1n;
      } while (owners[slot] !== -1);
      owners[slot] = i;
      filled++;
    }
  }
  return owners;
}

describe("FNV-1a (control-plane §9.1)", () => {
  it("has the published values", () => {
    assert.equal(reference(""), 0xcbf29ce484222325n);
    assert.equal(reference("a"), 0xaf63dc4c8601ec8cn);
    assert.equal(reference("foobar"), 0x85944171f73967e8n);
  });

  it("is the one of big integers", () => {
    fc.assert(
      fc.property(bytes, fc.constantFrom(3000, 3001, 65_536, 1), (text, modulus) => {
        assert.equal(fnv1a64Mod(text, modulus), Number(reference(text) % BigInt(modulus)));
      }),
      { seed: 5, numRuns: 1000 },
    );
  });
});

describe("Maglev table (control-plane §9.1)", () => {
  it("is the reference's, slot by slot", () => {
    fc.assert(
      fc.property(ids, (names) => assert.deepEqual([...maglevTable(names)], plainTable(names))),
      { seed: 5, numRuns: 10 },
    );
  });

  it("gives every id its share: none has more than one slot more than another", () => {
    fc.assert(
      fc.property(ids, (names) => {
        const counts = names.map(() => 0);
        for (const owner of maglevTable(names)) counts[owner]!++;
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
      }),
      runs,
    );
  });

  it("disrupts little: an id that leaves moves few slots of the others", () => {
    fc.assert(
      fc.property(ids, fc.nat(), (names, which) => {
        const gone = which % names.length;
        const left = names.filter((_, i) => i !== gone);
        const before = maglevTable(names);
        const after = maglevTable(left);
        let kept = 0;
        let moved = 0;
        for (let slot = 0; slot < tableSlots; slot++) {
          if (before[slot] === gone) continue;
          if (names[before[slot]!] === left[after[slot]!]) kept++;
          else moved++;
        }
        assert.ok(moved <= 0.25 * (kept + moved), `${moved} of ${kept + moved} moved`);
      }),
      runs,
    );
  });

  it("spreads header values evenly", () => {
    const names = ["a", "b", "c", "d", "e"];
    const owners = maglevTable(names);
    const counts = names.map(() => 0);
    for (let i = 0; i < 10_000; i++) counts[owners[slotOf(`user-${i}`)]!]!++;
    for (const count of counts) assert.ok(count > 1700 && count < 2300, String(counts));
  });

  it("leaves ids beyond the number of slots without one", () => {
    const names = Array.from({ length: tableSlots + 5 }, (_, i) => `id-${String(i).padStart(5, "0")}`);
    assert.deepEqual(
      [...maglevTable(names)].sort((a, b) => a - b),
      Array.from({ length: tableSlots }, (_, i) => i),
    );
  });
});
