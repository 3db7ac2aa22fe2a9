import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { Failure } from "../../../../src/core/forwarding/failure.ts";
import { utf8Bytes } from "../../../../src/core/observe/access-log-quote.ts";
import { type Ask, RouterRig, requestUuid, type Settings } from "../../../fixtures/fake-transport.ts";

const host = ["Host", "test.com"] as const;
const json = { access_log: { format: "json" } };

async function line(settings: Settings, ask: Ask, prepare: (rig: RouterRig) => void = () => {}): Promise<string> {
  const rig = new RouterRig({ ...json, ...settings });
  rig.register("test.com", { applicationId: "app", privateInstanceId: "i", privateInstanceIndex: "0" });
  prepare(rig);
  await rig.exchange(ask, "complete", 3, 4);
  assert.equal(rig.accessLog.length, 1);
  return rig.accessLog[0]!;
}
/** The line as a reader of UTF-8 gets it. */
const parsed = (text: string): Record<string, unknown> => JSON.parse(Buffer.from(text, "latin1").toString("utf8"));

describe("access log in JSON", () => {
  it("has every field of the text form, in its order", async () => {
    const lines = [host, ["Referer", 'a"b'], ["user-agent", "curl"], ["X-Forwarded-For", "1.1.1.1"]] as const;
    const text = await line({}, { lines, target: "/p?q" });
    const { time, ...rest } = parsed(text);
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.equal(Object.keys(parsed(text))[0], "time");
    assert.deepEqual(Object.entries(rest), [
      ["host", "test.com"],
      ["method", "GET"],
      ["uri", "/p?q"],
      ["protocol", "HTTP/1.1"],
      ["status", 200],
      ["bytes_received", 3],
      ["bytes_sent", 4],
      ["referer", 'a"b'],
      ["user_agent", "curl"],
      ["remote_address", "10.1.1.1:35644"],
      ["backend_address", "10.0.0.5:8080"],
      ["x_forwarded_for", "1.1.1.1, 10.1.1.1"],
      ["x_forwarded_proto", "http"],
      ["vcap_request_id", requestUuid],
      ["response_time", rest["response_time"]],
      ["gorouter_time", rest["gorouter_time"]],
      ["app_id", "app"],
      ["app_index", "0"],
      ["instance_id", "i"],
      ["x_cf_routererror", null],
    ]);
    assert.equal(typeof rest["response_time"], "number");
    assert.equal(typeof rest["gorouter_time"], "number");
  });

  it("has null for what is missing, and the router's own error", async () => {
    const fields = parsed(await line({}, { lines: [["Host", "nowhere.com"]] }));
    for (const name of ["referer", "user_agent", "backend_address", "app_id", "app_index", "instance_id"]) {
      assert.equal(fields[name], null, name);
    }
    assert.deepEqual(
      [fields["status"], fields["gorouter_time"], fields["x_cf_routererror"]],
      [404, 0, "unknown_route"],
    );
  });

  it("leaves addresses out and redacts queries as configured", async () => {
    const logging = { disable_log_forwarded_for: true, disable_log_source_ip: true, redact_query_params: "all" };
    const fields = parsed(await line({ logging }, { target: "/p?q=1" }));
    assert.deepEqual([fields["remote_address"], fields["x_forwarded_for"], fields["uri"]], [null, null, "/p"]);
  });

  it("keeps UTF-8, and replaces bytes that are none; escapes what JSON must", async () => {
    const agent = `${utf8Bytes("\u00e9\u{1f600}")}\u00ff\u00c3 "\\\t.`;
    const text = await line({}, { lines: [host, ["User-Agent", agent]] });
    assert.equal(parsed(text)["user_agent"], '\u00e9\u{1f600}\ufffd\ufffd "\\\t.');
    assert.ok(!/[\n\t]/.test(text));
  });

  it("shows extra fields as numbers and texts", async () => {
    const extra = ["failed_attempts", "failed_attempts_time", "backend_time", "local_address"];
    const fields = parsed(await line({ logging: { extra_access_log_fields: extra } }, {}));
    assert.equal(fields["failed_attempts"], 0);
    assert.equal(fields["failed_attempts_time"], null);
    assert.equal(typeof fields["backend_time"], "number");
    const failed = parsed(
      await line({ logging: { extra_access_log_fields: extra } }, {}, (rig) => {
        rig.transport.script = () => {
          throw new Failure("dial", "backend", "always", "refused");
        };
      }),
    );
    assert.deepEqual([failed["failed_attempts"], failed["backend_time"], failed["local_address"]], [1, null, null]);
    assert.equal(typeof failed["failed_attempts_time"], "number");
  });

  it("shows extra headers in an object, each name once", async () => {
    const fields = parsed(
      await line({ extra_headers_to_log: ["X-A", "x-a", "Not-There"] }, { lines: [host, ["X-A", "1"], ["X-A", "2"]] }),
    );
    assert.deepEqual(fields["request_headers"], { x_a: "1", not_there: null });
  });
});
