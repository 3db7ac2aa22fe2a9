import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StreamError } from "../../../src/runtime/interface/stream-error.ts";
import { createRig, readBody, TestOutgoing, TestSource, watch } from "../../fixtures/client-rig.ts";
import { settled } from "../../fixtures/memory-stream.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

describe("Transport.send: the request on the wire", () => {
  it("writes a request without a body in one go", async () => {
    const rig = createRig();
    const outgoing = new TestOutgoing("GET", "/a%2Fb/..//c?x=1;2", { headers: [["X-One", "1"]] });
    const result = await rig.send(outgoing);
    const [backend] = rig.connections;
    assert.equal(backend!.received, "GET /a%2Fb/..//c?x=1;2 HTTP/1.1\r\nHost: app.example.com\r\nX-One: 1\r\n\r\n");
    await backend!.say(ok);
    assert.equal(result.response!.status, 200);
    assert.equal(result.response!.statusText, "OK");
    assert.equal(readBody(result).text, "hi");
    const dialled = { host: "10.0.0.1", port: 8080, timeoutMs: 5000, keepAliveMs: 1000, tls: undefined };
    assert.deepEqual(rig.dials, [{ ...dialled, times: outgoing.attempt }]);
  });

  for (const [keepAliveProbeMs, keepAliveMs] of [
    [0, 15_000],
    [-1, undefined],
    [500, 1000],
    [1500, 2000],
  ] as const) {
    it(`has the kernel look for peers that are gone, told ${keepAliveProbeMs} ms (data-plane §4.7)`, async () => {
      const rig = createRig({ keepAliveProbeMs });
      await rig.send(new TestOutgoing("GET", "/"));
      assert.equal(rig.dials[0]!.keepAliveMs, keepAliveMs);
    });
  }

  it("says Content-Length: 0 for methods that announce a body, and nothing for others", async () => {
    const rig = createRig();
    const sent = async (method: string, headers: [string, string][]): Promise<string> => {
      await rig.send(new TestOutgoing(method, "/", { headers }));
      return rig.connections.at(-1)!.received;
    };
    for (const method of ["POST", "PUT", "PATCH"]) {
      for (const headers of [[], [["content-length", "0"]]] as [string, string][][]) {
        assert.equal((await sent(method, headers)).match(/content-length: 0\r\n/gi)?.length, 1, method);
      }
    }
    for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "FOO"]) {
      assert.doesNotMatch(await sent(method, [["Content-Length", "0"]]), /content-length/i);
    }
  });

  it("sends head and small body together, with the length as the client wrote it", async () => {
    const rig = createRig();
    const source = new TestSource(5, ["hello"], true);
    const outgoing = new TestOutgoing("POST", "/", { headers: [["content-LENGTH", "5"]], body: source });
    await rig.send(outgoing);
    const [backend] = rig.connections;
    assert.equal(backend!.received, "POST / HTTP/1.1\r\nHost: app.example.com\r\ncontent-LENGTH: 5\r\n\r\nhello");
    assert.equal(outgoing.attempt.bodyBytesTaken, 5);
    assert.equal(outgoing.attempt.wroteHead, true);
  });

  it("adds the length when the head has none", async () => {
    const rig = createRig();
    await rig.send(new TestOutgoing("GET", "/", { body: new TestSource(2, ["hi"], true) }));
    assert.match(rig.connections[0]!.received, /\r\nContent-Length: 2\r\n\r\nhi$/);
  });

  it("sends a body of unknown length in chunks", async () => {
    const rig = createRig();
    const source = new TestSource(-1, ["hello"]);
    const contradicting: [string, string][] = [
      ["Content-Length", "9"],
      ["Transfer-Encoding", "gzip, chunked"],
    ];
    await rig.send(new TestOutgoing("PUT", "/", { headers: contradicting, body: source }));
    const [backend] = rig.connections;
    const head = "PUT / HTTP/1.1\r\nHost: app.example.com\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert.equal(backend!.received, `${head}5\r\nhello\r\n`);
    source.feed("x".repeat(26));
    source.feed("");
    source.sink!.end(undefined);
    await settled();
    assert.equal(backend!.received, `${head}5\r\nhello\r\n1a\r\n${"x".repeat(26)}\r\n0\r\n\r\n`);
  });

  it("sends a chunked body that is complete, or empty, with its end", async () => {
    for (const [pieces, body] of [
      [["ab", "c"], "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"],
      [["ab"], "2\r\nab\r\n0\r\n\r\n"],
      [[], "0\r\n\r\n"],
    ] as [string[], string][]) {
      const rig = createRig();
      await rig.send(new TestOutgoing("POST", "/", { body: new TestSource(-1, pieces, true) }));
      const { received } = rig.connections[0]!;
      assert.equal(received.slice(received.indexOf("\r\n\r\n") + 4), body);
    }
  });

  it("forwards pieces as they come and stops the source while the backend does not read", async () => {
    const rig = createRig();
    const source = new TestSource(300_000, []);
    await rig.send(new TestOutgoing("POST", "/", { body: source }));
    const [backend] = rig.connections;
    backend!.discard = true;
    const before = backend!.receivedBytes;
    backend!.stream.pause();
    assert.equal(source.feed("x".repeat(100_000)), false);
    await settled();
    assert.equal(source.resumes, 0);
    backend!.stream.resume();
    await settled();
    assert.equal(source.resumes, 1);
    source.feed("x".repeat(200_000));
    source.sink!.end(undefined);
    await settled();
    assert.equal(backend!.receivedBytes - before, 300_000);
    assert.equal(source.cancelled, false);
  });

  it("takes the body of a platform Request", async () => {
    const rig = createRig();
    const request = new Request("http://app.example.com/", { method: "POST", body: "hello" });
    const known = watch(
      rig.transport.send(rig.endpoint, new TestOutgoing("POST", "/", { request, headers: [["Content-Length", "5"]] })),
    );
    while (!rig.connections[0]?.received.endsWith("hello")) await settled();
    assert.match(rig.connections[0].received, /Content-Length: 5\r\n\r\nhello$/);
    await rig.connections[0].say(ok);
    assert.equal(known.response!.status, 200);

    const chunked = new Request("http://app.example.com/", { method: "POST", body: "hello" });
    watch(rig.transport.send(rig.endpoint, new TestOutgoing("POST", "/", { request: chunked })));
    while (!rig.connections.at(-1)!.received.endsWith("0\r\n\r\n")) await settled();
    assert.match(rig.connections.at(-1)!.received, /Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
  });

  it("says Connection: close last, and uses no connection twice, when keep-alive is off", async () => {
    const rig = createRig({ keepAlive: false });
    for (let i = 0; i < 2; i++) {
      const result = await rig.send(new TestOutgoing("POST", "/", {}));
      const backend = rig.connections[i]!;
      assert.match(backend.received, /Content-Length: 0\r\nConnection: close\r\n\r\n$/);
      await backend.say(ok);
      assert.equal(readBody(result).ends, 1);
      await settled();
      assert.equal(backend.gone, true);
    }
    assert.equal(rig.connections.length, 2);
  });

  it("does not say Connection: close beside an upgrade", async () => {
    const rig = createRig({ keepAlive: false });
    await rig.send(new TestOutgoing("GET", "/", { upgrade: true, headers: [["Connection", "Upgrade"]] }));
    assert.doesNotMatch(rig.connections[0]!.received, /close/);
  });

  it("refuses a body that an attempt before has taken", async () => {
    const rig = createRig();
    const source = new TestSource(5);
    source.taken = true;
    const result = await rig.send(new TestOutgoing("POST", "/", { body: source, timeoutMs: 10 }));
    assert.equal(result.failure!.kind, "body-taken");
    assert.match(result.failure!.message, /http: ContentLength=5 with Body length 0$/);
    assert.equal(rig.dials.length, 0);
  });

  it("closes the backend connection when the client's body breaks off, is too short or too long", async () => {
    for (const broken of ["short", "long"] as const) {
      const rig = createRig();
      const source = new TestSource(5, ["abc"]);
      const result = await rig.send(new TestOutgoing("POST", "/", { body: source }));
      if (broken === "short") source.sink!.end(undefined);
      else source.feed("defg");
      await settled();
      assert.equal(result.failure!.kind, "request-body", broken);
      assert.equal(result.failure!.source, "client");
      assert.match(result.failure!.message, /ContentLength=5 with Body length [37]/);
      assert.equal(rig.connections[0]!.gone, true);
      assert.equal(rig.connections[0]!.received.endsWith("abc"), true);
    }
  });
});

