import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Backend, ok } from "./harness/backend.ts";
import { Connection, exchange, get } from "./harness/connection.ts";
import { startRouter } from "./harness/router.ts";

const upgrade =
  "GET /ws HTTP/1.1\r\nHost: ws.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

describe("what a drain counts and waits for (control-plane §8.4)", () => {
  it("requests under way; not idle, new, half a head, or upgraded; serves and learns routes meanwhile", async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const backend = await Backend.start(async ({ requestLine }) => {
      if (requestLine.startsWith("GET /ws ")) {
        return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
      }
      if (requestLine.startsWith("GET /slow ")) await gate;
      return ok("app");
    });
    const router = await startRouter("embedded", {
      drain_wait: "1s",
      drain_timeout: "20s",
      websocket_close_on_drain: false,
    });
    const { program } = router;
    try {
      await router.register({ uris: ["a.test", "ws.test"], port: backend.port });
      const idle = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
      assert.equal((await idle.response()).status, 200);
      const busy = await Connection.open(router.port, "GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n");
      const half = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: a.t");
      const fresh = await Connection.open(router.port);
      const upgraded = await Connection.open(router.port, upgrade);
      assert.equal((await upgraded.response()).status, 101);

      program.child.kill("SIGUSR1");
      await program.logged("gorouter-draining");
      // Kept-alive and new connections are served, and the table lives on.
      idle.write("GET /again HTTP/1.1\r\nHost: a.test\r\n\r\n");
      assert.equal((await idle.response()).status, 200);
      await router.register({ uris: ["late.test"], port: backend.port });
      assert.equal((await get(router.port, "late.test")).status, 200);
      const alive = "GET /is-process-alive-do-not-use-for-loadbalancing HTTP/1.1\r\nHost: x\r\n\r\n";
      assert.equal((await exchange(router.statusPort, alive)).status, 200);

      await program.waitFor("the counts", () => program.stdout.includes("outstanding idle") || undefined);
      await idle.toEnd();
      assert.ok(
        program.stdout.includes('"Draining with 1 outstanding active connections"'),
        program.stdout.slice(-2000),
      );
      assert.ok(program.stdout.includes('"Draining with 1 outstanding idle connections"'), program.stdout.slice(-2000));
      release();
      assert.equal((await busy.response()).body, "app");
      assert.equal(await program.end(), 0);
      assert.doesNotMatch(program.stdout, /timed-out/);
      for (const connection of [half, fresh, upgraded]) await connection.toEnd();
    } finally {
      release();
      await router.stop();
      await backend.stop();
    }
  });
});
