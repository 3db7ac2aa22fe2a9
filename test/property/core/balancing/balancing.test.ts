import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Selection } from "../../../../src/core/balancing/selection.ts";
import { route } from "../../../unit/core/balancing/pools.ts";

const runs = { seed: 3, numRuns: 200 };
const letters = "ABCDEFGH";
const names = fc.integer({ min: 1, max: letters.length }).map((count) => letters.slice(0, count));
const fraction = fc.integer({ min: 0, max: 999 }).map((n) => n / 1000);
const least = "least-connection";

/** Which endpoints are marked, by bit; what is in flight, by place. */
const marks = fc.integer({ min: 0, max: 255 });
const loads = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 8, maxLength: 8 });

const has = (bits: number, i: number) => ((bits >> i) & 1) === 1;

describe("round-robin (data-plane §3.4)", () => {
  it("is fair: after any number of turns no endpoint is more than one ahead", () => {
    fc.assert(
      fc.property(names, fraction, fc.integer({ min: 1, max: 50 }), (all, start, turns) => {
        const chosen = route(all, {}, undefined, () => start).requests(turns);
        const counts = [...all].map((name) => chosen.split(name).length - 1);
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
      }),
      runs,
    );
  });

  it("takes the first eligible from the cursor on; marks fall only when nothing else is left", () => {
    fc.assert(
      fc.property(
        names,
        fraction,
        marks,
        loads,
        fc.integer({ min: 0, max: 3 }),
        (all, start, marked, inFlight, limit) => {
          const balancing = route(all, { backends: { max_conns: limit } }, undefined, () => start);
          const failed = new Set<string>();
          [...all].forEach((name, i) => {
            balancing.load(name, inFlight[i]!);
            if (!has(marked, i)) return;
            balancing.mark(name);
            failed.add(name);
          });
          const free = (name: string) => limit === 0 || inFlight[all.indexOf(name)]! < limit;
          let cursor = Math.floor(start * all.length);
          for (let turn = 0; turn < 12; turn++) {
            const order = all.slice(cursor) + all.slice(0, cursor);
            cursor = (cursor + 1) % all.length;
            if ([...order].some(free) && ![...order].some((name) => free(name) && !failed.has(name))) failed.clear();
            const expected = [...order].find((name) => free(name) && !failed.has(name)) ?? "-";
            assert.equal(balancing.requests(1), expected);
            for (const name of all) assert.equal(balancing.isMarked(name), failed.has(name));
          }
        },
      ),
      runs,
    );
  });
});

describe("least-connection (data-plane §3.6)", () => {
  it("takes the minimum of the unmarked below the limit, else of the marked", () => {
    fc.assert(
      fc.property(
        names,
        fraction,
        marks,
        loads,
        fc.integer({ min: 0, max: 3 }),
        (all, chance, marked, inFlight, limit) => {
          const settings = { balancing_algorithm: least, backends: { max_conns: limit } } as const;
          const balancing = route(all, settings, undefined, () => chance);
          [...all].forEach((name, i) => {
            balancing.load(name, inFlight[i]!);
            if (has(marked, i)) balancing.mark(name);
          });
          const load = (name: string) => inFlight[all.indexOf(name)]!;
          const free = [...all].filter((name) => limit === 0 || load(name) < limit);
          const unmarked = free.filter((name) => !has(marked, all.indexOf(name)));
          const eligible = unmarked.length > 0 ? unmarked : free;
          const chosen = balancing.requests(1);
          if (eligible.length === 0) return assert.equal(chosen, "-");
          assert.ok(eligible.includes(chosen));
          assert.equal(load(chosen), Math.min(...eligible.map(load)));
        },
      ),
      runs,
    );
  });
});

describe("attempts of one request (data-plane §4.1.3, issue B)", () => {
  for (const algorithm of ["round-robin", least] as const) {
    it(`${algorithm}: every endpoint once before the stop, whatever fails, is marked or busy`, () => {
      fc.assert(
        fc.property(
          names,
          fraction,
          marks,
          loads,
          fc.boolean(),
          fc.boolean(),
          (all, chance, marked, inFlight, marking, near) => {
            const balancing = route(
              all,
              {
                balancing_algorithm: algorithm,
                balancing_algorithm_az_preference: near ? "locally-optimistic" : "none",
              },
              (name) => ({ availabilityZone: has(marked, letters.indexOf(name)) ? "z1" : "z2" }),
              () => chance,
            );
            [...all].forEach((name, i) => {
              balancing.load(name, inFlight[i]!);
              if (has(marked, i)) balancing.mark(name);
            });
            const chosen = balancing.attempts(all.length + 1, new Selection(), marking ? balancing.mark : () => {});
            assert.deepEqual([...chosen.slice(0, all.length)].sort().join(""), all);
            assert.match(chosen.slice(all.length), /^[A-H]!$/);
          },
        ),
        runs,
      );
    });
  }
});
