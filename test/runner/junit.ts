import { relative, resolve } from "node:path";

/** One test case as a runtime's own reporter wrote it. */
export interface TestCase {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Failure text or reason of the skip; empty when the runtime does not say. */
  readonly detail: string;
}

const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
  "&#10;": "\n",
};
const decoded = (text: string): string =>
  text.replace(/&(?:lt|gt|quot|apos|amp|#10);/g, (entity) => entities[entity] ?? entity);
const attribute = (tag: string, name: string): string =>
  decoded(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "");

// Node writes a bare `>` inside attribute values: they end at their quotes only.
const attributes = '((?:[^>"]|"[^"]*")*?)';
const testcase = new RegExp(String.raw`<testcase\b${attributes}(/>|>([\s\S]*?)</testcase>)`, "g");
const failed = new RegExp(String.raw`<(?:failure|error)\b${attributes}>([\s\S]*?)(?:</(?:failure|error)>|$)`);
const skipped = new RegExp(String.raw`<skipped\b${attributes}/?>`);

/**
 * Reads the JUnit files of `bun test`, `deno test` and `node --test`. They differ in one thing that matters: Deno
 * lists a suite as a test case of its own beside its steps (`suite > step`), so those are taken out again, unless the
 * suite failed without a failing step (a broken hook).
 */
export function readJunit(xml: string): TestCase[] {
  const cases: TestCase[] = [];
  for (const match of xml.matchAll(testcase)) {
    const inner = match[3] ?? "";
    const failure = failed.exec(inner);
    const skip = skipped.exec(inner);
    cases.push({
      name: [attribute(match[1]!, "classname"), attribute(match[1]!, "name")]
        .filter((part) => !/^$|\.ts$|^ext:|^test$/.test(part))
        .join(" > "),
      outcome: failure ? "failed" : skip ? "skipped" : "passed",
      detail: failure
        ? decoded(failure[2] || attribute(failure[1]!, "message"))
        : skip
          ? attribute(skip[1]!, "message")
          : "",
    });
  }
  const isSuite = (suite: TestCase): boolean => cases.some((other) => other.name.startsWith(`${suite.name} > `));
  const childFailed = (suite: TestCase): boolean =>
    cases.some((other) => other.outcome === "failed" && other.name.startsWith(`${suite.name} > `));
  return cases.filter((one) => !isSuite(one) || (one.outcome === "failed" && !childFailed(one)));
}

const suiteOfFile = new RegExp(String.raw`<testsuite\b${attributes}>`, "g");

/**
 * Seconds per test file from the JUnit files of `bun test` (a suite per file says its time), `deno test` (the top cases
 * name their file) and `node --test` (all cases do).
 */
export function readFileTimes(xml: string): Map<string, number> {
  const times = new Map<string, number>();
  const add = (file: string, tag: string): void => {
    const path = relative(process.cwd(), resolve(file));
    times.set(path, (times.get(path) ?? 0) + Number(attribute(tag, "time")));
  };
  for (const [tag] of xml.matchAll(suiteOfFile)) {
    const name = attribute(tag, "name");
    if (name === attribute(tag, "file")) add(name, tag);
  }
  if (times.size > 0) return times;
  for (const [tag] of xml.matchAll(testcase)) {
    const file = [attribute(tag, "file"), attribute(tag, "classname")].find((name) => name.endsWith(".test.ts"));
    if (file !== undefined) add(file, tag);
  }
  return times;
}
