import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compileErrorTemplate, type ErrorTemplate } from "../../../../src/core/forwarding/error-template/compile.ts";

const words = [
  ..."{{ |}}|{{- | -}}|{{/*|*/|if |with |else|end|and |eq |not |printf |.|.Status|.Message|.Header.Get |$|$x|:=|=|(|)".split(
    "|",
  ),
  ...`|,"%s",\`a\`,"\\x41",404,-1,true,<,>,</,<p,<a href=,<script>,</script>,<style>,<title>,</title>,<!--,-->,='x'`.split(
    ",",
  ),
  ...`"|'| |\n|a|/|é|class="|href='|onclick="`.split("|"),
];
const anything = fc.array(fc.constantFrom(...words), { maxLength: 24 }).map((parts) => parts.join(""));
/** Mostly well formed. */
const plausible = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "{{.Message}}",
        "{{if .Status}}",
        "{{else}}",
        "{{end}}",
        "{{with .Message}}",
        "{{.}}",
        "{{- /* */ -}}",
      ),
      fc.constantFrom(
        "<p class='",
        "'",
        '"',
        ">",
        "<title>",
        "</title>",
        "<script>",
        "</script>",
        "<!-- ",
        "-->",
        ' id="',
      ),
      fc.constantFrom(" ", "a", "<", "</p>", "<br/>", "=", "/"),
    ),
    { maxLength: 16 },
  )
  .map((parts) => parts.join(""));

function compiled(source: string): ErrorTemplate | undefined {
  try {
    return compileErrorTemplate("e", source);
  } catch (error) {
    assert.match((error as Error).message, /^template: e:\d+:\d+: ./);
    return undefined;
  }
}

const rendered = (template: ErrorTemplate, message: string): string | undefined => {
  try {
    return template({ status: 404, statusText: "Not Found", message, header: () => message });
  } catch (error) {
    assert.match((error as Error).message, /^template: e:\d+:\d+: executing "e" at </);
    return undefined;
  }
};

describe("error templates", () => {
  it("compile, or are refused with a position; render, or fail with one", () => {
    fc.assert(
      fc.property(fc.oneof(anything, plausible), (source) => {
        const template = compiled(source);
        if (template !== undefined) rendered(template, "x");
      }),
      { numRuns: 3000 },
    );
  });

  it("a value changes nothing but the places where it stands", () => {
    const hostile = `"'<>&+</title></script>--> onload=x javascript:`;
    const escaped = hostile
      .replaceAll("&", "&amp;")
      .replaceAll('"', "&#34;")
      .replaceAll("'", "&#39;")
      .replaceAll("+", "&#43;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;");
    let seen = 0;
    fc.assert(
      fc.property(plausible, (source) => {
        const template = compiled(source);
        if (template === undefined) return;
        const plain = rendered(template, "\u0001")!;
        if (plain.includes("\u0001")) seen += 1;
        assert.equal(rendered(template, hostile), plain.replaceAll("\u0001", escaped));
      }),
      { numRuns: 3000, seed: 7 },
    );
    assert.ok(seen > 100, `only ${seen} templates showed a value`);
  });
});
