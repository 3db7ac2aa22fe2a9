import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { connect as connectTcp, type NatsConnection, wsconnect } from "@nats-io/transport-node";
import { runtime } from "#runtime";
import { announceRoute } from "../../../src/bus/announce.ts";
import type { Bus } from "../../../src/bus/bus.ts";
import { type Subscriber, startSubscriber } from "../../../src/bus/subscriber.ts";
import type { ReservationFields } from "../../../src/core/routing/reservation.ts";
import { connect, Lines, type RunningServer, serverKinds, text, until } from "./bus-rig.ts";

/** A route table that keeps what it was told. */
class Told {
  readonly calls: string[] = [];
  register(uri: string, endpoint: { address: string }): void {
    this.calls.push(`+ ${uri} ${endpoint.address}`);
  }
  registerAtRest(): number {
    return 0;
  }
  registerAlone(uri: string, endpoint: { address: string }): undefined {
    this.register(uri, endpoint);
  }
  placeOf(): undefined {}
  versionOf(): number {
    return 0;
  }
  refresh(): void {
    this.calls.push("refreshed");
  }
  unregister(uri: string, endpoint: { address: string }): void {
    this.calls.push(`- ${uri} ${endpoint.address}`);
  }
  reserve(uri: string, { routeServiceUrl, withoutEndpoints, lifeSeconds }: ReservationFields): void {
    this.calls.push(`r ${uri} ${routeServiceUrl} ${withoutEndpoints} ${lifeSeconds}`);
  }
  unreserve(uri: string): void {
    this.calls.push(`u ${uri}`);
  }
}

const local = {
  clock: runtime.clock,
  uuid: () => runtime.uuid(),
  randomBytes: (length: number) => runtime.randomBytes(length),
  localIp: async () => "10.0.0.9",
};
const options = { index: 3, startResponseDelayMs: 20_000, staleThresholdMs: 120_000, http2: true };

