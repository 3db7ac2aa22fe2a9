import assert from "node:assert/strict";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it, type TestContext } from "node:test";
import { condition } from "./harness/condition.ts";
import { Connection } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

let router: RouterUnderTest;
let server: Server;
let streams: ServerResponse[];

before(async () => {
  streams = [];
  server = createServer((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    response.flushHeaders();
    streams.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  router = await startRouter("embedded");
  await router.register({ uris: ["events.test"], port: (server.address() as AddressInfo).port });
});
after(async () => {
  await router?.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("server-sent events (issue B, acceptance 5; data-plane §5.6)", () => {
  it("the head comes before any event, each event as soon as it is written, though nothing follows it", async (t: TestContext) => {
    const client = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: events.test\r\n\r\n");
    await condition("the head", () => client.received.includes("text/event-stream") || undefined);
    const stream = streams.at(-1)!;
    const delays: number[] = [];
    for (let number = 0; number < 40; number++) {
      const event = `id: ${number}\ndata: ${"x".repeat(number * 50)}\n\n`;
      const written = performance.now();
      // The next event is written only when this one has come: a router that waits for more would wait for ever.
      stream.write(event);
      await client.waitFor(`event ${number}`, () => client.received.includes(`${event}\r\n`) || undefined);
      delays.push(performance.now() - written);
    }
    delays.sort((a, b) => a - b);
    t.diagnostic(`median ${delays[20]!.toFixed(1)} ms, slowest ${delays.at(-1)!.toFixed(1)} ms`);
    assert.ok(delays[20]! < 50, `median of the delays is ${delays[20]} ms`);
    client.close();
  });

  it("a client that goes away ends the backend's stream", async () => {
    const client = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: events.test\r\n\r\n");
    await condition("the head", () => client.received.includes("text/event-stream") || undefined);
    const stream = streams.at(-1)!;
    const gone = new Promise((resolve) => stream.once("close", resolve));
    client.close();
    await gone;
  });
});