describe("Transport.send: dialling", () => {
  const cases: [StreamError, kind: string, text: string][] = [
    [new StreamError("refused", "x"), "dial", "dial tcp 10.0.0.1:8080: connect: connection refused"],
    [new StreamError("timed-out", "x"), "dial", "dial tcp 10.0.0.1:8080: i/o timeout"],
    [new StreamError("name-not-found", "x"), "dial", "dial tcp: lookup 10.0.0.1: no such host"],
    [new StreamError("unreachable", "x"), "dial", "dial tcp 10.0.0.1:8080: connect: no route to host"],
    [
      new StreamError("unreachable", "x", { code: "ENETUNREACH" }),
      "dial",
      "dial tcp 10.0.0.1:8080: connect: network is unreachable",
    ],
    [
      new StreamError("unreachable", "x", { code: "EADDRNOTAVAIL" }),
      "dial",
      "dial tcp 10.0.0.1:8080: connect: cannot assign requested address",
    ],
    [new StreamError("other", "x", { code: "EINVAL" }), "dial", "dial tcp 10.0.0.1:8080: connect: invalid argument"],
    [new StreamError("other", "odd"), "dial", "dial tcp 10.0.0.1:8080: odd"],
  ];
  for (const [error, kind, text] of cases) {
    it(`tells operators: ${text}`, async () => {
      const rig = createRig();
      rig.refusals.push(error);
      const outgoing = new TestOutgoing("POST", "/", { body: new TestSource(3, ["abc"], true) });
      const { failure } = await rig.send(outgoing);
      assert.equal(failure!.kind, kind);
      assert.equal(failure!.message, text);
      assert.equal(failure!.retry, "always");
      assert.equal(outgoing.attempt.gotConnection, false);
      assert.equal(outgoing.attempt.bodyBytesTaken, 0);
      assert.equal(outgoing.request.body, null);
      assert.equal(outgoing.sending, undefined);
    });
  }

  it("tells a lack of descriptors apart: another attempt would not help", async () => {
    const rig = createRig();
    rig.refusals.push(new StreamError("descriptors", "x"));
    const { failure } = await rig.send(new TestOutgoing("GET", "/"));
    assert.deepEqual([failure!.kind, failure!.source, failure!.retry], ["descriptors", "router", "never"]);
  });

  it("leaves the body for another attempt when the dial failed", async () => {
    const rig = createRig();
    rig.refusals.push(new StreamError("refused", "x"));
    const body = new TestSource(3, ["abc"], true);
    await rig.send(new TestOutgoing("POST", "/", { body }));
    assert.equal(body.taken, false);
    const again = await rig.send(new TestOutgoing("POST", "/", { body }));
    await rig.connections[0]!.say(ok);
    assert.equal(again.response!.status, 200);
  });

  it("notes the facts of the attempt", async () => {
    const rig = createRig();
    rig.holdDials = true;
    const outgoing = new TestOutgoing("GET", "/");
    await rig.send(outgoing);
    assert.equal(outgoing.attempt.gotConnection, false);
    rig.clock.turn(7);
    await rig.letDialsPass();
    const { attempt } = outgoing;
    assert.deepEqual(
      [attempt.gotConnection, attempt.reused, attempt.wroteHead, attempt.dialMs, attempt.localAddress],
      [true, false, true, 7, "10.0.0.9:50000"],
    );
  });

  it("takes the brackets off an IPv6 host", async () => {
    const rig = createRig({}, { host: "[::1]", port: 99 });
    rig.refusals.push(new StreamError("refused", "x"));
    const { failure } = await rig.send(new TestOutgoing("GET", "/"));
    assert.equal(rig.dials[0]!.host, "::1");
    assert.equal(failure!.message, "dial tcp [::1]:99: connect: connection refused");
  });
});