for (const kind of serverKinds) {
  describe(`registration through the ${kind.name}`, { skip: kind.skip }, () => {
    let server: RunningServer;
    let bus: Bus;
    let subscriber: Subscriber;
    const lines = new Lines();
    const told = new Told();
    before(async () => {
      server = await kind.start();
      bus = await connect([server.urls.tcp], {}, lines);
      subscriber = await startSubscriber(bus, local, lines, told, options);
      await bus.flush();
    });
    after(async () => {
      subscriber.close();
      await bus.close();
      await server.stop();
    });

    const clients: readonly [string, () => Promise<NatsConnection>][] = [
      ["TCP", () => connectTcp({ servers: `127.0.0.1:${server.port}` })],
      ["WebSocket", () => wsconnect({ servers: server.urls.webSocket })],
    ];
    it("hears reservations", async () => {
      const client = await connectTcp({ servers: `127.0.0.1:${server.port}` });
      told.calls.length = 0;
      const options = { without_endpoints: true };
      const fields = { route_service_url: "https://s.example", stale_threshold_in_seconds: 9, options };
      client.publish("router.reserve", JSON.stringify({ uris: ["a.example.com"], ...fields }));
      client.publish("router.reserve", JSON.stringify({ uris: ["b.example.com"] }));
      client.publish("router.unreserve", JSON.stringify({ uris: ["a.example.com"] }));
      await until("it was applied", () => told.calls.length === 3);
      assert.deepEqual(told.calls, [
        "r a.example.com https://s.example true 9",
        "r b.example.com  false 0",
        "u a.example.com",
      ]);
      await client.close();
    });

    for (const [transport, open] of clients) {
      it(`hears a client that nobody here wrote, over ${transport}`, async () => {
        const client = await open();
        const greeting = await client.request("router.greet", "{}", { timeout: 5000 });
        assert.match(
          greeting.string(),
          /^\{"id":"3-[0-9a-f-]{36}","hosts":\["10\.0\.0\.9"\],"minimumRegisterIntervalInSeconds":20,"pruneThresholdInSeconds":120\}$/,
        );
        told.calls.length = 0;
        const message = JSON.stringify({ uris: ["a.example.com", "b.example.com/x"], host: "10.1.2.3", port: 8080 });
        client.publish("router.register", message);
        client.publish("router.unregister", message);
        await until("it was applied", () => told.calls.length === 4);
        assert.deepEqual(told.calls, [
          "+ a.example.com 10.1.2.3:8080",
          "+ b.example.com/x 10.1.2.3:8080",
          "- a.example.com 10.1.2.3:8080",
          "- b.example.com/x 10.1.2.3:8080",
        ]);
        assert.ok(lines.lines.includes(`unregister-route ${JSON.stringify({ message })}`));
        await client.drain();
      });
    }

    it("logs what it cannot use and goes on", async () => {
      const client = await connect([server.urls.tcp]);
      lines.lines.length = 0;
      told.calls.length = 0;
      client.publish("router.register", '{"port":"8080"}');
      client.publish("router.greet", "");
      client.publish("router.register", '{"uris":["c"],"host":"h","tls_port":1}');
      await until("the good one was applied", () => told.calls.length === 1);
      assert.deepEqual(told.calls, ["+ c h:1"]);
      assert.deepEqual(lines.lines, [
        'validation-error {"error":"json: cannot unmarshal string into Go struct field RegistryMessage.port of type uint16","payload":"{\\"port\\":\\"8080\\"}","subject":"router.register"}',
        'validation-error {"error":"unexpected end of JSON input","payload":"","subject":"router.greet"}',
      ]);
      await client.close();
    });

    it("keeps an announced route: at once, when a router starts, at the interval, and takes it back", async () => {
      const app = await connect([server.urls.webSocket]);
      told.calls.length = 0;
      const route = { uris: ["app.localhost"], host: "127.0.0.1", port: 3000, tags: { component: "x" } };
      const announcement = announceRoute(app, runtime.clock, { ...route, intervalMs: 40 });
      const plus = "+ app.localhost 127.0.0.1:3000";
      await until("the interval came round", () => told.calls.length >= 4);
      await announcement.stop();
      await until("it was taken back", () => told.calls.includes("- app.localhost 127.0.0.1:3000"));
      assert.deepEqual(new Set(told.calls.slice(0, -1)), new Set([plus]));
      const rare = announceRoute(app, runtime.clock, { ...route, intervalMs: 3_600_000 });
      // Once for itself, once for the answer to its greeting.
      told.calls.length = 0;
      await until("it is known", () => told.calls.length === 2);
      bus.publish("router.start", "{}");
      await until("it registered for the new router", () => told.calls.length === 3);
      await rare.stop();
      await app.close();
    });

    it("applies a storm of 50 000 registrations in order", async () => {
      const client = await connect([server.urls.tcp]);
      const storm = new Told();
      const stormBus = await connect([server.urls.tcp]);
      const taker = await startSubscriber(stormBus, local, new Lines(), storm, options);
      await stormBus.flush();
      told.calls.length = 0;
      const tags = { component: "app", source_id: "12345678-1234-1234-1234-123456789012" };
      for (let i = 0; i < 50_000; i++) {
        client.publish(
          "router.register",
          JSON.stringify({ uris: [`r${i}`], host: "10.0.0.1", port: i % 60_000, tags }),
        );
        // As a real sender, which is not in the same process, would.
        if (i % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      await until("all were applied", () => storm.calls.length === 50_000);
      assert.ok(storm.calls.every((call, i) => call === `+ r${i} 10.0.0.1:${i % 60_000}`));
      assert.equal(taker.pending, 0);
      assert.equal(taker.dropped, 0);
      taker.close();
      await stormBus.close();
      await client.close();
    });

    it("greets those who register again after a reconnect", async () => {
      const own = await kind.start();
      const routerLines = new Lines();
      const router = await connect([own.urls.tcp], {}, routerLines);
      const taker = await startSubscriber(router, local, routerLines, new Told(), options);
      assert.deepEqual(routerLines.lines.slice(1), ["subscriber-starting", "subscriber-started"]);
      await own.stop();
      await until("the loss was noticed", () => !router.connected);
      const again = await kind.start({ port: own.port });
      const listener = await connect([again.urls.tcp]);
      const starts: string[] = [];
      listener.subscribe("router.start", ({ payload }) => starts.push(text(payload)));
      await listener.flush();
      await until("the start message came", () => starts.length === 1);
      assert.match(starts[0]!, /^\{"id":"3-/);
      taker.close();
      assert.equal(routerLines.lines.at(-1), "exited");
      await router.close();
      await listener.close();
      await again.stop();
    });
  });
}
