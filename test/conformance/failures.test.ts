import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { readAccessLog } from "./harness/access-log.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, exchange, get, type RawResponse } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const endpointBody = "502 Bad Gateway: Registered endpoint failed to handle the request.\n";
const broken = "net/http: HTTP/1.x transport connection broken: ";

let router: RouterUnderTest;
let backend: Backend;

before(async () => {
  backend = await Backend.start(() => undefined);
  router = await startRouter("embedded", {
    disable_keep_alives: false,
    backends: { max_attempts: 3 },
    endpoint_timeout: "2s",
    max_response_header_bytes: 4096,
    extra_headers_to_log: ["X-Foo", "User-Agent"],
    logging: { level: "debug", extra_access_log_fields: ["failed_attempts", "local_address", "dial_time"] },
  });
  await router.register({ uris: ["a.b"], port: backend.port });
});
after(async () => {
  await router?.stop();
  await backend?.stop();
});
beforeEach(() => {
  backend.clear();
  backend.answer = () => ok("ok");
  backend.onData = () => {};
});

/** Checks the whole answer to a request whose last attempt failed (data-plane §2.3, §13.2). */
function assertEndpointFailure(answer: RawResponse, error: string | RegExp): void {
  assert.equal(answer.statusLine, "HTTP/1.1 502 Bad Gateway");
  assert.equal(answer.body, endpointBody);
  const text = answer.header("x-cf-routererror") ?? "";
  if (typeof error === "string") assert.equal(text, `endpoint_failure (${error})`);
  else assert.match(text, error);
  assert.deepEqual(
    answer.lines.filter((line) => !line.startsWith("Date: ") && !line.startsWith("X-Cf-Routererror: ")),
    [
      "Content-Type: text/plain; charset=utf-8",
      "X-Content-Type-Options: nosniff",
      `Content-Length: ${endpointBody.length}`,
    ],
  );
}

