import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { WebSocket } from "ws";
import { condition } from "./harness/condition.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";
import { WebSocketEcho } from "./harness/web-socket-echo.ts";

const host = "ws.test";

let router: RouterUnderTest;
let echo: WebSocketEcho;

before(async () => {
  echo = await WebSocketEcho.start();
  router = await startRouter("embedded");
  await router.register({ uris: [host], port: echo.port });
});
after(async () => {
  await router?.stop();
  await echo?.stop();
});

/** Opens a WebSocket through the router. */
async function open(path: string, protocols: string[] = []): Promise<WebSocket> {
  const url = `ws://127.0.0.1:${router.port}${path}`;
  const socket = new WebSocket(url, protocols, { headers: { Host: host }, maxPayload: 32 * 1024 * 1024 });
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return socket;
}

const message = (socket: WebSocket): Promise<{ data: Buffer; isBinary: boolean }> =>
  new Promise((resolve, reject) => {
    socket.once("message", (data, isBinary) => resolve({ data: data as Buffer, isBinary }));
    socket.once("close", (code) => reject(new Error(`closed with ${code}`)));
  });
const closed = (socket: WebSocket): Promise<string> =>
  new Promise((resolve) => socket.once("close", (code, reason) => resolve(`${code} ${reason}`)));

describe("a WebSocket conversation with npm's ws on both ends (issue B, acceptance 4; data-plane §6)", () => {
  it("text both ways, the subprotocol agreed on", async () => {
    const socket = await open("/text", ["chat.v2", "chat.v1"]);
    assert.equal(socket.protocol, "chat.v2");
    for (const text of ["hello", "", "żółw 🐢", "x".repeat(70_000)]) {
      const answer = message(socket);
      socket.send(text);
      const { data, isBinary } = await answer;
      assert.deepEqual([isBinary, data.toString()], [false, text]);
    }
    socket.terminate();
  });

  it("10 MB of binary, whole, both ways", async () => {
    const socket = await open("/binary");
    const bytes = randomBytes(10_000_000);
    const answer = message(socket);
    socket.send(bytes);
    const { data, isBinary } = await answer;
    assert.equal(isBinary, true);
    assert.ok(data.equals(bytes), "the bytes that were sent");
    socket.terminate();
  });

  it("compressed messages (permessage-deflate) pass as they are", async () => {
    const socket = await open("/deflate");
    const text = "again and again ".repeat(10_000);
    const answer = message(socket);
    socket.send(text, { compress: true });
    assert.equal((await answer).data.toString(), text);
    socket.terminate();
  });

  it("ping from either end is answered by the other", async () => {
    const before = new Set(echo.sockets);
    const socket = await open("/ping");
    const backend = [...echo.sockets].find((one) => !before.has(one))!;
    const pong = new Promise<string>((resolve) => socket.once("pong", (payload) => resolve(String(payload))));
    socket.ping("from client");
    assert.equal(await pong, "from client");
    assert.ok(echo.pings.includes("from client"), "the backend saw the ping");
    const back = new Promise<string>((resolve) => backend.once("pong", (payload) => resolve(String(payload))));
    backend.ping("from backend");
    assert.equal(await back, "from backend");
    socket.terminate();
  });

  for (const [code, reason] of [
    [1000, ""],
    [1001, "going away"],
    [3000, "registered"],
    [4999, "żółw"],
  ] as const) {
    it(`close ${code} from the client reaches the backend, from the backend the client`, async () => {
      const first = await open(`/close/client/${code}`);
      const own = closed(first);
      const count = echo.closes.length;
      first.close(code, reason);
      assert.equal(await own, `${code} ${reason}`, "the handshake came back");
      assert.equal(await condition("the backend's close", () => echo.closes[count]), `${code} ${reason}`);
      const second = await open(`/close/backend/${code}`);
      const theirs = closed(second);
      second.send(`close ${code} ${reason}`);
      assert.equal(await theirs, `${code} ${reason}`);
      const line = await router.accessLogged((text) => text.includes(`/close/backend/${code} `));
      assert.match(line, /" 101 /);
    });
  }

  it("the log line tells the header fields that the backend got", async () => {
    const socket = connect(router.port, "127.0.0.1");
    const lines = ["GET /logged HTTP/1.1", `Host: ${host}`, "Referer: http://from.test/", "User-Agent: agent"];
    lines.push("Connection: Upgrade, Referer", "Upgrade: websocket", "Sec-WebSocket-Version: 13");
    socket.write(`${[...lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="].join("\r\n")}\r\n\r\n`);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    const line = await router.accessLogged((text) => text.includes("/logged "));
    assert.match(line, / 101 0 0 "-" "agent" "127\.0\.0\.1:/);
    assert.match(line, / x_forwarded_for:"127\.0\.0\.1" x_forwarded_proto:"http" /);
  });

  it("a connection that is cut ends the other end too", async () => {
    const before = new Set(echo.sockets);
    const socket = await open("/cut");
    const backend = [...echo.sockets].find((one) => !before.has(one))!;
    const gone = closed(socket);
    backend.terminate();
    assert.equal(await gone, "1006 ");
    const count = echo.closes.length;
    const second = await open("/cut");
    second.terminate();
    assert.equal(await condition("the backend's end", () => echo.closes[count]), "1006 ");
  });
});
