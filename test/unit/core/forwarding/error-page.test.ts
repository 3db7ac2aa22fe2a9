import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileErrorTemplate } from "../../../../src/core/forwarding/error-template/compile.ts";
import { type Ask, contentOf, FakeResponse, RouterRig, sorted } from "../../../fixtures/fake-transport.ts";

const host = ["Host", "a+b.com"] as const;
const unknown: Ask = { lines: [host] };
const page = compileErrorTemplate(
  "e",
  '<p class="{{.Header.Get "X-Cf-RouterError"}}">{{.Status}} {{.StatusText}}: {{.Message}} ' +
    '{{.Header.Get "Cache-Control"}} {{.Header.Get "Content-Type"}}',
);

describe("HTML error pages (data-plane §2.2)", () => {
  it("rows 1 to 9 and 13 to 19: the operator's page, with the headers of the plain one", async () => {
    const rig = new RouterRig({}, page);
    const answer = await rig.exchange(unknown);
    const html =
      '<p class="unknown_route">404 Not Found: Requested route (&#39;a&#43;b.com&#39;) does not exist. ' +
      "no-cache, no-store text/html; charset=utf-8";
    assert.equal(contentOf(answer), html);
    assert.deepEqual(sorted(answer.headers), [
      "Cache-Control: no-cache, no-store",
      `Content-Length: ${html.length}`,
      "Content-Type: text/html; charset=utf-8",
      "X-Cf-Routererror: unknown_route",
      "X-Content-Type-Options: nosniff",
    ]);
    assert.match(rig.accessLog[0]!, new RegExp(`" 404 0 ${html.length} .*x_cf_routererror:"unknown_route"$`));
  });

  it("status is logged as for the plain page", async () => {
    const rig = new RouterRig({}, page);
    await rig.exchange({ lines: [["Host", ""]] });
    const [line] = rig.logger.lines;
    assert.deepEqual([line![1], line![2]!["body"]], ["status", "400 Bad Request: Request had empty Host header"]);
  });

  it("an error while rendering: logged, and the plain body without line end", async () => {
    const rig = new RouterRig({}, compileErrorTemplate("e", "{{eq .Status `x`}}"));
    const answer = await rig.exchange(unknown);
    const plain = "404 Not Found: Requested route ('a+b.com') does not exist.";
    assert.equal(contentOf(answer), plain);
    assert.equal(answer.headers.get("Content-Type"), "text/plain; charset=utf-8");
    assert.equal(answer.headers.get("Content-Length"), String(plain.length));
    const [level, message, data] = rig.logger.lines[0]!;
    assert.deepEqual([level, message], ["error", "render-error-failed"]);
    const text =
      'template: e:1:3: executing "e" at <eq .Status `x`>: error calling eq: incompatible types for comparison';
    assert.equal(data!["error"], text);
  });

  it("rows 10 to 12 and 20 to 22 are never templated", async () => {
    const rig = new RouterRig({ max_request_headers: 3 }, page);
    rig.register("a+b.com");
    rig.health.state = "degraded";
    const lines = [host, ["A", "1"], ["B", "1"], ["C", "1"], ["D", "1"]] as const;
    assert.deepEqual([(await rig.exchange({ lines })).status, contentOf(await rig.exchange({ lines }))], [431, ""]);
    assert.equal(contentOf(await rig.exchange({ lines: [host], protocol: "HTTP/1.5" })), "");
    const unhealthy = await rig.exchange({ lines: [["User-Agent", "HTTP-Monitor/1.1"]] });
    assert.deepEqual([unhealthy.status, contentOf(unhealthy)], [503, ""]);
    const upgrade = await rig.exchange({ lines: [host, ["Connection", "Upgrade"], ["Upgrade", "\u00e9"]] });
    assert.deepEqual([upgrade.status, contentOf(upgrade)], [502, ""]);
    rig.transport.script = () => {
      throw new Error("boom");
    };
    assert.equal(contentOf(await rig.exchange({ lines: [host] })), "");
    rig.transport.script = () => new FakeResponse();
    assert.equal((await rig.exchange({ lines: [host] })).headers.get("Content-Type"), null);
  });
});
