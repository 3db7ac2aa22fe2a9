import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { configurationPage } from "../../../../src/cli/config-docs.ts";

describe("docs/configuration.md", () => {
  it("is what the schema says; else run: node src/cli/config-docs.ts > docs/configuration.md", () => {
    const page = readFileSync(new URL("../../../../docs/configuration.md", import.meta.url), "utf8");
    assert.equal(page, configurationPage());
  });

  it("describes every key", () => {
    const rows = configurationPage()
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    assert.ok(rows.length > 150);
    for (const row of rows) assert.doesNotMatch(row, /\|\s*\|$/, row);
  });
});
