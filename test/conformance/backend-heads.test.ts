import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, ok } from "./harness/backend.ts";
import { exchange, get } from "./harness/connection.ts";
import { assertLines } from "./harness/dated-lines.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

let nats: NatsServer;
let router: RouterUnderTest;
let one: Backend;

before(async () => {
  nats = await startNatsServer();
  one = await Backend.start(() => ok("one"));
  router = await startRouter(nats.port, { disable_keep_alives: false });
});
after(async () => {
  await router?.stop();
  await one?.stop();
  await nats?.stop();
});

describe("headers as the backend sees them (data-plane §13.1, §5.3; architecture §8)", () => {
  before(async () => {
    const identity = { app: "app-guid", private_instance_id: "inst-1", private_instance_index: "0" };
    await router.register({ uris: ["test.com"], port: one.port, ...identity });
  });
  after(() => router.unregister({ uris: ["test.com"], port: one.port }));

  /** The head that the backend gets, values that differ from run to run replaced. */
  async function seen(...lines: string[]): Promise<{ head: string; answer: readonly string[]; id: string }> {
    one.clear();
    const answer = await exchange(router.port, `${lines.join("\r\n")}\r\n\r\n`);
    const request = await one.request(1);
    const id = request.header("x-vcap-request-id") ?? "";
    assert.match(id, new RegExp(`^${uuid}$`));
    const head = request.head
      .replace(id, "UUID")
      .replace(/X-Request-Start: \d{13}\r\n/, "X-Request-Start: MILLISECONDS\r\n");
    return { head, answer: answer.lines.map((line) => line.replace(id, "UUID")), id };
  }

  it("the worked example: line order and spelling kept, the router's own lines behind", async () => {
    const { head, answer } = await seen(
      "GET /a%2Fb;c=1?x=1;y=2&z#frag HTTP/1.1",
      "Host: test.com:8080",
      "X-Foo: bar",
      "Accept: */*",
      "X-CF-ApplicationID: spoof",
      "Connection: X-Foo, keep-alive",
      "te: trailers, deflate",
    );
    assert.equal(
      head,
      [
        "GET /a%2Fb;c=1?x=1;y=2&z#frag HTTP/1.1",
        "Host: test.com:8080",
        "Accept: */*",
        "X-Vcap-Request-Id: UUID",
        "X-Forwarded-Proto: http",
        "Te: trailers",
        "X-Forwarded-For: 127.0.0.1",
        "X-Request-Start: MILLISECONDS",
        "X-Cf-Applicationid: app-guid",
        "X-Cf-Instanceid: inst-1",
        "X-Cf-Instanceindex: 0",
        "\r\n",
      ].join("\r\n"),
    );
    assertLines(answer, ["Content-Length: 3", "X-Vcap-Request-Id: UUID"]);
  });

  it("keeps odd spelling, repeated lines and bytes from 0x80; extends X-Forwarded-For; keeps X-Request-Start", async () => {
    const { head } = await seen(
      "weird-Method //a/../%7e?%zz HTTP/1.1",
      "x-ODD_name:   spaced \xe9  ",
      "hOST: test.com",
      "Cookie: a=1",
      "x-forwarded-for: 1.2.3.4",
      "X-Forwarded-Proto: https",
      "X-FORWARDED-FOR: 5.6.7.8",
      "X-Request-Start: 1",
      "Cookie: b=2",
      "X-CF-InstanceIndex: 9",
      "X-Vcap-Request-Id: mine",
    );
    const lines = head.split("\r\n");
    assert.equal(lines[0], "weird-Method http://test.com//a/../%7e?%zz HTTP/1.1");
    assert.match(lines[1]!, /^x-ODD_name: *spaced \xe9 *$/);
    assert.deepEqual(
      lines
        .filter((line) =>
          /^(hOST|Cookie|X-Request-Start|X-Forwarded-Proto|X-Cf-|X-CF-|X-Vcap|x-forwarded-for|X-F)/i.test(line),
        )
        .sort(),
      [
        "hOST: test.com",
        "Cookie: a=1",
        "X-Forwarded-Proto: https",
        "X-Request-Start: 1",
        "Cookie: b=2",
        "X-Vcap-Request-Id: UUID",
        "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 127.0.0.1",
        "X-Cf-Applicationid: app-guid",
        "X-Cf-Instanceid: inst-1",
        "X-Cf-Instanceindex: 0",
      ].sort(),
    );
    assert.ok(lines.indexOf("Cookie: a=1") < lines.indexOf("Cookie: b=2"));
  });

  it("an absolute target's host replaces the Host line; the target goes on as it came (data-plane §1.3, §5.1)", async () => {
    const { head } = await seen("GET http://test.com/x HTTP/1.1", "Host: other.example");
    const lines = head.split("\r\n");
    assert.equal(lines[0], "GET http://test.com/x HTTP/1.1");
    assert.deepEqual(
      lines.filter((line) => /^host:/i.test(line)),
      ["Host: test.com"],
    );
  });

  it("without keep-alive to backends the last line is Connection: close (data-plane §5.2)", async () => {
    const closing = await startRouter(nats.port, { disable_keep_alives: true });
    try {
      await closing.register({ uris: ["test.com"], port: one.port });
      one.clear();
      await get(closing.port, "test.com");
      const { head } = await one.request(1);
      assert.ok(head.endsWith("\r\nConnection: close\r\n\r\n"), head);
      assert.match(head, new RegExp(`\r\nX-Cf-Instanceid: 127\\.0\\.0\\.1:${one.port}\r\n`));
    } finally {
      await closing.stop();
    }
  });
});
