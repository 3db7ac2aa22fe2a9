import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { deadPort } from "./harness/backend.ts";
import { get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { type RouterUnderTest, startRouter, writeConfig, type Yaml } from "./harness/router.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "causeway-template-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function template(name: string, source: string): string {
  const file = join(folder, name);
  writeFileSync(file, source);
  return file;
}

const source = `<!DOCTYPE html>
<!-- the page of our platform -->
<html><head><title>{{.Status}} {{.StatusText}}</title></head>
<body class="status-{{ .Status }}">
{{- with .Header.Get "X-Cf-RouterError" }}
<p data-error="{{ . }}">
{{- if eq . "unknown_route" }}There is no such app{{ else }}Something went wrong{{ end -}}
</p>
{{- end }}
<p>{{ .Message }} é</p>
</body></html>
`;

describe("HTML error pages (data-plane §2.2)", () => {
  let router: RouterUnderTest;
  before(async () => {
    router = await startRouter("embedded", { html_error_template_file: template("page.html", source) });
    await router.register({ uris: ["dead.example"], port: await deadPort() });
  });
  after(async () => await router?.stop());

  it("are the operator's, escaped", async () => {
    const answer = await get(router.port, "a+b&c.example");
    assert.equal(answer.statusLine, "HTTP/1.1 404 Not Found");
    const fields = ["content-type", "x-content-type-options", "x-cf-routererror", "cache-control"];
    assert.deepEqual(fields.map(answer.header), [
      "text/html; charset=utf-8",
      "nosniff",
      "unknown_route",
      "no-cache, no-store",
    ]);
    assert.equal(
      Buffer.from(answer.body, "latin1").toString("utf8"),
      '<!DOCTYPE html>\n\n<html><head><title>404 Not Found</title></head>\n<body class="status-404">\n' +
        '<p data-error="unknown_route">There is no such app</p>\n' +
        "<p>Requested route (&#39;a&#43;b&amp;c.example&#39;) does not exist. é</p>\n</body></html>\n",
    );
  });

  it("do not stand for a failed backend (row 20)", async () => {
    const answer = await get(router.port, "dead.example");
    assert.deepEqual([answer.status, answer.header("content-type")], [502, "text/plain; charset=utf-8"]);
    assert.equal(answer.body, "502 Bad Gateway: Registered endpoint failed to handle the request.\n");
  });
});

describe("a template that cannot be rendered", () => {
  it("gives the plain page without line end, and a log line", async () => {
    const file = template("bad.html", '{{if eq .Status 404}}{{eq .Status "404"}}{{end}}');
    const router = await startRouter("embedded", { html_error_template_file: file });
    try {
      const answer = await get(router.port, "a.b");
      assert.equal(answer.body, "404 Not Found: Requested route ('a.b') does not exist.");
      assert.equal(answer.header("content-type"), "text/plain; charset=utf-8");
      const { log_level, data } = await router.program.logged("render-error-failed");
      assert.equal(log_level, 3);
      assert.match(String(data!["error"]), /bad\.html:1:24: executing .* error calling eq: incompatible types/);
    } finally {
      await router.stop();
    }
  });
});

describe("a start with a template that is no good (control-plane §1.3)", () => {
  const refusal = async (config: Yaml): Promise<string> => {
    const program = new Program(["router", "-c", writeConfig(folder, "embedded", config)]);
    assert.equal(await program.end(), 1);
    const lines = program.logLines.filter(({ log_level }) => log_level === 3);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ["new-html-error-template-from-file"],
    );
    assert.equal(
      program.loggedMessages.some((line) => line.endsWith("setting-up-nats-connection")),
      false,
    );
    return String(lines[0]!.data!["error"]);
  };

  it("because it cannot be read", async () => {
    const file = join(folder, "absent.html");
    const expected = `Could not read HTML error template file: open ${file}: no such file or directory`;
    assert.equal(await refusal({ html_error_template_file: file }), expected);
  });

  it("because it is not understood: with the place", async () => {
    const file = template("script.html", "<p>\n<a href='/x?{{.Message}}'>");
    const expected = `template: ${file}:2:15: cannot print a value in a URL: href="…"`;
    assert.equal(await refusal({ html_error_template_file: file }), expected);
  });
});

describe("max_request_header_bytes above the limit (control-plane §6.3)", () => {
  it("is told about between NATS and the subscriber", async () => {
    const router = await startRouter("embedded", { max_request_header_bytes: 2_000_000 });
    try {
      const { log_level, data } = await router.program.logged("innefectual-max-header-bytes-value");
      assert.deepEqual([log_level, data], [2, { error: "Values over 2000000 are limited by http.Server" }]);
      const messages = router.program.logLines.map(({ message }) => message);
      const at = messages.indexOf("innefectual-max-header-bytes-value");
      assert.deepEqual([messages[at - 1], messages[at + 1]], ["Successfully-connected-to-nats", "subscriber-starting"]);
    } finally {
      await router.stop();
    }
  });
});
