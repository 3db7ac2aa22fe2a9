import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { runtime } from "#runtime";
import { HttpClient } from "../../../src/wire/http-client.ts";
import { TimerWheel } from "../../../src/wire/timer-wheel.ts";

/** What the server says to each request, in order; undefined: it closes the connection. */
type Script = (string | undefined)[];

describe(`the program's own HTTP client (${runtime.name})`, () => {
  const script: Script = [];
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  let connections = 0;

  before(async () => {
    server = createServer((socket) => {
      connections++;
      sockets.add(socket);
      socket.on("error", () => {});
      let held = "";
      socket.on("data", (bytes) => {
        held += bytes.toString("latin1");
        const head = held.indexOf("\r\n\r\n");
        const length = Number(/content-length: (\d+)/i.exec(held)?.[1] ?? 0);
        if (head < 0 || held.length < head + 4 + length) return;
        seen.push(held);
        held = "";
        const answer = script.shift();
        if (answer === undefined) socket.destroy();
        else if (answer !== "") socket.write(answer);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as { port: number }).port;
  });
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const client = (): HttpClient => {
    seen.length = 0;
    script.length = 0;
    connections = 0;
    const origin = new URL(`http://127.0.0.1:${port}/ignored`);
    return new HttpClient(runtime, new TimerWheel(runtime.clock), { origin, dialTimeoutMs: 5000, maxAnswerBytes: 100 });
  };
  const call = {
    method: "POST",
    target: "/a?b=%20",
    timeoutMs: 5000,
    headers: [["X-One", "1"]],
    body: "h\u00e9",
  } as const;

  it("sends and reads; the connection is kept", async () => {
    const http = client();
    script.push(ok("one"), "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
    assert.deepEqual(await http.send(call), { status: 200, body: "one" });
    assert.deepEqual(await http.send({ ...call, method: "GET", body: undefined }), { status: 503, body: "two" });
    assert.equal(
      seen[0],
      `POST /a?b=%20 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-One: 1\r\nContent-Length: 3\r\n\r\nh\u00c3\u00a9`,
    );
    assert.equal(seen[1], `GET /a?b=%20 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-One: 1\r\n\r\n`);
    assert.equal(connections, 1);
    http.close();
  });

  it("a kept connection that turns out to be dead: once more, on a new one", async () => {
    const http = client();
    script.push(ok("one"), undefined, ok("two"));
    await http.send(call);
    assert.equal((await http.send(call)).body, "two");
    assert.deepEqual([seen.length, connections], [3, 2]);
    http.close();
  });

  it("a new connection that is cut, no answer in time, an answer that is too long: errors", async () => {
    const http = client();
    script.push(undefined, "", ok("x".repeat(101)));
    await assert.rejects(http.send(call), { kind: "eof" });
    await assert.rejects(http.send({ ...call, timeoutMs: 50 }), { kind: "deadline" });
    await assert.rejects(http.send(call), { message: "the answer is longer than 100 bytes" });
    assert.equal(seen.length, 3);
    http.close();
  });
});
