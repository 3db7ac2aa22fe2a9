import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { byteText } from "../../../../src/core/observe/byte-text.ts";
import { jsonString } from "../../../../src/core/observe/log-line.ts";

describe("text of bytes in log lines (control-plane §6.1)", () => {
  for (const [bytes, text] of [
    ["", ""],
    ["a.b/c", "a.b/c"],
    ["a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z", "aé€😀z"],
    ["\xff", "\\ufffd"],
    ["\xe2\x82x", "\\ufffd\\ufffdx"],
    ["\xc0\x80\xed\xa0\x80", "\\ufffd".repeat(5)],
    ["\xef\xbf\xbd", "\ufffd"],
  ] as const) {
    it(JSON.stringify(bytes), () => assert.equal(jsonString(byteText(bytes)), `"${text}"`));
  }
});
