import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../../../src/core/forwarding/failure.ts";
import { escapeLogValue, utf8Bytes } from "../../../../src/core/observe/access-log-quote.ts";
import { logSeconds, logTime } from "../../../../src/core/observe/access-log-time.ts";
import { sha1Hex } from "../../../../src/core/observe/sha1.ts";
import { type Ask, FakeResponse, RouterRig, receivedAt, type Settings } from "../../../fixtures/fake-transport.ts";

const host = ["Host", "test.com"] as const;

async function line(settings: Settings, ask: Ask): Promise<string> {
  const rig = new RouterRig(settings);
  rig.register("test.com", { applicationId: "app", privateInstanceId: "i" });
  await rig.exchange(ask, "complete", 3, 4);
  assert.equal(rig.accessLog.length, 1);
  return rig.accessLog[0]!;
}

describe("access log line (data-plane §9)", () => {
  it("shows body bytes, referer, user agent and address", async () => {
    const text = await line(
      {},
      { lines: [host, ["Referer", 'a"b'], ["user-agent", "curl"], ["X-Forwarded-For", "1.1.1.1"]] },
    );
    assert.match(
      text,
      /^test\.com - \[[^\]]+\] "GET \/ HTTP\/1\.1" 200 3 4 "a\\"b" "curl" "10\.1\.1\.1:35644" "10\.0\.0\.5:8080" x_forwarded_for:"1\.1\.1\.1, 10\.1\.1\.1" /,
    );
  });

  it("leaves addresses out as configured", async () => {
    const text = await line({ logging: { disable_log_forwarded_for: true, disable_log_source_ip: true } }, {});
    assert.match(text, / "-" "-" "-" "10\.0\.0\.5:8080" x_forwarded_for:"-" /);
  });

  it("shows extra headers of the incoming set, first line only", async () => {
    const lines = [host, ["X-Forwarded-For", "1.1.1.1"], ["X-Forwarded-For", "2.2.2.2"]] as const;
    const text = await line({ extra_headers_to_log: ["X-Forwarded-For", "Not-There", "X-Vcap-Request-Id"] }, { lines });
    assert.match(
      text,
      /x_cf_routererror:"-" x_forwarded_for:"1\.1\.1\.1" not_there:"-" x_vcap_request_id:"b0111aca-[^"]*"$/,
    );
  });

  for (const [mode, method, target, expected] of [
    ["none", "GET", "/p?query=value&a=1", "/p?query=value&a=1"],
    ["all", "GET", "/p?query=value&a=1", "/p"],
    ["hash", "GET", "/p?query=value&a=1", "/p?hash=fd218ea3f6f6f450a25fd293e9a8a89630c80940"],
    ["all", "POST", "/p?q", "/p?q"],
    ["all", "GET", "/p?", "/p?"],
    ["none", "GET", "/<x>", "/%3Cx%3E"],
    ["none", "GET", "/#a", "/%23a"],
    ["none", "GET", "/\u00c3\u00a9%2fb%41", "/%C3%A9/bA"],
    ["none", "GET", '/p?"', '/p?\\"'],
  ] as const) {
    it(`shows ${method} ${target} as ${expected} with ${mode} (§9.4)`, async () => {
      const text = await line({ logging: { redact_query_params: mode } }, { method, target });
      assert.ok(text.includes(`] "${method} ${expected} HTTP/1.1" `), text);
    });
  }

  it("shows the extra fields in their order, duplicates and unknown ones dropped (§9.3)", async () => {
    const fields = [
      "local_address",
      "x",
      "failed_attempts",
      "dial_time",
      "dns_time",
      "tls_time",
      "backend_time",
      "failed_attempts_time",
      "dial_time",
    ];
    const rig = new RouterRig({ backends: { max_attempts: 2 }, logging: { extra_access_log_fields: fields } });
    rig.register("test.com", { port: 1 });
    rig.register("test.com", { port: 2 });
    rig.transport.script = (_endpoint, outgoing) => {
      rig.clock.elapsed += 10;
      if (rig.transport.sent.length === 1) throw new Failure("dial", "backend", "always", "x");
      outgoing.attempt.dialMs = 1.5;
      return new FakeResponse();
    };
    await rig.exchange();
    assert.match(
      rig.accessLog[0]!,
      / local_address:"10\.0\.0\.1:40000" failed_attempts:1 dial_time:0\.001500 dns_time:0\.000000 tls_time:0\.000000 backend_time:0\.010000 failed_attempts_time:0\.010000 x_cf_routererror:"-"$/,
    );
  });

  it('shows "-" for the extra fields of a request without success', async () => {
    const fields = ["backend_time", "dial_time", "failed_attempts", "failed_attempts_time", "local_address"];
    const rig = new RouterRig({ logging: { extra_access_log_fields: fields } });
    await rig.exchange();
    assert.match(
      rig.accessLog[0]!,
      / backend_time:"-" dial_time:"-" failed_attempts:0 failed_attempts_time:"-" local_address:"-" x_cf/,
    );
  });

  it("shows the length of an error's body for HEAD (§1.4.3)", async () => {
    const rig = new RouterRig();
    await rig.exchange({ method: "HEAD", lines: [["Host", "nope.com"]] });
    assert.match(rig.accessLog[0]!, /" 404 0 60 /);
  });
});

describe("quoting (data-plane §9.2)", () => {
  for (const [value, expected] of [
    ["plain ~", "plain ~"],
    ['"\\', '\\"\\\\'],
    ["\x00\x07\x08\t\n\v\f\r\x1b\x7f", "\\x00\\a\\b\\t\\n\\v\\f\\r\\x1b\\x7f"],
    [utf8Bytes("é€😀"), utf8Bytes("é€😀")],
    [utf8Bytes("\u200b\u00a0\u{e0001}"), "\\u200b\\u00a0\\U000e0001"],
    ["a\xff\xc3", "a\\xff\\xc3"],
    ["\xed\xa0\x80", "\\xed\\xa0\\x80"],
    ["\xc0\xaf\xf4\x90\x80\x80", "\\xc0\\xaf\\xf4\\x90\\x80\\x80"],
  ] as const) {
    it(JSON.stringify(value), () => assert.equal(escapeLogValue(value), expected));
  }
});

describe("times of the log (data-plane §9.2)", () => {
  it("are local, with nine digits", () => {
    const date = new Date(receivedAt);
    const two = (value: number) => String(value).padStart(2, "0");
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    assert.equal(logTime(receivedAt + 0.5), ` - [${day}T${clock}.789500000Z] "`);
    assert.equal(logTime(receivedAt - 789), ` - [${day}T${clock}.000000000Z] "`);
  });

  it("have six decimals", () => {
    const cases = [
      [0, "0.000000"],
      [0.0004, "0.000000"],
      [0.248, "0.000248"],
      [999.9999, "1.000000"],
      [61_000.5, "61.000500"],
      [-1, '"-"'],
    ] as const;
    for (const [ms, expected] of cases) assert.equal(logSeconds(ms), expected);
  });
});

describe("SHA-1", () => {
  for (const [text, hex] of [
    ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"],
    ["a".repeat(1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
  ] as const) {
    it(`of ${text.length} bytes`, () => assert.equal(sha1Hex(text), hex));
  }
});
