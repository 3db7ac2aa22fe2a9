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
    const { port } = server.address() as AddressInfo;
    const straight = await Connection.open(port, "GET / HTTP/1.1\r\nHost: events.test\r\n\r\n");
    const other = await condition("the other stream", () => streams.find((one) => one !== stream));
    /** Milliseconds until an event that is written to `to` has come. */
    const delay = async (to: ServerResponse, from: Connection, event: string): Promise<number> => {
      const written = performance.now();
      // The next event is written only when this one has come: a router that waits for more would wait for ever.
      to.write(event);
      await from.waitFor(event.slice(0, 8), () => from.received.includes(`${event}\r\n`) || undefined);
      return performance.now() - written;
    };
    const delays: number[] = [];
    const without: number[] = [];
    for (let number = 0; number < 40; number++) {
      const event = `id: ${number}\ndata: ${"x".repeat(number * 50)}\n\n`;
      delays.push(await delay(stream, client, event));
      without.push(await delay(other, straight, event));
    }
    const median = (times: number[]): number => times.toSorted((a, b) => a - b)[20]!;
    const [through, alone] = [median(delays), median(without)];
    t.diagnostic(`median ${through.toFixed(1)} ms, without the router ${alone.toFixed(1)} ms`);
    // A busy machine makes both slow; a router that waited for a tick of its clock would add 100 ms.
    assert.ok(through < 50 + 10 * alone, `median of the delays is ${through} ms, without the router ${alone} ms`);
    client.close();
    straight.close();
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
