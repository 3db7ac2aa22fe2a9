import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { KeyOrder } from "../../../src/core/json-key-order.ts";
import { JsonReader } from "../../../src/core/json-reader.ts";
import { JsonSyntaxError } from "../../../src/core/json-syntax-error.ts";

/** One for all objects that come by. */
const order = new KeyOrder();

/** The value that a reader sees, built the plain way. */
function readValue(reader: JsonReader): unknown {
  const kind = reader.kind();
  if (kind === "string") return reader.string();
  if (kind === "number") return Number(reader.number());
  if (kind === "object") {
    const members: [string, unknown][] = [];
    reader.object((each, key) => members.push([key, readValue(each)]), undefined, order);
    return Object.fromEntries(members);
  }
  if (kind === "array") {
    const elements: unknown[] = [];
    reader.array((each) => elements.push(readValue(each)), undefined);
    return elements;
  }
  const start = reader.position;
  reader.literal();
  return kind === "null" ? null : reader.position - start === 4;
}

const read = (text: string): unknown => {
  const reader = new JsonReader(text);
  const value = readValue(reader);
  reader.end();
  return value;
};

const skip = (text: string): void => {
  const reader = new JsonReader(text);
  reader.skip();
  reader.end();
};

const accepts = (parse: (text: string) => unknown, text: string): boolean => {
  try {
    parse(text);
    return true;
  } catch (error) {
    assert.ok(error instanceof JsonSyntaxError || error instanceof SyntaxError, String(error));
    return false;
  }
};

/** Documents with one place spoilt, and bits of JSON thrown together. */
const bits = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  "\\u12",
  "\\ud83d",
  "a",
  "1",
  "-",
  ".",
  "e",
  "+",
  "0",
  " ",
  "\n",
];
const words = [...bits, "true", "fals", "null", "nul", '"a"', '"a":', "\u0001", "\u00e9"];
const shreds = fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((parts) => parts.join(""));
const spoilt = fc
  .tuple(fc.json(), fc.nat(), fc.constantFrom(...bits))
  .map(([json, at, bit]) => json.slice(0, at % (json.length + 1)) + bit + json.slice((at % (json.length + 1)) + 1));

describe("JSON reader against JSON.parse", () => {
  it("reads the same values", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), (json) => {
        assert.deepEqual(read(json), JSON.parse(json));
        skip(json);
      }),
      { numRuns: 500 },
    );
  });

  it("reads the same keys, whichever are expected, with escapes and without", () => {
    const key = fc.constantFrom("key", "keys", 'ke"y', '"', "key\\", "ke\ny", "k\u00e9y", "other", "", "a".repeat(70));
    const one = fc
      .uniqueArray(key, { maxLength: 8 })
      .map((keys) => Object.fromEntries(keys.map((each, i) => [each, i])));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 30 }), fc.boolean(), (objects, escaped) => {
        const plain = JSON.stringify(objects);
        const json = escaped ? plain.replaceAll("key", "\\u006bey") : plain;
        assert.deepEqual(read(json), objects);
      }),
      { numRuns: 300 },
    );
  });

  it("accepts the same texts, read or skipped", () => {
    fc.assert(
      fc.property(fc.oneof(shreds, spoilt), (text) => {
        const right = accepts(JSON.parse, text);
        assert.equal(accepts(read, text), right, text);
        assert.equal(accepts(skip, text), right, text);
      }),
      { numRuns: 3000 },
    );
  });
});
