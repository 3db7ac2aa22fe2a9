import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { deadPort } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";
import { refusal } from "./harness/routing-api.ts";
import { ClientRig, table } from "./harness/routing-api-rig.ts";
import { RoutingApiProcess } from "./harness/routing-api-server.ts";

let rig: ClientRig;
before(async () => {
  rig = await ClientRig.start();
});
after(async () => {
  await rig?.stop();
});

const errorsOf = async (router: RouterUnderTest, message: string): Promise<unknown[]> =>
  (await router.settledLogLines()).filter((line) => line.message === message).map(({ data }) => data?.["error"]);

describe("Routing API client: a running router (control-plane §7)", () => {
  let router: RouterUnderTest;
  before(async () => {
    rig.reset();
    rig.api.listed = [rig.route("listed.test/Path"), rig.route("bad.test", { port: "x" })];
    router = await startRouter("embedded", rig.config({}, { droplet_stale_threshold: "5s" }));
  });
  after(async () => await router?.stop());
  afterEach(() => {
    rig.api.always = undefined;
    rig.api.accepts = undefined;
    rig.api.instead.length = 0;
  });

  it("starts in order: token, list, token, subscribe, then list (§7.3, §7.4, §6.3)", async () => {
    await router.program.logged("syncer-fetch-routes-completed");
    const messages = router.program.logLines.map(({ message }) => message);
    const order = [
      "setting-up-nats-connection",
      "setting-up-routing-api",
      "fetching-token",
      "started-fetching-token",
      "successfully-fetched-token",
      "caching-token",
      "created-ticker",
      "syncer-started",
      "token-fetched-successfully",
      "subscribing-to-routing-api-event-stream",
      "Successfully-subscribed-to-routing-api-event-stream",
      "syncer-fetch-routes-started",
      "syncer-fetching-token",
      "syncer-fetching-routes",
      "syncer-refreshing-endpoints",
      "syncer-fetch-routes-completed",
    ];
    let at = -1;
    for (const message of order) {
      const next = messages.indexOf(message, at + 1);
      assert.ok(next > at, `${message} after ${messages[at]}: ${messages.join()}`);
      at = next;
    }
    assert.ok(messages.indexOf("syncer-started") < messages.indexOf("subscriber-starting"));
    const lines = await router.settledLogLines();
    const find = (message: string) => lines.find((line) => line.message === message)!;
    assert.deepEqual(find("created-ticker").data, { interval: 1e9 });
    assert.equal(find("created-ticker").source, "gorouter.stdout.route-fetcher");
    assert.equal(find("syncer-started").log_level, 1);
    assert.deepEqual(find("started-fetching-token").data, { "force-update": true });
    assert.equal(find("started-fetching-token").source, ".uaa-client");
    assert.deepEqual([find("caching-token").source, find("caching-token").log_level], ["", 0]);
    assert.equal(rig.uaa.calls.length, 2, "both are forced");
    const [proof] = rig.api.calls;
    assert.equal(proof!.path, "/routing/v1/routes");
    assert.equal(proof!.headers.authorization, "bearer token-1");
    assert.equal(proof!.headers["content-type"], "application/json");
    assert.equal(rig.api.calls[1]!.path, "/routing/v1/events");
    assert.doesNotMatch(router.program.stdout, /token-1|s\/cret/);
  });

  it("maps a lease to an endpoint (§7.4); a bad one does no harm to the others", async () => {
    await table(router, "listed.test/path", rig.backend.port);
    const [shown] = (await router.routes())["listed.test/path"]!;
    assert.deepEqual(shown, {
      address: `127.0.0.1:${rig.backend.port}`,
      availability_zone: "",
      protocol: "",
      tls: false,
      ttl: 5,
      tags: null,
      server_cert_domain_san: "app-guid",
    });
    const answer = await get(router.port, "listed.test", "/path");
    assert.equal(answer.status, 200);
    const { data } = await router.program.logged("invalid-route-from-routing-api");
    assert.deepEqual(data, { index: 1, error: 'port is no whole number from 0 to 65535: "x"' });
    await router.accessLogged((line) => line.includes("listed.test") && line.includes('app_id:"app-guid"'));
  });

  it("events: Upsert, Delete, others", async () => {
    const fresh = rig.route("event.test", { modification_tag: { guid: "e", index: 0 } });
    rig.tell("Upsert", fresh);
    await table(router, "event.test", rig.backend.port);
    const { data, log_level } = await router.program.logged("received-event");
    assert.equal(log_level, 0);
    assert.deepEqual(data, { event: { Route: fresh, Action: "Upsert" } });
    rig.api.say("Snapshot", fresh);
    rig.tell("Delete", fresh);
    await table(router, "event.test");
    assert.equal((await get(router.port, "event.test")).status, 404);
  });

  it("a newer tag moves a route, an older delete is not taken (routing-api §11)", async () => {
    const tag = (index: number): object => ({ modification_tag: { guid: "t", index } });
    rig.tell("Upsert", rig.route("tag.test", tag(5)));
    await table(router, "tag.test", rig.backend.port);
    rig.api.say("Delete", rig.route("tag.test", tag(4)));
    rig.tell("Upsert", rig.route("fence.test"));
    await table(router, "fence.test", rig.backend.port);
    await table(router, "tag.test", rig.backend.port);
    rig.tell("Delete", rig.route("tag.test", tag(5)));
    await table(router, "tag.test");
  });

  it("a list takes out what the one before it named, but not what came by an event alone (§7.4)", async () => {
    const other = await deadPort();
    rig.api.listed = [rig.route("listed.test/Path"), rig.route("swap.test", { port: other })];
    await table(router, "swap.test", other);
    rig.api.say("Upsert", rig.route("told.test"));
    await table(router, "told.test", rig.backend.port);
    rig.api.listed = [rig.route("listed.test/Path"), rig.route("swap.test")];
    await table(router, "swap.test", rig.backend.port);
    const takenOut = async (): Promise<boolean> =>
      (await router.settledLogLines()).some(
        ({ message, data }) => message === "endpoint-unregistered" && data?.["uri"] === "told.test",
      );
    assert.ok(!(await takenOut()), "the list that swapped the other did not name it");
    rig.api.listed = [...rig.api.listed, rig.route("told.test")];
    const seen = rig.api.count("routes");
    await condition("lists with it", () => (rig.api.count("routes") > seen + 1 ? true : undefined));
    rig.api.listed = rig.api.listed.slice(0, -1);
    await condition("it is taken out", async () => ((await takenOut()) ? true : undefined));
  });

  it("a list takes a route out with the tag of the list before: one that an event has renewed since stays (routing-api §15.5)", async () => {
    const tag = (index: number): object => ({ modification_tag: { guid: "r", index } });
    const others = rig.api.listed;
    rig.api.listed = [...others, rig.route("renewed.test", tag(0)), rig.route("dropped.test", tag(0))];
    await table(router, "renewed.test", rig.backend.port);
    await table(router, "dropped.test", rig.backend.port);
    rig.api.say("Upsert", rig.route("renewed.test", tag(1)));
    await condition("the event", async () =>
      (await router.settledLogLines()).some(
        ({ message, data }) => message === "received-event" && JSON.stringify(data).includes('"renewed.test"'),
      )
        ? true
        : undefined,
    );
    rig.api.listed = others;
    const said = async (message: string, uri: string): Promise<true> =>
      await condition(`${message} ${uri}`, async () =>
        (await router.settledLogLines()).some((line) => line.message === message && line.data?.["uri"] === uri)
          ? true
          : undefined,
      );
    await said("endpoint-unregistered", "dropped.test");
    await said("endpoint-not-unregistered", "renewed.test");
  });

  it("each says its own of one endpoint: bus and API do not overwrite each other", async () => {
    const both = { host: "127.0.0.1", port: rig.backend.port, uris: ["both.test"], app: "by-bus" };
    rig.tell("Upsert", rig.route("both.test"));
    await table(router, "both.test", rig.backend.port);
    await router.register(both);
    const san = async (): Promise<string> =>
      String((await router.routes())["both.test"]?.[0]?.["server_cert_domain_san" as "address"] ?? "");
    await condition("the bus's word", async () => ((await san()) === "" ? true : undefined));
    // The API's heartbeats do not take it back.
    rig.tell("Upsert", rig.route("both.test", { modification_tag: { guid: "tag", index: 2 } }));
    rig.tell("Upsert", rig.route("fence2.test"));
    await table(router, "fence2.test", rig.backend.port);
    assert.equal(await san(), "");
    // The bus lets go: the lease still holds.
    router.nats.publish("router.unregister", JSON.stringify(both));
    await condition("the API's word", async () => ((await san()) === "app-guid" ? true : undefined));
    await table(router, "both.test", rig.backend.port);
    // Nor does an unregister of the bus end a lease; a delete does.
    router.nats.publish("router.unregister", JSON.stringify(both));
    router.nats.publish("router.register", JSON.stringify({ ...both, uris: ["fence3.test"] }));
    await table(router, "fence3.test", rig.backend.port);
    await table(router, "both.test", rig.backend.port);
    rig.tell("Delete", rig.route("both.test", { modification_tag: { guid: "tag", index: 2 } }));
    await table(router, "both.test");
    assert.deepEqual(await errorsOf(router, "panic-check"), []);
  });

  it("reservations of our own server: 503, never 404", async () => {
    const reserved = { route: "reserved.test", reserved: true, ttl: 0, modification_tag: { guid: "r", index: 0 } };
    rig.tell("Upsert", reserved);
    await condition("503", async () => ((await get(router.port, "reserved.test")).status === 503 ? true : undefined));
    rig.tell("Delete", reserved);
    await condition("404", async () => ((await get(router.port, "reserved.test")).status === 404 ? true : undefined));
  });

  it("401 for a list: one more try with a new token; no gap in the table", async () => {
    const tokens = rig.uaa.calls.length;
    rig.api.accepts = `token-${Number(rig.uaa.token.slice(6)) + 1}`;
    const count = rig.api.count("routes");
    await condition("lists", () => (rig.api.count("routes") >= count + 3 ? true : undefined));
    assert.equal(rig.uaa.calls.length, tokens + 1);
    await table(router, "listed.test/path", rig.backend.port);
    assert.deepEqual(await errorsOf(router, "failed-to-fetch-routes"), []);
  });

  it("list errors are the API's own words, and touch nothing", async () => {
    // Nothing else asks while the stream stands.
    rig.api.instead.push(
      refusal(503, "DBCommunicationError", "database is away"),
      (_, response) => response.writeHead(502).end("bad gateway"),
      (_, response) => response.end("{"),
      (_, response) => response.end('{"a":1}'),
    );
    const seen = await condition("four errors", async () => {
      const errors = await errorsOf(router, "failed-to-fetch-routes");
      return errors.length >= 4 ? errors : undefined;
    });
    assert.deepEqual(seen.slice(0, 2), ["database is away", "bad gateway"]);
    assert.equal(seen[3], "the Routing API's list of routes is no JSON array");
    await table(router, "listed.test/path", rig.backend.port);
  });

  it("the stream ends, breaks, or says nonsense: subscribed again, with the last id, and listed", async () => {
    const again = async (cause: string, how: () => void): Promise<void> => {
      const before = rig.api.count("events");
      const failures = (await errorsOf(router, "failed-getting-next-event: ")).length;
      how();
      await condition(`a stream after ${cause}`, () =>
        rig.api.count("events") > before && rig.api.streams === 1 ? true : undefined,
      );
      assert.equal((await errorsOf(router, "failed-getting-next-event: ")).length, failures + 1, cause);
    };
    await again("its end", () => rig.api.endStreams("end"));
    assert.equal((await errorsOf(router, "failed-getting-next-event: ")).at(-1), "EOF");
    await again("a cut", () => rig.api.endStreams("cut"));
    await again("nonsense", () => rig.api.say("Upsert", "{nonsense"));
    assert.match(String((await errorsOf(router, "failed-getting-next-event: ")).at(-1)), /^bad Upsert event: /);
    const last = rig.api.calls.filter(({ path }) => path.startsWith("/routing/v1/events")).at(-1)!;
    assert.match(String(last.headers["last-event-id"]), /^\d+$/);
    rig.tell("Upsert", rig.route("after.test"));
    await table(router, "after.test", rig.backend.port);
  });

  it("subscribing: 503 is asked again, 401 takes a new token, 404 is an error (§7.4)", async () => {
    const tokens = rig.uaa.calls.length;
    const events = rig.api.count("events");
    let turn = 0;
    rig.api.always = (call, response) => {
      if (!call.path.startsWith("/routing/v1/events") || turn > 2) {
        rig.api.always = turn > 2 ? undefined : rig.api.always;
        rig.api.serve(call, response);
        return;
      }
      response.writeHead([503, 401, 404][turn++]!).end();
    };
    rig.api.endStreams("end");
    await condition("four more subscriptions", () => (rig.api.count("events") >= events + 4 ? true : undefined));
    const errors = await errorsOf(router, "failed-subscribing-to-routing-api-event-stream");
    assert.deepEqual(errors, ["unauthorized", "bad response from event source: 404 Not Found"]);
    assert.equal(rig.uaa.calls.length, tokens + 1);
  });

  it("a lease that nobody renews is pruned after its time (§3.10)", async () => {
    rig.api.listed = [];
    rig.api.always = refusal(503, "DBCommunicationError", "away");
    await table(router, "listed.test/path");
    assert.ok((await router.settledLogLines()).some(({ message }) => message === "pruned-route"));
  });

  it("stops with `stopping` as its last line (§8.5)", async () => {
    assert.equal(await router.program.stop(), 0);
    assert.equal(router.program.logLines.at(-1)?.message, "stopping");
  });
});