describe("dead backends (data-plane §2.3, §4)", () => {
  it("reset, of a host registered by its name: the text has the addresses of the connection", async () => {
    await router.register({ uris: ["named.test"], host: "localhost", port: backend.port });
    backend.onData = (socket) => socket.resetAndDestroy();
    const answer = await exchange(router.port, "POST / HTTP/1.1\r\nHost: named.test\r\nContent-Length: 0\r\n\r\n");
    const ends = `127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${backend.port}`;
    const text = `^endpoint_failure \\(read tcp ${ends}: read: connection reset by peer\\)$`;
    assertEndpointFailure(answer, new RegExp(text));
  });

  it("refused: 502 with the exact bytes; the connection goes on", async () => {
    const port = await deadPort();
    await router.register({ uris: ["dead.test"], port });
    const connection = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: dead.test\r\n\r\n");
    assertEndpointFailure(await connection.response(), `dial tcp 127.0.0.1:${port}: connect: connection refused`);
    connection.write("GET / HTTP/1.1\r\nHost: a.b\r\n\r\n");
    assert.equal((await connection.response()).status, 200);
    connection.close();
    const failed = await router.program.logged("backend-endpoint-failed", (line) =>
      JSON.stringify(line.data).includes(`127.0.0.1:${port}`),
    );
    assert.equal(failed.log_level, 3);
    const { data } = failed;
    assert.deepEqual(data?.["route-endpoint"], {
      ApplicationId: "",
      Addr: `127.0.0.1:${port}`,
      Tags: null,
      RouteServiceUrl: "",
      AZ: "",
    });
    assert.deepEqual(
      [
        data?.["attempt"],
        data?.["num-endpoints"],
        data?.["got-connection"],
        data?.["wrote-headers"],
        data?.["retriable"],
      ],
      [1, 1, false, false, true],
    );
    assert.equal(data?.["error"], `incomplete request (dial tcp 127.0.0.1:${port}: connect: connection refused)`);
    const marked = await router.program.logged("endpoint-marked-as-ineligible");
    assert.equal(marked.log_level, 3);
  });

  it("is retried on the other, whatever the method; the dead one is passed over then (§3.3, §4.1)", async () => {
    const port = await deadPort();
    await router.register({ uris: ["half.test"], port });
    await router.register({ uris: ["half.test"], port: backend.port });
    backend.answer = ({ body }) => ok(`got ${body}`);
    for (let at = 0; at < 6; at++) {
      const text = "POST / HTTP/1.1\r\nHost: half.test\r\nContent-Length: 4\r\n\r\nbody";
      assert.equal((await exchange(router.port, text)).body, "got body");
    }
    const failures = (await router.settledLogLines()).filter(
      ({ message, data }) =>
        message === "backend-endpoint-failed" && JSON.stringify(data).includes(`127.0.0.1:${port}`),
    );
    assert.equal(failures.length, 1, "marked after the first failure");
  });

  it("closed without reply: EOF; a GET is tried again, a POST is not (§4.4)", async () => {
    let attempts = 0;
    backend.answer = ({ socket }) => {
      attempts++;
      socket.end();
      return undefined;
    };
    await router.register({ uris: ["eof.test"], port: backend.port });
    assertEndpointFailure(
      await exchange(router.port, "POST / HTTP/1.1\r\nHost: eof.test\r\nContent-Length: 1\r\n\r\nx"),
      "EOF",
    );
    assert.equal(attempts, 1);
    // With one endpoint there is one attempt; with a second address of the same backend there are two.
    const other = await Backend.start(() => ok("other"));
    await router.register({ uris: ["eof.test"], port: other.port });
    for (let at = 0; at < 4; at++) assert.equal((await get(router.port, "eof.test")).body, "other");
    await other.stop();
  });

  it("a reused connection that the backend closed meanwhile costs nobody a request (§4.8)", async () => {
    const sockets: { destroy(): void }[] = [];
    backend.answer = ({ socket }) => {
      sockets.push(socket);
      return ok("served");
    };
    for (let at = 0; at < 10; at++) {
      assert.equal((await get(router.port, "a.b")).body, "served");
      for (const socket of sockets.splice(0)) socket.destroy();
    }
  });

  it("endpoint_timeout before the head: 502 context deadline exceeded, logged (§4.7)", async () => {
    backend.answer = () => undefined;
    const began = performance.now();
    assertEndpointFailure(await get(router.port, "a.b"), "context deadline exceeded");
    // A busy machine may take longer; without the timeout there is no answer.
    const took = performance.now() - began;
    assert.ok(took > 1900, `took ${took} ms`);
    const { data } = await router.program.logged("backend-request-timeout");
    assert.equal(data?.["error"], "context deadline exceeded");
  });
});

