import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { after, before, describe, it } from "node:test";
import { decodeEnvelope, type Envelope, uuidOf } from "../fixtures/dropsonde.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { exchange, get } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter, type Yaml } from "./harness/router.ts";

/** An agent that keeps the envelopes it gets, decoded. */
class Agent {
  readonly port: number;
  envelopes: Envelope[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
    socket.on("message", (bytes) => this.envelopes.push(decodeEnvelope(bytes)));
  }

  static async start(): Promise<Agent> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return new Agent(socket);
  }

  /** Waits for an envelope. */
  async got(what: string, where: (envelope: Envelope) => boolean): Promise<Envelope> {
    return await condition(what, () => this.envelopes.find(where));
  }

  /** Values of a metric so far. */
  values(name: string): number[] {
    return this.envelopes.flatMap(({ valueMetric }) => (valueMetric?.name === name ? [valueMetric.value] : []));
  }

  async value(name: string, unit: string): Promise<number> {
    const { valueMetric } = await this.got(name, (envelope) => envelope.valueMetric?.name === name);
    assert.equal(valueMetric!.unit, unit, name);
    return valueMetric!.value;
  }

  stop(): void {
    this.#socket.close();
  }
}

const appId = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";

describe("envelope v1 (control-plane §5.1, §5.2; data-plane §9.6)", () => {
  let agent: Agent;
  let backend: Backend;
  let router: RouterUnderTest;
  const start = async (config: Yaml = {}): Promise<RouterUnderTest> =>
    await startRouter("embedded", {
      logging: { level: "info", metron_address: `127.0.0.1:${agent.port}`, loggregator_enabled: true },
      index: 7,
      prune_stale_droplets_interval: "200ms",
      route_latency_metric_muzzle_duration: "0s",
      ...config,
    });
  before(async () => {
    agent = await Agent.start();
    backend = await Backend.start(() => ok("hello"));
    router = await start();
    const tags = { component: "api" };
    const stamp = Number((Date.now() - 50) * 1e6);
    await router.register({
      uris: ["api.test"],
      port: backend.port,
      tags,
      app: appId,
      private_instance_index: "4",
      endpoint_updated_at_ns: stamp,
    });
  });
  after(async () => {
    await router?.stop();
    await backend?.stop();
    agent?.stop();
  });

  it("a request: client event, server event, times, a copy of its log line", async () => {
    agent.envelopes = [];
    await get(router.port, "api.test", "/x?y=z", "X-Forwarded-For: 9.9.9.9");
    const copy = await agent.got("the log message", ({ logMessage }) => logMessage !== undefined);
    assert.ok(agent.envelopes.every(({ origin }) => origin === "gorouter"));
    const line = await router.accessLogged((text) => text.includes("/x?y=z"));
    const { message, timestamp, ...rest } = copy.logMessage!;
    assert.equal(message, line);
    assert.deepEqual(rest, { message_type: "OUT", app_id: appId, source_type: "RTR", source_instance: "7" });
    assert.deepEqual(copy.tags, { component: "api" });
    assert.equal(timestamp, copy.timestamp);

    const events = agent.envelopes.flatMap(({ httpStartStop, tags }) =>
      httpStartStop === undefined ? [] : [{ ...httpStartStop, tags }],
    );
    const requestId = /vcap_request_id:"([^"]*)"/.exec(line)![1];
    const [client, server] = events;
    assert.deepEqual([client!.peerType, server!.peerType, events.length], ["Client", "Server", 2]);
    assert.deepEqual([uuidOf(client!.requestId), uuidOf(server!.requestId)], [requestId, requestId]);
    assert.deepEqual([client!.uri, client!.statusCode, client!.contentLength], ["http://api.test/x", 200, "5"]);
    assert.deepEqual(client!.forwarded, ["9.9.9.9", "127.0.0.1"]);
    assert.deepEqual([uuidOf(client!.applicationId!), client!.instanceIndex], [appId, 4]);
    assert.equal(client!.instanceId, `127.0.0.1:${backend.port}`);
    assert.deepEqual([server!.forwarded, server!.tags["component"]], [["9.9.9.9"], "api"]);
    assert.equal(server!.tags["trace_id"], requestId!.replaceAll("-", ""));
    assert.equal(server!.tags["span_id"], requestId!.replaceAll("-", "").slice(16));
    for (const event of events) assert.ok(BigInt(event.stopTimestamp) >= BigInt(event.startTimestamp));

    assert.ok(Number.isInteger(await agent.value("latency", "ms")));
    assert.ok(Number.isInteger(await agent.value("latency.api", "ms")));
    const gorouterTime = await agent.value("gorouter_time", "ms");
    assert.ok(gorouterTime > 0 && gorouterTime < 1000);
    assert.ok((await agent.value("route_lookup_time", "ns")) > 0);
  });

  it("the table: registration latency, prune ticks, unbatched unregistrations", async () => {
    assert.ok((await agent.value("total_routes", "")) >= 0);
    await agent.value("ms_since_last_registry_update", "ms");
    const stamp = Number((Date.now() - 50) * 1e6);
    const message = { uris: ["db.test"], port: 81, tags: { component: "db" }, endpoint_updated_at_ns: stamp };
    await router.register(message);
    assert.ok((await agent.value("route_registration_latency", "ms")) >= 49);
    await router.unregister(message);
    const gone = await agent.got("unregistry_message.db", ({ counterEvent }) =>
      Boolean(counterEvent?.name.startsWith("unregistry_message")),
    );
    assert.deepEqual(gone.counterEvent, { name: "unregistry_message.db", delta: "1" });
  });

  it("counters every 5 seconds with what they grew by, the fixed ones also with 0", async () => {
    await exchange(router.port, "GET / HTTP/1.1\r\nHost: nowhere\r\nConnection: close\r\n\r\n");
    const delta = async (name: string, where: (delta: string) => boolean): Promise<void> =>
      void (await agent.got(name, ({ counterEvent }) => counterEvent?.name === name && where(counterEvent.delta)));
    await delta("rejected_requests", (text) => text === "1");
    await delta("requests.api", (text) => text === "1");
    await delta("registry_message.api", (text) => text === "1");
    await delta("websocket_upgrades", (text) => text === "0");
    assert.ok(agent.envelopes.every(({ counterEvent }) => counterEvent?.total === undefined));
  });

  it("uptime, descriptors, the bus, the runtime", async () => {
    const uptime = await agent.value("uptime", "seconds");
    assert.ok(Number.isInteger(uptime) && uptime >= 0);
    assert.ok((await agent.value("file_descriptors", "file")) > 0);
    assert.equal(await agent.value("buffered_messages", "message"), 0);
    assert.equal(await agent.value("total_dropped_messages", "message"), 0);
    assert.ok((await agent.value("numCPUS", "count")) >= 1);
    assert.ok((await agent.value("memoryStats.numBytesAllocatedHeap", "count")) > 0);
  });
});

