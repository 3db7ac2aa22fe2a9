import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HeaderLines } from "../../../src/wire/header-lines.ts";
import { ResponseHeadParser } from "../../../src/wire/response-head.ts";
import { latin1, octets } from "../../fixtures/octets.ts";

const runs = { numRuns: 400, seed: 20261121 };

const name = fc.constantFrom("a", "A", "b", "set-cookie", "Set-Cookie", "X-Long-Name", "x-long-name", "Via", "vIA");
const value = fc
  .array(fc.constantFrom("x", "Y", "1", ",", ";", "=", " ", "\t", '"', "~"), { maxLength: 6 })
  .map((characters) => characters.join(""));
const line = fc.tuple(name, value);
const lines = fc.array(line, { maxLength: 8 });

type Operation = readonly ["set" | "setAhead" | "append" | "appendLine" | "delete", string, string];
const operation: fc.Arbitrary<Operation> = fc.tuple(
  fc.constantFrom("set", "setAhead", "append", "appendLine", "delete"),
  name,
  value,
);
const operations = fc.array(operation, { maxLength: 12 });

const wireOf = (all: readonly [string, string][]): string => all.map(([n, v]) => `${n}:${v}\r\n`).join("");

/** The head of a message with these lines, as the parser gives it. */
function received(wire: string): HeaderLines {
  const parser = new ResponseHeadParser(latin1, { maxBytes: 65536, maxLines: 0 });
  const head = parser.push(octets(`HTTP/1.1 200 OK\r\n${wire}\r\n`));
  assert.ok(head);
  return head.headers;
}

function apply(headers: HeaderLines | Headers, [method, n, v]: Operation): void {
  if (method === "delete") headers.delete(n);
  else if (headers instanceof Headers) headers[method === "set" || method === "setAhead" ? "set" : "append"](n, v);
  else if (method === "appendLine") headers.appendLine(n, v.trim(), `${n}: ${v.trim()}\r\n`);
  else headers[method](n, v);
}

/** Entries in an order that does not depend on the platform: sorted by name, values of one name in their order. */
function sorted(entries: Iterable<[string, string]>): [string, string][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** What Fetch's own iteration gives. Deno joins several empty values to one there, but not in `get`: take that. */
function entriesOf(model: Headers): [string, string][] {
  return [...model].map(([n, v]) => [n, n === "set-cookie" ? v : model.get(n)!]);
}

/** Entries as Fetch's `Headers` gives them: names in lower case, values joined but for Set-Cookie. */
function combined(headers: HeaderLines): [string, string][] {
  const entries: [string, string][] = [];
  for (const [n, v] of headers) {
    const lower = n.toLowerCase();
    const entry = lower === "set-cookie" ? undefined : entries.find(([other]) => other === lower);
    if (entry === undefined) entries.push([lower, v]);
    else entry[1] += `, ${v}`;
  }
  return sorted(entries);
}

describe("header lines, as a property", () => {
  it("behave as Fetch's Headers do, received or not", () => {
    fc.assert(
      fc.property(lines, fc.boolean(), operations, (initial, fromWire, changes) => {
        const ours = fromWire ? received(wireOf(initial)) : HeaderLines.from(initial);
        const model = new Headers(initial);
        for (const change of [undefined, ...changes]) {
          if (change !== undefined) {
            apply(ours, change);
            apply(model, change);
          }
          for (const n of ["a", "B", "SET-COOKIE", "x-long-name", "via", "absent"]) {
            assert.equal(ours.get(n), model.get(n));
            assert.equal(ours.has(n), model.has(n));
          }
          assert.deepEqual(ours.getSetCookie(), model.getSetCookie());
          assert.deepEqual(combined(ours), sorted(entriesOf(model)));
        }
      }),
      runs,
    );
  });

  it("go on the wire and come back the same", () => {
    fc.assert(
      fc.property(lines, operations, (initial, changes) => {
        const ours = received(wireOf(initial));
        assert.equal(ours.toWire(), wireOf(initial));
        assert.equal(ours.toWire(true), `HTTP/1.1 200 OK\r\n${wireOf(initial)}`);
        const start = "HTTP/1.1 200 OK\r\n".length;
        assert.equal(ours.startLength, start);
        for (const change of changes) apply(ours, change);
        if (ours.startLength === start) assert.equal(ours.toWire(true), `HTTP/1.1 200 OK\r\n${ours.toWire()}`);
        assert.equal(ours.startLength === start, !changes.some(([method]) => method === "setAhead"));
        const back = received(ours.toWire());
        assert.deepEqual([...back], [...ours]);
        assert.equal(back.toWire(), ours.toWire());
        assert.equal(back.lineCount, ours.lineCount);
        assert.equal(ours.lineCount, [...ours].length);
        for (const [n] of ours)
          assert.equal(ours.first(n), [...ours].find(([m]) => m.toLowerCase() === n.toLowerCase())?.[1]);
      }),
      runs,
    );
  });

  it("fork: two heads that never hear of each other again", () => {
    fc.assert(
      fc.property(lines, operations, operations, operations, (initial, before, left, right) => {
        const ours = received(wireOf(initial));
        const expected = received(wireOf(initial));
        for (const change of before) {
          apply(ours, change);
          apply(expected, change);
        }
        const fork = ours.fork();
        const expectedFork = received(wireOf(initial));
        for (const change of [...before, ...right]) apply(expectedFork, change);
        for (let i = 0; i < Math.max(left.length, right.length); i++) {
          if (left[i] !== undefined) apply(ours, left[i]!);
          if (right[i] !== undefined) apply(fork, right[i]!);
        }
        for (const change of left) apply(expected, change);
        assert.equal(ours.toWire(), expected.toWire());
        assert.equal(fork.toWire(), expectedFork.toWire());
      }),
      runs,
    );
  });
});
