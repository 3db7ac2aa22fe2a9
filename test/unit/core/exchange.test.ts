import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeResponse, RouterRig } from "../../fixtures/fake-transport.ts";

const logging = { access_log: { log_aborted: true } };

function rigFor(settings = {}): RouterRig {
  const rig = new RouterRig(settings);
  rig.register("test.com");
  return rig;
}

describe("requests that end while the response is streamed (data-plane §2.4, §9.1, §12)", () => {
  it("are not logged, nor counted, as a rule", async () => {
    for (const end of ["client-gone", "response-cut", "request-cut"] as const) {
      const rig = rigFor();
      await rig.exchange({}, end, 1, 2);
      assert.deepEqual([rig.accessLog, rig.metrics.responses], [[], 0]);
    }
  });

  it("are logged with access_log.log_aborted, and not counted", async () => {
    for (const [end, error] of [
      ["client-gone", "client-conn-closed-during-response-streaming"],
      ["response-cut", "-"],
      ["request-cut", "-"],
    ] as const) {
      const rig = rigFor(logging);
      const { client, answer } = rig.ask();
      await answer;
      rig.clock.elapsed = 2000;
      client.observer!.finished(1, 2, end);
      assert.equal(rig.accessLog.length, 1);
      assert.match(
        rig.accessLog[0]!,
        new RegExp(`" 200 1 2 .*response_time:2\\.000000 .*x_cf_routererror:"${error}"$`),
      );
      assert.equal(rig.metrics.responses, 0);
    }
  });

  it("the client's leaving counts more than what the backend said", async () => {
    const rig = rigFor(logging);
    rig.transport.script = () => new FakeResponse(200, [["X-Cf-RouterError", "own"]]);
    await rig.exchange({}, "client-gone");
    await rig.exchange({}, "response-cut");
    assert.match(rig.accessLog[0]!, /x_cf_routererror:"client-conn-closed-during-response-streaming"$/);
    assert.match(rig.accessLog[1]!, /x_cf_routererror:"own"$/);
  });

  it("those that end well are logged once", async () => {
    const rig = rigFor(logging);
    await rig.exchange();
    assert.equal(rig.accessLog.length, 1);
    assert.match(rig.accessLog[0]!, /x_cf_routererror:"-"$/);
  });

  it("panics are logged with the same key", async () => {
    for (const [settings, lines] of [
      [{}, 0],
      [logging, 1],
    ] as const) {
      const rig = rigFor(settings);
      rig.transport.script = () => {
        throw new Error("boom");
      };
      await rig.exchange();
      assert.equal(rig.accessLog.length, lines);
      if (lines > 0) assert.match(rig.accessLog[0]!, /" 502 0 0 .*x_cf_routererror:"unknown_failure"$/);
      assert.equal(rig.metrics.responses, 0);
    }
  });
});

describe("a client that left before its request was taken up (data-plane §4.9)", () => {
  it("gets as far as an endpoint, and nothing is sent there", async () => {
    const rig = rigFor({ backends: { max_attempts: 3 } });
    const answer = await rig.exchange({ gone: true }, "client-gone");
    assert.equal(answer.status, 499);
    assert.deepEqual(rig.transport.sent, []);
    assert.match(
      rig.accessLog[0]!,
      /" 499 0 22 .* "\d[^"]*" x_forwarded_for:.*"endpoint_failure \(context canceled\)"$/,
    );
    assert.equal((await rig.exchange()).status, 200);
  });
});

describe("http_1_endpoint_timeout (data-plane §12)", () => {
  for (const [settings, expected] of [
    [{ endpoint_timeout: 7000 }, 7000],
    [{ endpoint_timeout: 7000, http_1_endpoint_timeout: 3000 }, 3000],
    [{ endpoint_timeout: 0, http_1_endpoint_timeout: 3000 }, 3000],
    [{ endpoint_timeout: 7000, http_1_endpoint_timeout: -1 }, 0],
  ] as const) {
    it(`${JSON.stringify(settings)}: ${expected}`, async () => {
      const rig = rigFor(settings);
      await rig.exchange();
      assert.equal(rig.transport.sent[0]?.timeoutMs, expected);
    });
  }
});
