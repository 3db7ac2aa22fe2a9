import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileErrorTemplate } from "../../../../../src/core/forwarding/error-template/compile.ts";
import type { TemplatePage } from "../../../../../src/core/forwarding/error-template/values.ts";

const page: TemplatePage = {
  status: 404,
  statusText: "Not Found",
  message: "Requested route ('a.b') does not exist.",
  header: (name) => (name.toLowerCase() === "x-cf-routererror" ? "unknown_route" : ""),
};

const render = (source: string, over: Partial<TemplatePage> = {}): string =>
  compileErrorTemplate("error.html", source)({ ...page, ...over });

const cases = (rows: readonly (readonly [source: string, output: string])[]): void => {
  for (const [source, output] of rows) it(source, () => assert.equal(render(source), output));
};

describe("values (data-plane §2.2)", () => {
  cases([
    ["{{.Status}} {{.StatusText}}", "404 Not Found"],
    ["{{ .Message }}", "Requested route (&#39;a.b&#39;) does not exist."],
    ['{{.Header.Get "X-Cf-RouterError"}}', "unknown_route"],
    ['{{ "X-Cf-RouterError" | .Header.Get }}|{{.Header.Get "Nope"}}|', "unknown_route||"],
    ["{{$.Status}}{{$.Header.Get `x-cf-routererror`}}", "404unknown_route"],
    ['{{true}} {{-7}} {{`raw "\\n`}}', "true -7 raw &#34;\\n"],
    ['{{"a\\tb\\x41\\101\\u00e9\\"\\\\"}}', "a\tbAA\u00c3\u00a9&#34;\\"],
  ]);

  it("are escaped as Go's html/template does", () => {
    const message = `<a href="x">&'+\0\u00ff`;
    const escaped = "&lt;a href=&#34;x&#34;&gt;&amp;&#39;&#43;\u00ef\u00bf\u00bd\u00ff";
    const source = "<p title=\"{{.Message}}\" data-x='{{.Message}}'>{{.Message}}</p><title>{{.Message}}</title>";
    const expected = `<p title="${escaped}" data-x='${escaped}'>${escaped}</p><title>${escaped}</title>`;
    assert.equal(render(source, { message }), expected);
  });

  it("stand in a template that is not ASCII as bytes", () => {
    assert.equal(render("é {{.Status}}"), "\u00c3\u00a9 404");
  });
});

describe("trim marks and comments", () => {
  cases([
    ["a  {{- 1 -}}  b", "a1b"],
    ["a \n{{- .Status}} b", "a404 b"],
    ["a {{/* c }} */}} b", "a  b"],
    ["a {{- /* c */ -}} b", "ab"],
    ["a {{-3}} b", "a -3 b"],
    ["{{ printf `}}%d` 1 }}", "}}1"],
    ['x{{- "a" }}{{ "b" -}}\n\ty', "xaby"],
  ]);
});

describe("variables and branches", () => {
  cases([
    ["{{if .Message}}yes{{else}}no{{end}}", "yes"],
    ["{{if eq .Status 500}}a{{else if eq .Status 404 502}}b{{else}}c{{end}}", "b"],
    ["{{with .Header.Get `X-Cf-RouterError`}}[{{.}}]{{else}}none{{end}}", "[unknown_route]"],
    ["{{with .Header.Get `Nope`}}[{{.}}]{{else}}{{.Status}}{{end}}", "404"],
    ["{{with $e := .StatusText}}{{$e}}={{.}}={{$.Status}}{{end}}", "Not Found=Not Found=404"],
    ["{{with .Header.Get `Nope`}}a{{else with .Message}}b{{end}}", "b"],
    ["{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{$x}}{{end}}{{$x}}", "32"],
    ["{{if $x := .Status}}{{$x}}{{end}}", "404"],
    [
      "{{$p := .}}{{with .Status}}{{$p.StatusText}}{{$p.Header.Get `X-CF-ROUTERERROR`}}{{end}}",
      "Not Foundunknown_route",
    ],
    ["{{with .}}{{.Status}}{{end}}{{if .}}!{{end}}", "404!"],
    ["{{if 0}}a{{end}}{{if ``}}b{{end}}{{if false}}c{{end}}d", "d"],
  ]);
});

