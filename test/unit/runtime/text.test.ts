import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { putLatin1, tryAsciiFirst } from "../../../src/runtime/base/text.ts";

const texts = [
  "",
  "GET / HTTP/1.1\r\n",
  "caf\u00e9",
  "\u00e9\u00e9",
  "a\u0000b\u007f",
  "\u00ff".repeat(300),
  "x".repeat(70_000),
];

/** Puts each text between other bytes and looks at all of them. */
function putEach(): void {
  for (const text of texts) {
    const target = Buffer.alloc(text.length + 2, 0x2e);
    putLatin1(text, target, 1);
    assert.equal(target.toString("latin1"), `.${text}.`);
  }
}

test("a text is put as one byte per character, and nothing else is touched", putEach);

test("the same when ASCII is tried first", () => {
  tryAsciiFirst();
  putEach();
});
