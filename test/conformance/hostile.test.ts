import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { HOSTILE_MESSAGES, type HostileMessage } from "../fixtures/hostile-messages.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, exchange } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const phrases: Readonly<Record<number, string>> = { 501: "501 Not Implemented" };
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.b\r\n\r\n";

/** The whole answer of data-plane §1.2; the one to a strange `Expect` is the only one with a date. */
function wholeAnswer({ status, body = "" }: HostileMessage): RegExp | string {
  if (status === 417) {
    return /^HTTP\/1\.1 417 Expectation Failed\r\nConnection: close\r\nDate: [^\r\n]+ GMT\r\nContent-Length: 0\r\n\r\n$/;
  }
  const statusLine = phrases[status] ?? body;
  return `HTTP/1.1 ${statusLine}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${body}`;
}

const heads = HOSTILE_MESSAGES.filter(({ where }) => where === "head");
const bodies = HOSTILE_MESSAGES.filter(({ where }) => where === "body");

describe("hostile messages (architecture §8, data-plane §1.2)", () => {
  let router: RouterUnderTest;
  let backend: Backend;

  before(async () => {
    backend = await Backend.start(() => ok("served"));
    router = await startRouter("embedded");
    await router.register({ uris: ["a.b", "c.d"], port: backend.port });
  });
  after(async () => {
    await router?.stop();
    await backend?.stop();
  });

  it("serves the harmless sister of the messages, so that silence at the backend means something", async () => {
    backend.clear();
    const text = "POST /sister HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    assert.equal((await exchange(router.port, text)).body, "served");
    assert.equal(backend.requests[0]?.body, "hello");
  });

  for (const message of heads) {
    it(`head: ${message.name} → ${message.status}`, async () => {
      backend.clear();
      const complete = message.text.endsWith("\r\n\r\n");
      const connection = await Connection.open(router.port, message.text + (complete ? smuggled : ""));
      const received = await connection.toEnd();
      connection.close();
      const expected = wholeAnswer(message);
      if (typeof expected === "string") assert.equal(received, expected);
      else assert.match(received, expected);
      assert.deepEqual([backend.accepted, backend.received], [0, ""], "the backend must not hear of it");
    });
  }

  it("writes no access log line for any of them (data-plane §1.2)", async () => {
    assert.equal((await exchange(router.port, "GET /after HTTP/1.1\r\nHost: a.b\r\n\r\n")).status, 200);
    await router.accessLogged((line) => line.includes("GET /after "));
    assert.deepEqual(
      router.accessLog().map((line) => line.split('"')[1]),
      ["POST /sister HTTP/1.1", "GET /after HTTP/1.1"],
    );
  });

  for (const message of bodies) {
    it(`body: ${message.name} → 400, never complete at the backend`, async () => {
      backend.clear();
      const connection = await Connection.open(router.port, message.text + smuggled);
      const received = await connection.toEnd();
      connection.close();
      assert.match(received, /^HTTP\/1\.1 400 Bad Request[\r:]/);
      assert.equal(received.split("HTTP/1.1 ").length, 2, "exactly one answer");
      await assertNothingComplete(backend);
    });
  }

  it("body: a bad chunk behind good ones, in a packet of its own → 400, nothing after the bad byte", async () => {
    backend.clear();
    const connection = await Connection.open(
      router.port,
      "POST / HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
    );
    await condition(
      "the first chunk at the backend",
      () => backend.connections[0]?.received.includes("first") || undefined,
    );
    connection.write("6\r\nsecond\r\nX\r\nthird\r\n0\r\n\r\n");
    const received = await connection.toEnd();
    assert.match(received, /^HTTP\/1\.1 400 Bad Request[\r:]/);
    await assertNothingComplete(backend);
    assert.ok(!backend.connections[0]!.received.includes("third"));
  });
});

/** Connections to the backend are over, and none of them carried a complete message or the smuggled one. */
async function assertNothingComplete(backend: Backend): Promise<void> {
  await condition(
    "the end of connections to the backend",
    () => backend.connections.every(({ ended }) => ended) || undefined,
  );
  assert.equal(backend.requests.length, 0, "no complete request");
  for (const { received } of backend.connections) {
    assert.ok(!received.includes("\r\n0\r\n"), `no last chunk in ${JSON.stringify(received)}`);
    assert.ok(!received.includes("smuggled"), `nothing behind the bad byte in ${JSON.stringify(received)}`);
  }
}

describe("a bad body after the response began (architecture §8)", () => {
  let router: RouterUnderTest;
  let backend: Backend;

  before(async () => {
    backend = await Backend.start(() => undefined);
    router = await startRouter("embedded", { enable_http1_concurrent_read_write: true });
    await router.register({ uris: ["a.b"], port: backend.port });
  });
  after(async () => {
    await router?.stop();
    await backend?.stop();
  });

  it("closes both connections", async () => {
    backend.onData = (socket, { received }) => {
      if (received.endsWith("\r\n\r\n") || received.endsWith("first\r\n")) {
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n");
      }
    };
    const connection = await Connection.open(
      router.port,
      "POST / HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
    );
    await connection.text("early");
    connection.write("zz\r\nsecond\r\n0\r\n\r\n");
    const received = await connection.toEnd();
    assert.ok(received.startsWith("HTTP/1.1 200 OK\r\n"));
    assert.ok(!received.endsWith("0\r\n\r\n"), "the response must not look complete");
    await assertNothingComplete(backend);
  });
});