describe("functions", () => {
  cases([
    ["{{and .Status .Message ``}}|{{and 0 1}}|{{or `` 0 .StatusText}}|{{or 0 ``}}", "|0|Not Found|"],
    ["{{not .Status}} {{not ``}}", "false true"],
    ["{{eq .StatusText `Not Found`}} {{ne .Status 404}} {{eq true true}}", "true false true"],
    ["{{lt .Status 500}} {{gt .Status 500}} {{lt `a` `b`}} {{gt 2 1}}", "true false true true"],
    ["{{.Status | eq 404}} {{(eq 1 2) | not}}", "true true"],
    ["{{printf `%d: %s %%` .Status .StatusText}}", "404: Not Found %"],
    ["{{.StatusText | printf `%s!`}}", "Not Found!"],
    ["{{printf `%s %d` .Status .StatusText}}", "%!s(int=404) %!d(string=Not Found)"],
  ]);
});

describe("HTML around values, as Go's html/template has it", () => {
  cases([
    ["<!DOCTYPE html><!-- gone --><p>", "<!DOCTYPE html><p>"],
    ["<!-- {{if .Status}} --> a {{else}} --> b {{end}}", " a "],
    ["1 < 2 <{{.Status}} <!x </ >", "1 &lt; 2 &lt;404 &lt;!x &lt;/ >"],
    ["<title>a < b</b {{.Status}}</title>", "<title>a &lt; b&lt;/b 404</title>"],
    ["<style>a < b <!-- {{/* */}} --></style>{{.Status}}", "<style>a < b <!--  --></style>404"],
    ["<script>if (a < b) {{if 1}}x{{end}}</script >{{.Status}}", "<script>if (a < b) x</script >404"],
    ['<br/><img alt=""/><p class=a id=b>{{.Status}}', '<br/><img alt=""/><p class=a id=b>404'],
    ['<p {{if .Status}}class="a"{{end}} hidden>{{.Status}}', '<p class="a" hidden>404'],
    ['<a href="/x" class="e-{{.Status}}">', '<a href="/x" class="e-404">'],
    ["<p class={{if true}}'a'{{else}}\"b\"{{end}}>", "<p class='a'>"],
    ["<x-y a:b='{{.Status}}' value=\"{{.Status}}\">", "<x-y a:b='404' value=\"404\">"],
  ]);
});

const refused = (rows: readonly (readonly [source: string, position: string, reason: RegExp])[]): void => {
  for (const [source, position, reason] of rows) {
    it(source, () => {
      assert.throws(
        () => compileErrorTemplate("error.html", source),
        (error: Error) => {
          assert.ok(error.message.startsWith(`template: error.html:${position}: `), error.message);
          assert.match(error.message, reason);
          return true;
        },
      );
    });
  }
};

