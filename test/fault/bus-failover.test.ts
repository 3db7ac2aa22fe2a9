import assert from "node:assert/strict";
import { Agent } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { connect } from "@nats-io/transport-node";
import { condition } from "../conformance/harness/condition.ts";
import type { LogLine } from "../conformance/harness/program.ts";
import { startRouter } from "../conformance/harness/router.ts";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { startBackend } from "./harness/backend-process.ts";
import { ask, SteadyLoad } from "./harness/http-client.ts";

/** Lines of the bus, as `message host`; the still-disconnected ones have no data. */
const busLines = (lines: readonly LogLine[]): string[] =>
  lines
    .filter(({ source }) => source === "gorouter.stdout.nats")
    .map(({ message, data }) => `${message}${data === undefined ? "" : ` ${String(data["host"])}`}`);

describe("two nats-servers (issue D, acceptance 2; control-plane §2.1, §2.8)", () => {
  it("killed and restarted in turn under load: no request fails, log lines in the reference's order", async (t: TestContext) => {
    const agent = new Agent({ keepAlive: true });
    const backend = await startBackend();
    const servers = new Map<string, NatsServer>();
    const start = async (port?: number): Promise<string> => {
      const server = await startNatsServer(port === undefined ? {} : { port });
      servers.set(`127.0.0.1:${server.port}`, server);
      return `127.0.0.1:${server.port}`;
    };
    const kill = async (host: string): Promise<void> => {
      await servers.get(host)!.kill();
      servers.delete(host);
    };
    const restart = (host: string): Promise<string> => start(Number(host.split(":")[1]));
    const hosts = [await start(), await start()];
    const router = await startRouter(Number(hosts[0]!.split(":")[1]), {
      nats: { hosts: hosts.map((host) => ({ hostname: "127.0.0.1", port: Number(host.split(":")[1]) })) },
      nats_client_ping_interval: "500ms",
      disable_keep_alives: false,
      logging: { level: "info" },
    });
    const { program } = router;
    const count = (message: string): number => program.logLines.filter((line) => line.message === message).length;
    /** Publishes on that server, which the router may or may not be on. */
    const register = async (host: string, uri: string): Promise<void> => {
      const client = await connect({ servers: host });
      const message = { host: "127.0.0.1", port: backend.port, uris: [uri] };
      client.publish("router.register", JSON.stringify(message));
      await client.flush();
      await client.close();
    };
    const what = { agent, port: router.port, path: "/small" };
    const served = async (uri: string): Promise<true> =>
      await condition(uri, async () => (await ask({ ...what, host: uri })).status === 200 || undefined);
    try {
      const connected = await program.logged("Successfully-connected-to-nats");
      const first = String(connected.data?.["host"]);
      const second = hosts.find((host) => host !== first)!;
      await register(first, "steady.test");
      await served("steady.test");
      const load = new SteadyLoad({ ...what, host: "steady.test" }, 4, 5);

      // Whoever registers routes hears the new router.start on the server that took over.
      const watcher = await connect({ servers: second });
      let starts = 0;
      watcher.subscribe("router.start", {
        callback() {
          starts++;
        },
      });
      await watcher.flush();
      await kill(first);
      await condition("the other server", () => count("nats-connection-reconnected") === 1 || undefined);
      await condition("router.start there", () => starts === 1 || undefined);
      await watcher.close();
      await register(second, "second.test");
      await served("second.test");

      await restart(first);
      await kill(second);
      await condition("the first server again", () => count("nats-connection-reconnected") === 2 || undefined);
      await register(first, "third.test");
      await served("third.test");

      await kill(first);
      await condition("the ticker", () => count("nats-connection-still-disconnected") >= 2 || undefined);
      await restart(second);
      await condition("the second server again", () => count("nats-connection-reconnected") === 3 || undefined);
      await register(second, "fourth.test");
      await served("fourth.test");

      await condition("200 requests", () => load.served >= 200 || undefined);
      const result = await load.stop();
      t.diagnostic(`${result.served} requests, slowest ${result.slowest.toFixed(0)} ms`);
      assert.deepEqual(result.failures, []);
      const log = busLines(await router.settledLogLines());
      assert.deepEqual(
        log.filter((line) => line !== "nats-connection-still-disconnected"),
        [
          `Successfully-connected-to-nats ${first}`,
          `nats-connection-disconnected ${first}`,
          `nats-connection-reconnected ${second}`,
          `nats-connection-disconnected ${second}`,
          `nats-connection-reconnected ${first}`,
          `nats-connection-disconnected ${first}`,
          `nats-connection-reconnected ${second}`,
        ],
      );
      // The ticker stands only between a disconnect and the reconnect after it.
      for (const [index, line] of log.entries()) {
        if (line !== "nats-connection-still-disconnected") continue;
        assert.match(log[index - 1]!, /^nats-connection-(still-)?disconnected/);
      }
    } finally {
      agent.destroy();
      await router.stop();
      for (const server of servers.values()) await server.kill();
      await backend.kill();
    }
  });
});
