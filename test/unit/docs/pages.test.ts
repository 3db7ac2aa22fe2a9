import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { cipherSuiteNames } from "../../../src/core/config/cipher-suites.ts";
import { configShape, type SectionShape } from "../../../src/core/config/shape.ts";
import { summaryOf, withSummary } from "../../bench/rig/page-summary.ts";

const root = new URL("../../../", import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, root), "utf8");
const names = (folder: string, ending: string): string[] =>
  (readdirSync(new URL(folder, root), { recursive: true }) as string[]).filter((name) => name.endsWith(ending));
const { scripts } = JSON.parse(text("package.json")) as { readonly scripts: Readonly<Record<string, string>> };
const pages = ["README.md", ...names("docs", ".md").map((name) => `docs/${name}`)];

describe("README.md", () => {
  it("holds docs/examples/library.ts, byte for byte", () => {
    const [, block] = /## As a library\n\n```ts\n([\s\S]*?)```/.exec(text("README.md")) ?? [];
    assert.equal(block, text("docs/examples/library.ts"));
  });

  it("leads to every page", () => {
    const linked = new Set(pages.flatMap((page) => links(page).map(({ path }) => path)));
    assert.deepEqual(
      pages.filter((page) => page !== "README.md" && !linked.has(page)),
      [],
    );
  });
});

describe("docs/performance.md", () => {
  const page = text("docs/performance.md");

  it("begins with a summary that says what its tables say", () => {
    assert.ok(page === withSummary(page), "write it anew: any bench with --write docs/performance.md does");
    const [, , ...rows] = summaryOf(page).split("\n");
    assert.deepEqual(
      rows.filter((row) => !/\| [\d.]+ \|/.test(row)),
      [],
    );
  });

  it("has the section of each bench once, begun and ended", () => {
    const benches = Object.keys(scripts).filter((name) => name.startsWith("bench"));
    for (const line of benches.flatMap((name) => [`<!-- npm run ${name} -->`, `<!-- end of npm run ${name} -->`]))
      assert.equal(page.split(`\n${line}\n`).length, 2, line);
  });
});

/** The links of a page into this repository: the path from its top, and the heading. */
function links(page: string): { readonly path: string; readonly heading: string }[] {
  return [...text(page).matchAll(/\]\((?!\w+:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, path = "", heading = ""]) => ({
    path: path === "" ? page : new URL(path, new URL(page, root)).href.slice(root.href.length),
    heading,
  }));
}

/** A heading as the target of links. */
const target = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w -]/g, "")
    .replaceAll(" ", "-");

describe("links between pages", () => {
  for (const page of pages) {
    it(`of ${page} lead somewhere`, () => {
      for (const { path, heading } of links(page)) {
        assert.ok(existsSync(new URL(path, root)), `${path} is not there`);
        if (heading === "") continue;
        const headings = [...text(path).matchAll(/^#+ (.*)$/gm)].map(([, found = ""]) => target(found));
        assert.ok(headings.includes(heading), `${path} has no heading ${heading}: ${headings}`);
      }
    });
  }
});

describe("what pages name", () => {
  const sources = names("src", ".ts").map((name) => text(`src/${name}`));
  const all = sources.join("\n");

  it("log messages in the tables of logs.md are in the program", () => {
    const cells = [...text("docs/logs.md").matchAll(/^\| (`[^|]*`) \|/gm)].map(([, cell = ""]) => cell);
    const messages = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, message = ""]) => message));
    assert.ok(messages.length > 30, String(messages.length));
    const gone = messages.filter((message) => !all.includes(`"${message}"`) && !message.startsWith("-"));
    assert.deepEqual(gone, []);
  });

  it("commands of npm are in package.json", () => {
    const gone = pages.flatMap((page) =>
      [...text(page).matchAll(/npm run ((?:-\S+ )*)([\w:]+(?:-\w+)*)/g)].flatMap(([, , name = ""]) =>
        name in scripts ? [] : [`${page}: ${name}`],
      ),
    );
    assert.deepEqual(gone, []);
  });

  it("files of this repository are there", () => {
    const gone = pages.flatMap((page) =>
      [...text(page).matchAll(/`((?:runtime|wire|core|bus|status|cli|test|src|docs)\/[\w./-]+)`/g)].flatMap(
        ([, path = ""]) =>
          [path, `src/${path}`, `src/${path}.ts`].some((file) => existsSync(new URL(file, root)))
            ? []
            : [`${page}: ${path}`],
      ),
    );
    assert.deepEqual(gone, []);
  });

  it("keys of sections are in the schema", () => {
    const known = keysOf(configShape, "");
    const sections = new Set(
      [...configShape.entries].flatMap(([name, { kind }]) => (kind === "section" ? [name] : [])),
    );
    const unknown = pages.flatMap((page) =>
      [...text(page).matchAll(/`(\w+)\.([\w.]+)(?:: [^`]*)?`/g)].flatMap(([, section = "", rest = ""]) =>
        // The registrar and the Routing API have files of their own, with sections of the same names.
        !sections.has(section) || known.has(`${section}.${rest}`) || /regist|routing-api\.md|differences/.test(page)
          ? []
          : [`${page}: ${section}.${rest}`],
      ),
    );
    assert.deepEqual(unknown, []);
  });

  it("keys in migration.md are in the schema", () => {
    const paths = keysOf(configShape, "");
    const known = new Set([...paths].flatMap((path) => [path, path.split(".").at(-1) ?? path]));
    // Properties of the job have names of their own, and the kernel's settings are nobody's.
    const others = /^\| `[^|]*(?=\|)|^\| kernel .*/gm;
    const words = [
      ...text("docs/migration.md")
        .replace(others, "")
        .matchAll(/`([a-z\d]+(?:[_.][a-z\d_]+)+)(?:: [^`]*)?`/g),
    ];
    assert.ok(words.length > 30, String(words.length));
    const unknown = words
      .map(([, word = ""]) => word)
      .filter((word) => !known.has(word) && !/\.(?:md|yml)$/.test(word));
    // The first is told of because the job sets it and Gorouter passes over it, the other is a subject of NATS.
    assert.deepEqual(unknown, ["max_header_bytes", "router.start"]);
  });

  it("metrics of Prometheus in metrics.md are those that the router has, with their types", () => {
    const rows = [...text("docs/metrics.md").matchAll(/^\| (`[^|]*`) \| (counter|gauge|histogram)/gm)];
    const told = rows.flatMap(([, names = "", type = ""]) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name = ""]) => `${type} ${name}`),
    );
    const made = text("src/status/metrics/families.ts").matchAll(/\b(counter|gauge|histogram)\(\s*"(\w+)"/g);
    assert.deepEqual(told.sort(), [...made].map(([, type, name]) => `${type} ${name}`).sort());
  });

  it("cipher suites of examples are known", () => {
    const suites = [...text("docs/tls.md").matchAll(/^cipher_suites: (\S+)/gm)].flatMap(([, list = ""]) =>
      list.split(":"),
    );
    assert.ok(suites.length > 0);
    assert.deepEqual(
      suites.filter((suite) => !cipherSuiteNames.has(suite)),
      [],
    );
  });
});

/** Dotted keys, those of sections and lists among them. */
function keysOf(section: SectionShape, prefix: string): Set<string> {
  const keys = new Set<string>();
  for (const [name, shape] of section.entries) {
    keys.add(prefix + name);
    const inner = shape.kind === "list" ? shape.item : shape;
    if (inner.kind === "section") for (const key of keysOf(inner, `${prefix}${name}.`)) keys.add(key);
  }
  return keys;
}