describe("answers that are none (architecture §8, data-plane §5.5)", () => {
  const bad: readonly [name: string, text: string, error: string | RegExp][] = [
    ["garbage", "SSH-2.0-OpenSSH\r\n\r\n", /malformed HTTP/],
    [
      "differing lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
      /^endpoint_failure \(/,
    ],
    [
      "another transfer coding",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxy",
      `${broken}unsupported transfer encoding: "gzip"`,
    ],
    ["a control byte in a value", "HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n", /^endpoint_failure \(/],
    ["a NUL in a name", "HTTP/1.1 200 OK\r\nX\0: a\r\nContent-Length: 0\r\n\r\n", /^endpoint_failure \(/],
    ["a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", /^endpoint_failure \(/],
    [
      "a head above the limit",
      `HTTP/1.1 200 OK\r\nX: ${"x".repeat(5000)}\r\nContent-Length: 0\r\n\r\n`,
      `${broken}net/http: server response headers exceeded 4096 bytes; aborted`,
    ],
  ];
  for (const [name, text, error] of bad) {
    it(`${name}: 502`, async () => {
      backend.answer = () => text;
      assertEndpointFailure(await get(router.port, "a.b"), error);
    });
  }

  const regular: readonly [name: string, text: string][] = [
    ["LF line ends", "HTTP/1.1 200 OK\nX-A: b\nContent-Length: 2\n\nok"],
    ["folding", "HTTP/1.1 200 OK\r\nX-A:\r\n  b\r\nContent-Length: 2\r\n\r\nok"],
    [
      "a name with a blank (the line is dropped)",
      "HTTP/1.1 200 OK\r\nX A: evil\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok",
    ],
    ["no phrase", "HTTP/1.1 200\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok"],
    ["another version", "HTTP/7.3 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok"],
    ["equal lengths", "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"],
    [
      "length beside chunked",
      "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
  ];
  for (const [name, text] of regular) {
    it(`${name}: made regular, connection not reused`, async () => {
      backend.answer = () => text;
      const answer = await get(router.port, "a.b");
      assert.deepEqual([answer.statusLine, answer.body, answer.header("x-a")], ["HTTP/1.1 200 OK", "ok", "b"]);
      assert.ok(!answer.lines.some((line) => line.includes("evil")));
      assert.ok(answer.lines.filter((line) => /^content-length:/i.test(line)).length <= 1);
      assert.ok(!(answer.chunked && answer.header("content-length") !== undefined));
      await condition("the end of the connection", () => seenEnded() || undefined);
    });
  }

  it("bytes behind a complete body are dropped and the connection is not reused", async () => {
    backend.answer = () => `${ok("fine")}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`;
    assert.equal((await get(router.port, "a.b")).body, "fine");
    backend.answer = () => ok("fresh");
    assert.equal((await get(router.port, "a.b")).body, "fresh");
  });

  it("a body that ends early: the client's connection is closed, nothing made up (§2.4)", async () => {
    backend.answer = ({ socket }) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      return undefined;
    };
    const connection = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n");
    const text = await connection.toEnd();
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.ok(text.endsWith("\r\n\r\nhalf"), text);
    connection.close();
  });

  it("a bad chunk: the client's connection is closed without the last chunk (§2.4)", async () => {
    backend.answer = () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n0\r\n\r\n";
    const connection = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n");
    const text = await connection.toEnd();
    assert.ok(!text.endsWith("0\r\n\r\n"), text);
    connection.close();
  });
});

/** The connection that brought something since the last `clear` is over. */
const seenEnded = (): boolean =>
  backend.connections.filter(({ received }) => received !== "").every(({ ended }) => ended);

describe("the client goes away (data-plane §4.9)", () => {
  for (const [how, leave] of [
    ["closes", (connection: Connection) => connection.socket.destroy()],
    ["half-closes", (connection: Connection) => connection.socket.end()],
    ["resets", (connection: Connection) => connection.socket.resetAndDestroy()],
  ] as const) {
    it(`${how} while waiting: backend connection closed, 499 in the log`, async () => {
      backend.answer = () => undefined;
      const connection = await Connection.open(router.port, `GET /${how} HTTP/1.1\r\nHost: a.b\r\n\r\n`);
      await backend.request(1);
      leave(connection);
      await condition("the end at the backend", () => seenEnded() || undefined);
      const line = readAccessLog(await router.accessLogged((one) => one.includes(`GET /${how} `)));
      assert.equal(line.status, "499");
      assert.equal(line.named.get("x_cf_routererror"), "endpoint_failure (context canceled)");
      connection.close();
    });
  }

  it("in the middle of its body: 499, the backend never sees a complete message", async () => {
    const connection = await Connection.open(
      router.port,
      "POST /cut HTTP/1.1\r\nHost: a.b\r\nContent-Length: 9\r\n\r\nhalf",
    );
    await condition("the half", () => backend.received.endsWith("half") || undefined);
    connection.close();
    await condition("the end at the backend", () => seenEnded() || undefined);
    assert.equal(backend.requests.length, 0);
    assert.equal(readAccessLog(await router.accessLogged((one) => one.includes("POST /cut "))).status, "499");
  });
});

describe("access log line (data-plane §9)", () => {
  const seconds = /^\d+\.\d{6}$/;

  it("has every field of the reference, exactly", async () => {
    await router.register({
      uris: ["log.test"],
      port: backend.port,
      app: "app-guid",
      private_instance_id: "inst-1",
      private_instance_index: "2",
    });
    backend.answer = () => ok("12345");
    const connection = await Connection.open(
      router.port,
      'POST /p%2F?q=1;x HTTP/1.1\r\nHost: log.test:8080\r\nReferer: http://r/"q"\\\r\nUser-Agent: a\tb\xc3\xa9\xff\r\n' +
        "X-Forwarded-For: 9.9.9.9\r\nX-Foo: first\r\nX-Foo: second\r\nContent-Length: 3\r\n\r\nabc",
    );
    const answer = await connection.response();
    const text = await router.accessLogged((line) => line.includes("/p%2F"));
    const line = readAccessLog(text);
    assert.equal(line.host, "log.test:8080");
    assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.deepEqual(
      [line.request, line.status, line.requestBytes, line.responseBytes],
      ["POST /p%2F?q=1;x HTTP/1.1", "200", "3", "5"],
    );
    assert.equal(line.referer, 'http://r/\\"q\\"\\\\');
    assert.equal(Buffer.from(line.userAgent).toString(), "a\\tb\u00e9\\xff");
    assert.deepEqual([line.client, line.backend], [connection.localAddress, `127.0.0.1:${backend.port}`]);
    assert.deepEqual(
      [...line.named.keys()],
      [
        "x_forwarded_for",
        "x_forwarded_proto",
        "vcap_request_id",
        "response_time",
        "gorouter_time",
        "app_id",
        "app_index",
        "instance_id",
        "failed_attempts",
        "local_address",
        "dial_time",
        "x_cf_routererror",
        "x_foo",
        "user_agent",
      ],
    );
    const named = (name: string): string => line.named.get(name) ?? "";
    assert.equal(named("x_forwarded_for"), "9.9.9.9, 127.0.0.1");
    assert.equal(named("x_forwarded_proto"), "http");
    assert.equal(named("vcap_request_id"), answer.header("x-vcap-request-id"));
    for (const name of ["response_time", "gorouter_time", "dial_time"]) assert.match(named(name), seconds, name);
    assert.deepEqual([named("app_id"), named("app_index"), named("instance_id")], ["app-guid", "2", "inst-1"]);
    assert.equal(named("failed_attempts"), "0");
    assert.match(named("local_address"), /^127\.0\.0\.1:\d+$/);
    assert.equal(named("x_cf_routererror"), "deprecated-semicolon-params");
    assert.equal(named("x_foo"), "first");
    connection.close();
  });

  it("counts de-chunked bytes, both ways", async () => {
    backend.answer = () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    const body = "1\r\nx\r\n4\r\nyyyy\r\n0\r\n\r\n";
    await exchange(router.port, `POST /counted HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    const line = readAccessLog(await router.accessLogged((one) => one.includes("/counted")));
    assert.deepEqual([line.requestBytes, line.responseBytes], ["5", "7"]);
  });

  it("of a request without route and Host (data-plane §13.2)", async () => {
    const connection = await Connection.open(router.port, "GET /nohost HTTP/1.0\r\n\r\n");
    await connection.toEnd();
    const line = await router.accessLogged((one) => one.includes("/nohost"));
    assert.match(
      line,
      /^ - \[[^\]]+\] "GET \/nohost HTTP\/1\.0" 400 0 47 "-" "-" "127\.0\.0\.1:\d+" "-" x_forwarded_for:"-" x_forwarded_proto:"-" vcap_request_id:"[0-9a-f-]{36}" response_time:\d\.\d{6} gorouter_time:0\.000000 app_id:"-" app_index:"-" instance_id:"-" failed_attempts:0 local_address:"-" dial_time:"-" x_cf_routererror:"empty_host" x_foo:"-" user_agent:"-"$/,
    );
    connection.close();
  });

  it("URIs: escaped as needed, absolute targets without scheme and host, a lone ? kept (§9.4)", async () => {
    for (const [target, logged] of [
      ["/<x>", "/%3Cx%3E"],
      ["/\xc3\xa9", "/%C3%A9"],
      ["/#a", "/%23a"],
      ["/\xc3\xa9%2fb%41", "/%C3%A9/bA"],
      ["http://a.b", "/"],
      ["http://a.b/abs?q", "/abs?q"],
      ["/lone?", "/lone?"],
    ]) {
      const count = router.accessLog().length;
      await exchange(router.port, `GET ${target} HTTP/1.1\r\nHost: a.b\r\n\r\n`);
      const line = await condition(`the line of ${target}`, () => router.accessLog()[count]);
      assert.equal(readAccessLog(line).request, `GET ${logged} HTTP/1.1`);
    }
  });
});
