import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SignatureCipher } from "../../../../src/core/route-service/signature-cipher.ts";
import { contentOf, FakeResponse, RouterRig, receivedAt, type Settings } from "../../../fixtures/fake-transport.ts";
import { asked, bodyOf, bound, cipher, host, type Lines, secret, signed } from "./service-rig.ts";

describe("return leg (data-plane §8.4)", () => {
  it("goes to the backend, without the three headers", async () => {
    const rig = bound();
    await asked(rig, await signed(), { target: "/deeper" });
    assert.equal(rig.transport.sent[0]?.address, "10.0.0.5:8080");
    for (const name of ["X-CF-Forwarded-Url", "X-CF-Proxy-Signature", "X-CF-Proxy-Metadata"]) {
      assert.deepEqual(rig.sentValues(name), []);
    }
    assert.deepEqual(rig.sentValues("X-CF-ApplicationID"), ["app"]);
    assert.match(rig.accessLog[0]!, /"10\.0\.0\.5:8080" .* app_id:"app"/);
    assert.deepEqual([rig.metrics.totalRequests, rig.metrics.responses2xx], [1, 1]);
  });

  it("needs no forwarded URL beside the signature, and none that agrees", async () => {
    const rig = bound();
    const lines = await signed("https://test.com/other?q#f");
    for (const changed of [lines.slice(1), [["X-CF-Forwarded-Url", "http://elsewhere/"] as const, ...lines.slice(1)]]) {
      assert.equal((await asked(rig, changed)).status, 200);
    }
    assert.deepEqual(
      rig.transport.sent.map(({ address }) => address),
      ["10.0.0.5:8080", "10.0.0.5:8080"],
    );
  });

  it("writes the session of the backend's answer", async () => {
    const rig = bound();
    rig.transport.script = () => new FakeResponse(200, [["Set-Cookie", "JSESSIONID=1"]]);
    const { headers } = await asked(rig, await signed());
    assert.deepEqual(headers.getSetCookie(), ["JSESSIONID=1", "__VCAP_ID__=id; Path=/; HttpOnly"]);
  });

  it("knows the previous secret, for reading only", async () => {
    const previous = new SignatureCipher("previous");
    const rig = bound({ route_services_secret_decrypt_only: "previous" });
    assert.equal((await asked(rig, await signed("http://test.com/", 0, previous))).status, 200);
    assert.equal((await asked(rig, await signed())).status, 200);
    await asked(rig);
    const [signature = ""] = rig.sentValues("X-CF-Proxy-Signature");
    const [metadata = ""] = rig.sentValues("X-CF-Proxy-Metadata");
    await cipher.read({ signature, metadata });
    const third = await asked(rig, await signed("http://test.com/", 0, new SignatureCipher("third")));
    assert.equal(third.status, 502);
    assert.deepEqual(rig.logger.lines.map(([level, message]) => `${level} ${message}`).slice(-3), [
      "error proxy-route-service-previous-key",
      "error signature-validation-failed",
      "info status",
    ]);
  });

  it("is refused after route_services_timeout, with times in the future allowed", async () => {
    const rig = bound({ route_services_timeout: 60_000 });
    assert.equal((await asked(rig, await signed("http://test.com/", 60_000))).status, 200);
    assert.equal((await asked(rig, await signed("http://test.com/", -1e9))).status, 200);
    const answer = await asked(rig, await signed("http://test.com/", 60_001));
    assert.deepEqual(
      [answer.status, contentOf(answer), answer.headers.get("X-Cf-Routererror")],
      [504, "504 Gateway Timeout: Failed to validate Route Service Signature: route service request expired\n", null],
    );
    const line = rig.logger.lines.find(([, message]) => message === "proxy-route-service-timeout");
    assert.deepEqual(line?.[2], {
      error: "route service request expired",
      "forwarded-url": "http://test.com/",
      "request-time": new Date(receivedAt - 60_001).toISOString(),
    });
  });

  const faults: readonly [name: string, lines: () => Promise<Lines>, reason: string][] = [
    ["no metadata", async () => (await signed()).slice(0, 2), "No metadata found"],
    [
      "a forged signature",
      async () => await signed("http://test.com/", 0, new SignatureCipher("forged")),
      "cipher: message authentication failed",
    ],
    [
      "a signature for another route",
      async () => await signed("http://other.com/x"),
      "route service forwarded URL test.com/ does not match the original request URL other.com/x",
    ],
    [
      "a signature for another path of the host",
      async () => await signed("http://test.com:80/sub/x?y"),
      "route service forwarded URL test.com/ does not match the original request URL test.com/sub/x",
    ],
    [
      "a signature for a route that is gone",
      async () => await signed("http://gone.com/x?y"),
      "original request URL gone.com/x does not exist in the routing table",
    ],
    ["no URL", async () => await signed(""), 'parse "": empty url'],
    ["a relative URL", async () => await signed("a/b"), 'parse "a/b": invalid URI for request'],
    [
      "a URL with a bad escape",
      async () => await signed("http://test.com/%"),
      'parse "http://test.com/%": invalid URL escape "%"',
    ],
  ];
  for (const [name, lines, reason] of faults) {
    it(`is refused: ${name}`, async () => {
      const rig = bound();
      rig.register("other.com", { port: 1 });
      rig.register("test.com/sub", { port: 2 });
      const answer = await asked(rig, await lines());
      assert.deepEqual(
        [answer.status, contentOf(answer), answer.headers.get("X-Cf-Routererror")],
        [502, `502 Bad Gateway: Failed to validate Route Service Signature: ${reason}\n`, null],
      );
      assert.deepEqual(
        rig.logger.lines.find(([, message]) => message === "signature-validation-failed")?.[2]?.["error"],
        reason,
      );
      assert.equal(rig.transport.sent.length, 0);
    });
  }

  it("ends in 499 when the client leaves while the signature is checked", async () => {
    const rig = bound();
    const { client, answer } = rig.ask({ lines: [host, ...(await signed())] });
    client.observer!.aborted("client-gone");
    assert.equal((await answer).status, 499);
    assert.equal(rig.transport.sent.length, 0);
  });
});