describe("refused at start, with the position: values in the wrong place", () => {
  refused([
    ["<script>\nvar a = {{.Message}}", "2:11", /<script>/],
    ["<STYLE>{{.Message}}</STYLE>", "1:10", /<style>/],
    ["<a href='{{.Message}}'>", "1:12", /URL/],
    ["<img data-src='{{.Message}}'>", "1:18", /URL/],
    ['<x xlink:href="{{.Message}}">', "1:18", /URL/],
    ['<x xmlns:a="{{.Message}}">', "1:15", /URL/],
    ['<x my-url="{{.Message}}">', "1:14", /URL/],
    ['<meta content="0;{{.Message}}">', "1:20", /URL/],
    ['<p style="{{.Message}}">', "1:13", /CSS/],
    ['<p onclick="{{.Message}}">', "1:15", /script/],
    ['<iframe srcdoc="{{.Message}}">', "1:19", /HTML/],
    ["<p class={{.Status}}>", "1:12", /quotes/],
    ["<p class=a{{.Status}}>", "1:13", /quotes/],
    ["<p {{.Status}}>", "1:6", /inside a tag/],
    ["<p{{.Status}}>", "1:5", /inside a tag/],
    ["<!-- {{.Status}} -->", "1:8", /comment/],
    ["<scr{{if .Status}}ipt{{end}}>", "1:7", /different contexts/],
    ["<a h{{if .Status}}ref{{end}}=''>", "1:7", /different contexts/],
    ["{{if .Status}}<p {{else}}<p>{{end}}", "1:3", /different contexts/],
    ["<script>'<script>'</script>", "1:10", /<script/],
    ["<p a'b>", "1:5", /unexpected '/],
    ["<p ='b'>", "1:4", /attribute name/],
    ["<p class='", "1:11", /inside a tag/],
    ["<title>x", "1:9", /<title>/],
    ["<!-- x", "1:7", /comment/],
  ]);
});

describe("refused at start, with the position: what the subset does not have", () => {
  refused([
    ["a\nb {{", "2:3", /unclosed action/],
    ["{{/* x", "1:1", /unclosed comment/],
    ["{{/* x */ .Status}}", "1:1", /comment ends before/],
    ["{{}}", "1:3", /missing value/],
    ["{{`a` | }}", "1:9", /missing value/],
    ['{{"a}}', "1:3", /unterminated/],
    ['{{"\\q"}}', "1:3", /escape/],
    ["{{if .Status}}", "1:3", /no \{\{end\}\}/],
    ["{{if .Status}}{{else}}", "1:3", /no \{\{end\}\}/],
    ["{{if 1}}{{else}}{{else}}{{end}}", "1:19", /expected \{\{end\}\}/],
    ["{{end}}", "1:3", /unexpected \{\{end\}\}/],
    ["{{if 1}}{{end x}}", "1:15", /behind \{\{end\}\}/],
    ["{{range .Status}}{{end}}", "1:3", /range/],
    ["{{template `x`}}", "1:3", /template/],
    ["{{block `x` .}}{{end}}", "1:3", /block/],
    ["{{len .Message}}", "1:3", /"len" is not supported; there are and, or, not, eq, ne, lt, gt, printf/],
    ["{{html .Message}}", "1:3", /not supported/],
    ["{{nil}}", "1:3", /not supported/],
    ["{{.Body}}", "1:3", /cannot read \.Body/],
    ["{{.Message.X}}", "1:3", /cannot read \.Message\.X/],
    ["{{with .Message}}{{.Status}}{{end}}", "1:20", /cannot read \.Status/],
    ["{{with .Message}}{{.Header.Get `a`}}{{end}}", "1:20", /cannot read/],
    ["{{.Header}}", "1:3", /Header\.Get/],
    ["{{.Header.Get}}", "1:3", /want 1, got 0/],
    ["{{.Header.Values `a`}}", "1:3", /no function|Header\.Get/],
    ["{{eq .Header.Get `a`}}", "1:6", /parentheses|Header\.Get/],
    ["{{.}}", "1:3", /whole page/],
    ["{{eq . 1}}", "1:6", /whole page/],
    ["{{$x}}", "1:3", /undefined variable "\$x"/],
    ["{{$x = 1}}", "1:3", /undefined variable "\$x"/],
    ["{{if 1}}{{$x := 1}}{{end}}{{$x}}", "1:29", /undefined variable/],
    ["{{$p := .}}{{$p = 1}}", "1:14", /cannot assign/],
    ["{{.Status 1}}", "1:3", /no function/],
    ["{{1 | .Status}}", "1:7", /no function/],
    ["{{eq 1}}", "1:3", /want at least 2, got 1/],
    ["{{ne 1 2 3}}", "1:3", /want 2, got 3/],
    ["{{not}}", "1:3", /want 1, got 0/],
    ["{{printf `%v` 1}}", "1:3", /not %v/],
    ["{{printf `%5d` 1}}", "1:3", /not %5/],
    ["{{printf `a%` }}", "1:3", /single % at the end/],
    ["{{printf `%d`}}", "1:3", /1 verbs for 0 values/],
    ["{{printf .Message}}", "1:3", /string literal/],
    ["{{1.5}}", "1:3", /not supported/],
    ["{{0x10}}", "1:3", /not supported/],
    ["{{'a'}}", "1:3", /not supported/],
    ["{{(eq 1 2}}", "1:3", /parenthesis/],
    ["{{(.Status).X}}", "1:12", /cannot read \.X/],
    ["{{eq 1 not}}", "1:8", /parentheses/],
    ["{{eq.Status 1}}", "1:5", /put a space/],
    ["{{1 )}}", "1:5", /unexpected|no function/],
    ["{{$x, $y := 1}}", "1:5", /not supported/],
  ]);
});

describe("a value that does not fit while rendering", () => {
  for (const [source, reason] of [
    ["{{eq .Status `404`}}", "error calling eq: incompatible types for comparison"],
    ["{{lt true false}}", "error calling lt: invalid type for comparison"],
    ["{{gt .Status `a`}}", "error calling gt: incompatible types for comparison"],
    ["{{.Header.Get 1}}", "wrong type for value; expected string"],
  ] as const) {
    it(source, () => {
      const template = compileErrorTemplate("error.html", `\n ${source}`);
      const message = `template: error.html:2:4: executing "error.html" at <${source.slice(2, -2)}>: ${reason}`;
      assert.throws(() => template(page), { message });
    });
  }

  it("does not matter in a branch that is not taken", () => {
    assert.equal(render("{{if false}}{{eq 1 `1`}}{{end}}{{or 1 (eq 1 `1`)}}"), "1");
  });
});
