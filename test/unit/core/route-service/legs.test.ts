import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../../../src/core/forwarding/failure.ts";
import { contentOf, FakeResponse, FakeTunnel, RouterRig, receivedAt } from "../../../fixtures/fake-transport.ts";
import { asked, bodyOf, bound, cipher, type Lines, secret, service, signed } from "./service-rig.ts";

describe("outgoing leg (data-plane §8.3)", () => {
  it("goes to the service with the signed URL of the client", async () => {
    const rig = bound();
    const lines: Lines = [
      ["X-CF-Proxy-Metadata", "theirs"],
      ["X-CF-Forwarded-Url", "theirs"],
      ["X-CF-App-Instance", ""],
    ];
    await rig.exchange({ target: "/a?b=<é>".replace("é", "\xc3\xa9"), lines: [["Host", "test.com:8080"], ...lines] });
    const [sent] = rig.transport.sent;
    assert.deepEqual([sent?.address, sent?.method, sent?.target], ["rs.example.com:443", "GET", "/auth?x=1"]);
    assert.deepEqual(rig.sentValues("Host"), ["rs.example.com"]);
    assert.deepEqual(rig.sentValues("X-CF-Forwarded-Url"), ["http://test.com/a?b=<\xc3\xa9>"]);
    assert.deepEqual(rig.sentValues("X-Forwarded-For"), ["10.1.1.1"]);
    for (const absent of ["X-CF-ApplicationID", "X-CF-InstanceID", "X-CF-InstanceIndex", "X-CF-App-Instance"]) {
      assert.deepEqual(rig.sentValues(absent), []);
    }
    const [signature = ""] = rig.sentValues("X-CF-Proxy-Signature");
    const [metadata = ""] = rig.sentValues("X-CF-Proxy-Metadata");
    const contents = await cipher.read({ signature, metadata });
    assert.deepEqual([contents.forwardedUrl, contents.requestedAt], ["http://test.com/a?b=<é>", receivedAt]);
    assert.match(rig.accessLog[0]!, /^test\.com:8080 - /);
    assert.match(rig.accessLog[0]!, / 200 0 0 "-" "-" "10\.1\.1\.1:35644" "-" x_forwarded_for:"10\.1\.1\.1" /);
    assert.match(rig.accessLog[0]!, /app_id:"-" app_index:"-" instance_id:"-"/);
    assert.deepEqual([rig.metrics.totalRequests, rig.metrics.responses2xx, rig.metrics.latency.count], [0, 1, 1]);
  });

  it("recommends https, cuts the fragment, asks for / where the URL has no path", async () => {
    const rig = bound({ route_services_recommend_https: true }, "https://rs.example.com:8443#part");
    await asked(rig, [["Connection", "X-CF-Proxy-Signature, X-Cf-Forwarded-Url"]]);
    assert.deepEqual(rig.sentValues("X-CF-Forwarded-Url"), ["https://test.com/"]);
    assert.equal(rig.sentValues("X-CF-Proxy-Signature").length, 1);
    assert.equal(rig.transport.sent[0]?.target, "/");
    assert.deepEqual(
      [rig.transport.sent[0]?.address, ...rig.sentValues("Host")],
      ["rs.example.com:8443", "rs.example.com:8443"],
    );
  });

  it("strips the signature from the answer, writes no session, and tells of a status outside 2xx", async () => {
    const rig = bound({ trace_key: "22" });
    rig.transport.script = () =>
      new FakeResponse(302, [
        ["X-CF-Proxy-Signature", "s"],
        ["X-CF-Proxy-Metadata", "m"],
        ["X-CF-Forwarded-Url", "u"],
        ["Set-Cookie", "JSESSIONID=1"],
      ]);
    const { headers } = await asked(rig, [["X-Vcap-Trace", "22"]]);
    assert.deepEqual(
      ["X-CF-Proxy-Signature", "X-CF-Proxy-Metadata", "X-CF-Forwarded-Url", "Set-Cookie"].map((name) =>
        headers.get(name),
      ),
      [null, "m", "u", "JSESSIONID=1"],
    );
    assert.deepEqual([headers.get("X-Vcap-Backend"), headers.get("X-Cf-RouteEndpoint")], ["", ""]);
    const line = rig.logger.lines.find(([, message]) => message === "route-service-response");
    assert.deepEqual(line?.[2], { "route-service-endpoint": service, "status-code": 302 });
  });

  it("is refused for a URL that is none", async () => {
    for (const [url, error] of [
      ["https://bad%20host.com", 'parse "https://bad%20host.com": invalid URL escape "%20"'],
      ["https://a:b/", 'parse "https://a:b/": invalid port ":b" after host'],
      ["https://a b/", 'parse "https://a b/": invalid character " " in host name'],
      ["https://a/%zz", 'parse "https://a/%zz": invalid URL escape "%zz"'],
    ] as const) {
      const rig = bound({}, url);
      const answer = await asked(rig);
      assert.deepEqual(
        [answer.status, contentOf(answer), answer.headers.get("X-Cf-Routererror")],
        [500, "500 Internal Server Error: Route service request failed.\n", null],
      );
      const line = rig.logger.lines.find(([, message]) => message === "route-service-failed");
      assert.equal(line?.[2]?.["error"], error);
    }
  });

  it("ends in 502 for a URL that cannot be dialled, with the lines of a failed attempt", async () => {
    for (const [url, error] of [
      ["httpsfoo://a/", 'unsupported protocol scheme "httpsfoo"'],
      ["https:///x", "http: no Host in request URL"],
      ["https://a:70000/", "dial tcp: address 70000: invalid port"],
    ] as const) {
      const rig = bound({ route_services: { max_attempts: 2 } }, url);
      assert.equal(bodyOf(await asked(rig)), `502 endpoint_failure (${error})`);
      assert.equal(rig.transport.sent.length, 0);
      const lines = rig.logger.lines.filter(([, message]) => message === "route-service-connection-failed");
      assert.deepEqual(
        lines.map(([, , data]) => [data?.["route-service-endpoint"], data?.["attempt"], data?.["error"]]),
        [1, 2].map((attempt) => [url, attempt, `incomplete request (${error})`]),
      );
      assert.match(rig.accessLog[0]!, / x_forwarded_for:"10\.1\.1\.1" /);
    }
  });

  it("tries again as often as route_services.max_attempts says, at least once", async () => {
    const refused = "dial tcp rs.example.com:443: connect: connection refused";
    for (const [configured, attempts] of [
      [0, 1],
      [3, 3],
    ] as const) {
      const rig = bound({ route_services: { max_attempts: configured }, backends: { max_attempts: 7 } });
      rig.transport.script = () => {
        throw new Failure("dial", "backend", "always", refused);
      };
      const answer = await asked(rig);
      assert.equal(bodyOf(answer), `502 endpoint_failure (${refused})`);
      assert.equal(contentOf(answer), "502 Bad Gateway: Registered endpoint failed to handle the request.\n");
      const lines = rig.logger.lines.filter(([, message]) => message === "route-service-connection-failed");
      assert.deepEqual([rig.transport.sent.length, lines.length], [attempts, attempts]);
      const data = lines.at(-1)?.[2];
      assert.deepEqual(
        [data?.["route-service-endpoint"], data?.["attempt"], data?.["error"], data?.["retriable"]],
        [service, attempts, refused, true],
      );
      assert.deepEqual([rig.metrics.badGateways, rig.metrics.responses5xx], [1, 1]);
    }
  });

  it("logs a timeout without an endpoint, and too many header lines by a name of its own", async () => {
    for (const [kind, message] of [
      ["deadline", "backend-request-timeout"],
      ["too-many-response-headers", "route-service-too-many-response-headers"],
    ] as const) {
      const rig = bound({ route_services: { max_attempts: 3 } });
      rig.transport.script = () => {
        throw new Failure(kind, "backend", "never", "reason");
      };
      assert.equal(bodyOf(await asked(rig)), "502 endpoint_failure (reason)");
      const line = rig.logger.lines.find(([, other]) => other === message);
      assert.equal(line?.[2]?.["error"], "reason");
      assert.equal(line?.[2]?.["route-endpoint"], undefined);
      assert.equal(rig.transport.sent.length, 1);
    }
  });

  it("ends in 499 when the client leaves while it is being signed", async () => {
    const rig = bound();
    const { client, answer } = rig.ask();
    client.observer!.aborted("client-gone");
    assert.equal((await answer).status, 499);
    assert.equal(rig.transport.sent.length, 0);
  });
});

