import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeResponse, RouterRig, receivedAt, requestUuid, sorted } from "../../../fixtures/fake-transport.ts";

const withoutTime = (line: string | undefined): string => (line ?? "").replace(/\[[^\]]*\]/, "[TIME]");

describe("worked bytes (data-plane §13)", () => {
  it("13.1: request, response and log line", async () => {
    const rig = new RouterRig({ extra_headers_to_log: ["X-Foo"] });
    rig.register("test.com", { applicationId: "app-guid", privateInstanceId: "inst-1", privateInstanceIndex: "0" });
    rig.transport.script = () => new FakeResponse(200, [["Content-Length", "2"]]);
    const { client, answer } = rig.ask({
      target: "/a%2Fb;c=1?x=1;y=2&z#frag",
      lines: [
        ["Host", "test.com:8080"],
        ["X-Foo", "bar"],
        ["Accept", "*/*"],
        ["X-CF-ApplicationID", "spoof"],
        ["Connection", "X-Foo, keep-alive"],
        ["te", "trailers, deflate"],
      ],
    });
    const response = await answer;
    rig.clock.elapsed = 2.765;
    client.observer!.finished(0, 2, "complete");
    assert.equal(rig.transport.sent[0]?.target, "/a%2Fb;c=1?x=1;y=2&z#frag");
    assert.deepEqual(
      sorted(rig.transport.sent[0]!.lines),
      sorted([
        ["Host", "test.com:8080"],
        ["Accept", "*/*"],
        ["Te", "trailers"],
        ["X-Cf-Applicationid", "app-guid"],
        ["X-Cf-Instanceid", "inst-1"],
        ["X-Cf-Instanceindex", "0"],
        ["X-Forwarded-For", "10.1.1.1"],
        ["X-Forwarded-Proto", "http"],
        ["X-Request-Start", String(receivedAt)],
        ["X-Vcap-Request-Id", requestUuid],
      ]),
    );
    assert.equal(response.statusText, "OK");
    assert.deepEqual(
      sorted(response.headers),
      sorted([
        ["Content-Length", "2"],
        ["X-Vcap-Request-Id", requestUuid],
      ]),
    );
    assert.equal(
      withoutTime(rig.accessLog[0]),
      'test.com:8080 - [TIME] "GET /a%2Fb;c=1?x=1;y=2&z#frag HTTP/1.1" 200 0 2 "-" "-" "10.1.1.1:35644" ' +
        '"10.0.0.5:8080" x_forwarded_for:"10.1.1.1" x_forwarded_proto:"http" ' +
        `vcap_request_id:"${requestUuid}" response_time:0.002765 gorouter_time:0.000000 app_id:"app-guid" ` +
        'app_index:"0" instance_id:"inst-1" x_cf_routererror:"deprecated-semicolon-params" x_foo:"bar"',
    );
    const warnings = rig.logger.lines.filter(([level]) => level === "warn");
    assert.equal(warnings[0]?.[1], "deprecated-semicolon-params");
    assert.equal(warnings[0]?.[2]?.["vcap_request_id"], requestUuid);
  });

  it("13.2: log line of a request without Host", async () => {
    const rig = new RouterRig();
    const { client, answer } = rig.ask({ target: "/x", protocol: "HTTP/1.0", lines: [] });
    await answer;
    rig.clock.elapsed = 0.248;
    client.observer!.finished(0, 47, "complete");
    assert.equal(
      withoutTime(rig.accessLog[0]),
      ' - [TIME] "GET /x HTTP/1.0" 400 0 47 "-" "-" "10.1.1.1:35644" "-" x_forwarded_for:"-" x_forwarded_proto:"-" ' +
        `vcap_request_id:"${requestUuid}" response_time:0.000248 gorouter_time:0.000000 app_id:"-" app_index:"-" ` +
        'instance_id:"-" x_cf_routererror:"empty_host"',
    );
  });
});