describe("switches of envelope v1", { concurrency: true }, () => {
  it("per_request_metrics_reporting and the two events off: only counters are left of a request", async () => {
    const agent = await Agent.start();
    const backend = await Backend.start(() => ok("hello"));
    const router = await startRouter("embedded", {
      logging: { metron_address: `127.0.0.1:${agent.port}` },
      per_request_metrics_reporting: false,
      send_http_start_stop_server_event: false,
      send_http_start_stop_client_event: false,
    });
    try {
      await router.register({ uris: ["a.test"], port: backend.port, app: appId });
      await get(router.port, "a.test");
      await agent.got("responses", ({ counterEvent }) => counterEvent?.name === "responses");
      const others = agent.envelopes.filter(
        ({ valueMetric, httpStartStop, logMessage }) =>
          httpStartStop !== undefined || logMessage !== undefined || /latency|time$/.test(valueMetric?.name ?? ""),
      );
      assert.deepEqual(
        others.filter(({ valueMetric }) => valueMetric?.name !== "uptime"),
        [],
      );
    } finally {
      await router.stop();
      await backend.stop();
      agent.stop();
    }
  });

  it("enable_envelope_v1_metrics off: nothing but the copies of the access log", async () => {
    const agent = await Agent.start();
    const backend = await Backend.start(() => ok("hello"));
    const router = await startRouter("embedded", {
      logging: { metron_address: `127.0.0.1:${agent.port}`, loggregator_enabled: true },
      access_log: {},
      enable_envelope_v1_metrics: false,
    });
    try {
      await router.register({ uris: ["a.test"], port: backend.port, app: appId });
      await get(router.port, "a.test", `/${"p".repeat(30_000)}`);
      const { logMessage } = await agent.got("the copy", () => true);
      assert.match(
        logMessage!.message,
        /REQUEST-URI-TOO-LONG-TO-LOG--TRUNCATED HTTP/,
        "always cut without another log",
      );
      assert.equal(agent.envelopes.length, 1);
    } finally {
      await router.stop();
      await backend.stop();
      agent.stop();
    }
  });

  for (const [address, error] of [
    ["", "destination variable not set"],
    ["nope", "address nope: missing port in address"],
  ] as const) {
    it(`metron_address ${JSON.stringify(address)} stops the start (control-plane §1.3)`, async () => {
      await assert.rejects(startRouter("embedded", { logging: { metron_address: address } }), (failure: Error) => {
        assert.match(failure.message, /"message":"dropsonde-initialize-error"/);
        assert.ok(failure.message.includes(`"error":"Failed to initialize dropsonde: ${error}"`), failure.message);
        assert.match(failure.message, /the program ended \(1\)/);
        return true;
      });
    });
  }

  it("an address that nobody listens on harms nothing", async () => {
    const agent = await Agent.start();
    agent.stop();
    const backend = await Backend.start(() => ok("hello"));
    const router = await startRouter("embedded", { logging: { metron_address: `127.0.0.1:${agent.port}` } });
    try {
      await router.register({ uris: ["a.test"], port: backend.port });
      for (let i = 0; i < 5; i++) assert.equal((await get(router.port, "a.test")).status, 200);
      assert.equal(await router.program.stop(), 0);
    } finally {
      await router.stop();
      await backend.stop();
    }
  });
});