describe("WebSocket on a route with a route service (rows 13, 14)", () => {
  const upgrade: Lines = [
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
  ];
  const refusal = "Websocket requests are not supported for routes bound to Route Services.";

  it("is refused unless route_services.enable_websockets", async () => {
    const rig = bound();
    for (const lines of [upgrade, [...upgrade, ...(await signed())]]) {
      const answer = await asked(rig, lines);
      assert.equal(bodyOf(answer), "503 route_service_unsupported");
      assert.equal(contentOf(answer), `503 Service Unavailable: ${refusal}\n`);
    }
    assert.equal(rig.transport.sent.length, 0);
  });

  it("becomes a tunnel with it, on both legs", async () => {
    const rig = bound({ route_services: { enable_websockets: true } });
    rig.transport.script = () => new FakeTunnel(upgrade);
    for (const lines of [upgrade, [...upgrade, ...(await signed())]]) {
      assert.equal((await asked(rig, lines)).status, 101);
      assert.deepEqual(rig.sentValues("Upgrade"), ["websocket"]);
    }
    assert.deepEqual(
      rig.transport.sent.map(({ address, timeoutMs }) => [address, timeoutMs]),
      [
        ["rs.example.com:443", 0],
        ["10.0.0.5:8080", 0],
      ],
    );
  });
});

