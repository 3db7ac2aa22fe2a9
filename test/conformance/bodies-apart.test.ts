import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const connections = 32;
const rounds = 12;
/** Bytes: within a head's read, of one read, of several. */
const sizes = [10, 1500, 9000, 40_000, 150_000];

/** All connections of a router on Node and Deno read to the same memory: what came on one must never show on another. */
describe("bodies of connections at work together (architecture §5)", () => {
  const echo = createServer((incoming, answer) => incoming.pipe(answer));
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let router: RouterUnderTest;
  before(async () => {
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    router = await startRouter("embedded", { disable_keep_alives: false, max_idle_conns_per_host: connections });
    await router.register({ uris: ["echo.test"], port: (echo.address() as AddressInfo).port });
  });
  after(async () => {
    agent.destroy();
    await router?.stop();
    echo.closeAllConnections();
    echo.close();
  });

  function echoed(body: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const headers = { host: "echo.test", "content-length": body.length };
      request({ agent, port: router.port, method: "POST", headers }, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("end", () => resolve(Buffer.concat(parts)));
        answer.on("error", reject);
      })
        .on("error", reject)
        .end(body);
    });
  }

  it("come back as they were sent, each on its own", async () => {
    const client = async (first: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        const body = randomBytes(sizes[(first + round) % sizes.length]!);
        const back = await echoed(body);
        assert.ok(back.equals(body), `${body.length} bytes came back as ${back.length} others`);
      }
    };
    await Promise.all(Array.from({ length: connections }, (_, first) => client(first)));
  });
});