describe("Routing API client and our own server", () => {
  it("routes, reservations and deletes get into the table by events", async () => {
    const own = await RoutingApiProcess.start({}, ["-devMode"]);
    const router = await startRouter(
      "embedded",
      rig.config(
        { uri: "http://127.0.0.1", port: own.port, auth_disabled: true },
        // No list but those after a subscription.
        { prune_stale_droplets_interval: "10m" },
      ),
    );
    const tell = async (method: string, body: object): Promise<void> => {
      const { status } = await own.send({ method, path: "/routing/v1/routes", body: [body] });
      assert.ok(status < 300, String(status));
    };
    try {
      await router.program.logged("syncer-fetch-routes-completed");
      const app = { route: "app.test", port: rig.backend.port, ip: "127.0.0.1", ttl: 100 };
      await tell("POST", { route: "app.test", reserved: true, ttl: 100 });
      await condition("503", async () => ((await get(router.port, "app.test")).status === 503 ? true : undefined));
      await tell("POST", app);
      await table(router, "app.test", rig.backend.port);
      await tell("DELETE", app);
      await condition("503", async () => ((await get(router.port, "app.test")).status === 503 ? true : undefined));
      await tell("DELETE", { route: "app.test", reserved: true });
      await condition("404", async () => ((await get(router.port, "app.test")).status === 404 ? true : undefined));
    } finally {
      await router.stop();
      await own.stop();
    }
  });
});