describe("route services switched off (row 13)", () => {
  it("refuse routes that have one", async () => {
    const answer = await asked(bound({ route_services_secret: "" }));
    assert.equal(bodyOf(answer), "502 route_service_unsupported");
    assert.equal(contentOf(answer), "502 Bad Gateway: Support for route services is disabled.\n");
  });

  it("take every signature for invalid, and nothing panics (§1.4.1)", async () => {
    const rig = bound({ route_services_secret: "" });
    const answer = await asked(rig, await signed());
    assert.equal(
      contentOf(answer),
      "502 Bad Gateway: Failed to validate Route Service Signature: cipher: message authentication failed\n",
    );
    const unbound = new RouterRig();
    unbound.register("test.com");
    assert.equal((await asked(unbound, await signed())).status, 200);
    assert.equal(unbound.sentValues("X-CF-Proxy-Signature").length, 1);
    assert.deepEqual(unbound.sentValues("X-Forwarded-Proto"), ["http"]);
    assert.equal(
      [...rig.logger.lines, ...unbound.logger.lines].some(([, message]) => message === "panic-check"),
      false,
    );
  });
});

describe("internal route services (data-plane §8.7)", () => {
  const internal = "https://rs.apps.internal/auth?x=1";
  const hairpin = (allowlist: string[] = [], registered = "rs.apps.internal"): RouterRig => {
    const settings = { route_services_hairpinning: true, route_services_hairpinning_allowlist: allowlist };
    const rig = bound(settings, internal);
    rig.register(registered, { port: 9 });
    return rig;
  };
  const loop = "127.0.0.1:7070";
  const outside = "rs.apps.internal:443";

  for (const [name, allowlist, registered, expected] of [
    ["known", [], "rs.apps.internal", loop],
    ["known by its path", [], "rs.apps.internal/auth", loop],
    ["known by a wildcard", [], "*.internal", loop],
    ["unknown", [], "other.internal", outside],
    ["listed", ["RS.apps.internal"], "rs.apps.internal", loop],
    ["listed by a wildcard", ["*.apps.internal"], "rs.apps.internal", loop],
    ["not listed", ["x.apps.internal"], "rs.apps.internal", outside],
    ["not listed: a wildcard is one label", ["*.internal.com", "*.internal"], "rs.apps.internal", outside],
    ["not listed: the route's host counts", ["rs.apps.internal"], "*.internal", outside],
  ] as const) {
    it(`${name}: by way of ${expected}`, async () => {
      const rig = hairpin([...allowlist], registered);
      await asked(rig);
      assert.deepEqual(
        [rig.transport.sent[0]?.address, rig.transport.sent[0]?.target, ...rig.sentValues("Host")],
        [expected, "/auth?x=1", "rs.apps.internal"],
      );
    });
  }

  it("are external while route_services_hairpinning is off", async () => {
    const rig = bound({}, internal);
    rig.register("rs.apps.internal");
    await asked(rig);
    assert.equal(rig.transport.sent[0]?.address, outside);
  });
});

describe("routes without endpoints", () => {
  const reservation = { routeServiceUrl: "", withoutEndpoints: false, lifeSeconds: 0, isolationSegment: "" };

  it("answer 503 with Retry-After when they are reserved, never 404", async () => {
    const rig = new RouterRig({ empty_pool_response_code_503: false });
    rig.registry.reserve("test.com", reservation);
    const answer = await asked(rig);
    assert.equal(bodyOf(answer), "503 no_endpoints");
    assert.equal(
      contentOf(answer),
      "503 Service Unavailable: Requested route ('test.com') has no available endpoints.\n",
    );
    assert.deepEqual(
      [answer.headers.get("Retry-After"), answer.headers.get("Cache-Control")],
      ["5", "public,max-age=2"],
    );
    rig.registry.unreserve("test.com", reservation);
    assert.equal((await asked(rig)).status, 404);
  });

  it("ask their route service when configured or reserved so", async () => {
    for (const [settings, withoutEndpoints, status] of [
      [{}, false, 503],
      [{ route_services: { without_endpoints: true } }, false, 200],
      [{}, true, 200],
      [{ route_services_secret: "" }, true, 503],
    ] as const) {
      const rig = new RouterRig({ route_services_secret: secret, ...settings });
      rig.registry.reserve("test.com", { ...reservation, routeServiceUrl: service, withoutEndpoints });
      assert.equal((await asked(rig)).status, status);
      assert.equal(rig.transport.sent.length, status === 200 ? 1 : 0);
      if (status !== 200) continue;
      const answer = await asked(rig, await signed());
      assert.deepEqual([bodyOf(answer), answer.headers.get("Retry-After")], ["503 no_endpoints", "5"]);
      assert.equal((await asked(rig, await signed("http://other.com/"))).status, 502);
    }
  });
});
