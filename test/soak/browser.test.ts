import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { condition } from "../conformance/harness/condition.ts";
import { type RouterUnderTest, startRouter } from "../conformance/harness/router.ts";
import { WebSocketEcho } from "../conformance/harness/web-socket-echo.ts";

const html = `<!doctype html><title>Causeway</title><h1>through the router</h1>
<form method="post" action="/form"><input name="word" value="żółw"><button>Send</button></form>`;

let router: RouterUnderTest;
let site: Server;
let echo: WebSocketEcho;
let browser: Browser;
let page: Page;

before(async () => {
  echo = await WebSocketEcho.start();
  site = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    if (request.url === "/events") {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("data: one\n\n");
      response.write("data: two\n\n");
      return;
    }
    let body = "";
    request.on("data", (bytes) => {
      body += bytes;
    });
    request.on("end", () => response.end(request.method === "POST" ? `<p>${decodeURIComponent(body)}</p>` : html));
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  router = await startRouter("embedded", { disable_keep_alives: false, logging: { level: "error" } });
  // Browsers resolve names under localhost themselves, so the routes can have hosts of their own.
  await router.register({ uris: ["site.localhost"], port: (site.address() as AddressInfo).port });
  await router.register({ uris: ["socket.localhost"], port: echo.port });
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--host-resolver-rules=MAP *.localhost 127.0.0.1",
    ],
  });
  page = await browser.newPage();
});
after(async () => {
  await browser?.close();
  await router?.stop();
  await echo?.stop();
  site?.closeAllConnections();
  await new Promise((resolve) => site?.close(resolve));
});

describe("headless Chromium through the router (issue B, acceptance 4 and 6)", () => {
  it("loads a page and sends its form", async () => {
    const answer = await page.goto(`http://site.localhost:${router.port}/`);
    assert.equal(answer?.status(), 200);
    assert.equal(await page.textContent("h1"), "through the router");
    await page.click("button");
    assert.equal(await page.textContent("p"), "word=żółw");
  });

  it("gets server-sent events while the response goes on", async () => {
    await page.goto(`http://site.localhost:${router.port}/`);
    const events = await page.evaluate(
      () =>
        new Promise<string[]>((resolve, reject) => {
          const source = Reflect.construct(EventSource, ["/events"]) as EventSource;
          const got: string[] = [];
          source.onerror = () => reject(new Error("the event stream failed"));
          source.onmessage = ({ data }) => {
            got.push(data as string);
            if (got.length === 2) {
              source.close();
              resolve(got);
            }
          };
        }),
    );
    assert.deepEqual(events, ["one", "two"]);
  });

  it("has a WebSocket conversation: text, 10 MB of binary, close code", async () => {
    await page.goto(`http://site.localhost:${router.port}/`);
    const url = `ws://socket.localhost:${router.port}/chromium`;
    const count = echo.closes.length;
    const result = await page.evaluate(
      (target) =>
        new Promise<{ text: string; sums: number[]; code: number; reason: string }>((resolve, reject) => {
          const socket = Reflect.construct(WebSocket, [target]) as WebSocket;
          socket.binaryType = "arraybuffer";
          const bytes = new Uint8Array(10_000_000);
          for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 8)) & 255;
          const sum = (of: Uint8Array): number => of.reduce((total, byte, at) => (total + byte * (at % 251)) | 0, 0);
          let text = "";
          let sums: number[] = [];
          socket.onerror = () => reject(new Error("the WebSocket failed"));
          socket.onopen = () => socket.send("żółw");
          socket.onmessage = ({ data }) => {
            if (typeof data === "string") {
              text = data;
              socket.send(bytes);
            } else {
              sums = [sum(bytes), sum(new Uint8Array(data as ArrayBuffer))];
              socket.send("close 4001 bye");
            }
          };
          socket.onclose = ({ code, reason }) => resolve({ text, sums, code, reason });
        }),
      url,
    );
    assert.equal(result.text, "żółw");
    assert.equal(result.sums[0], result.sums[1]);
    assert.deepEqual([result.code, result.reason], [4001, "bye"]);
    assert.equal(await condition("the backend's close", () => echo.closes[count]), "4001 bye");
  });
});