describe("Transport.send: TLS to backends", () => {
  const authorities = ["PEM"];
  const options = { tls: () => ({ serverName: "app-1", authorities }) };
  const failing = async (error: StreamError): Promise<[string, string, string]> => {
    const rig = createRig(options, { tls: true });
    rig.refusals.push(error);
    const { failure } = await rig.send(new TestOutgoing("GET", "/"));
    assert.deepEqual(rig.dials[0]!.tls, { serverName: "app-1", authorities });
    return [failure!.kind, failure!.retry, failure!.message];
  };
  const verify = "tls: failed to verify certificate: x509:";
  const cases: [StreamError, kind: string, text: string][] = [
    [
      new StreamError("refused", "x", { syscall: "connect" }),
      "dial",
      "dial tcp 10.0.0.1:8080: connect: connection refused",
    ],
    [new StreamError("timed-out", "x", { syscall: "connect" }), "dial", "dial tcp 10.0.0.1:8080: i/o timeout"],
    [new StreamError("timed-out", "x"), "tls-timeout", "net/http: TLS handshake timeout"],
    [new StreamError("tls-not-tls", "x"), "tls-not-tls", "tls: first record does not look like a TLS handshake"],
    [
      new StreamError("tls-name", "x", { reason: "certificate is valid for a, b, not app-1" }),
      "tls-name",
      `${verify} certificate is valid for a, b, not app-1`,
    ],
    [new StreamError("tls-untrusted", "x", { reason: "why" }), "tls-untrusted", `${verify} why`],
    [new StreamError("tls-expired", "x", { reason: "when" }), "tls-untrusted", `${verify} when`],
    [
      new StreamError("tls-alert-certificate", "x", { code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" }),
      "tls-alert-certificate",
      "remote error: tls: certificate required",
    ],
    [
      new StreamError("tls-alert-certificate", "x", { code: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA" }),
      "tls-alert-certificate",
      "remote error: tls: unknown certificate authority",
    ],
    [
      new StreamError("tls-alert-handshake", "x", { code: "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE" }),
      "tls-alert-handshake",
      "remote error: tls: handshake failure",
    ],
    [
      new StreamError("tls-other", "x", { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" }),
      "tls-other",
      "remote error: tls: protocol version not supported",
    ],
    [new StreamError("tls-other", "x", { code: "ERR_SSL_BAD_RECORD_TYPE" }), "tls-other", "tls: x"],
    [new StreamError("ended", "x"), "eof", "EOF"],
  ];
  for (const [error, kind, text] of cases) {
    it(`tells ${error.kind}${error.syscall && ` in ${error.syscall}`} as ${kind}: ${text}`, async () => {
      assert.deepEqual(await failing(error), [kind, "always", text]);
    });
  }

  it("speaks plain HTTP to endpoints that are not registered with TLS", async () => {
    const rig = createRig(options);
    await rig.send(new TestOutgoing("GET", "/"));
    assert.equal(rig.dials[0]!.tls, undefined);
  });
});