describe("signatures on a route without route service (data-plane §8.2, rows 17 and 18)", () => {
  function unbound(strict: boolean, settings: Settings = {}): RouterRig {
    const rig = new RouterRig({
      route_services_secret: secret,
      route_services: { strict_signature_validation: strict },
      ...settings,
    });
    rig.register("test.com");
    return rig;
  }

  it("pass with their headers, valid or not", async () => {
    for (const [strict, lines] of [
      [false, await signed()],
      [false, await signed("http://test.com/", 1e9)],
      [false, [["X-CF-Proxy-Signature", "rubbish"]]],
      [true, await signed("http://anything.at.all/")],
      [true, []],
    ] as const) {
      const rig = unbound(strict);
      assert.equal((await asked(rig, lines)).status, 200);
      assert.equal(rig.sentValues("X-CF-Proxy-Signature").length, lines.length > 0 ? 1 : 0);
    }
  });

  it("are refused when they do not hold and validation is strict", async () => {
    const rig = unbound(true);
    for (const lines of [[["X-CF-Proxy-Signature", ""]], [["X-CF-Proxy-Signature", "x"]]] as const) {
      const answer = await asked(rig, lines);
      assert.equal(bodyOf(answer), "400 invalid_route_service_signature");
      assert.equal(contentOf(answer), "400 Bad Request: invalid route service signature detected\n");
    }
    const answer = await asked(rig, await signed("http://test.com/", 1e9));
    assert.equal(bodyOf(answer), "504 expired_route_service_signature");
    assert.equal(
      contentOf(answer),
      "504 Gateway Timeout: Failed to validate Route Service Signature: route service request expired\n",
    );
    assert.equal(rig.transport.sent.length, 0);
  });

  it("are strictly invalid when route services are off", async () => {
    const answer = await asked(unbound(true, { route_services_secret: "" }), await signed());
    assert.equal(bodyOf(answer), "400 invalid_route_service_signature");
  });
});
