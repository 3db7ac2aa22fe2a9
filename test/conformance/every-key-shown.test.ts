import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { inertByDesign, notYetActing } from "../../src/core/config/not-yet-acting.ts";
import { configShape, type SectionShape } from "../../src/core/config/shape.ts";

/** Every key by its path, without the brackets of lists. */
function paths(section: SectionShape, prefix: string): string[] {
  return [...section.entries].flatMap(([name, shape]) => {
    const path = prefix + name;
    if (shape.kind === "section") return paths(shape, `${path}.`);
    return shape.kind === "list" && shape.item.kind === "section" ? paths(shape.item, `${path}.`) : [path];
  });
}

const excused = (path: string): string | undefined =>
  Object.entries({ ...inertByDesign, ...notYetActing }).find(
    ([key]) => path === key || path.startsWith(`${key}.`),
  )?.[1];

const root = new URL("../", import.meta.url);

/** The texts of all tests but those of loading and of the file that sets every key. */
function testTexts(): string[] {
  return (readdirSync(root, { recursive: true }) as string[])
    .filter((name) => name.endsWith(".ts"))
    .filter((name) => !/^unit\/core\/config\/|^fixtures\/|start-failures|check-config|every-key-shown/.test(name))
    .map((name) => readFileSync(new URL(name, root), "utf8"));
}

describe("every key of the configuration (issue D, acceptance 1)", () => {
  const texts = testTexts();
  for (const path of paths(configShape, "")) {
    const reason = excused(path);
    const names = path.split(".");
    it(`${path}${reason === undefined ? " is used where its effect is shown" : `: ${reason}`}`, () => {
      if (reason !== undefined) return assert.notEqual(reason, "");
      // Under its section's name where it has one: `port` alone says nothing.
      const words = names.slice(-2).map((name) => new RegExp(`\\b${name}\\b`));
      const found = texts.some((text) => words.every((word) => word.test(text)));
      assert.ok(found, `no test sets ${path}: add one that shows its effect`);
    });
  }
});
