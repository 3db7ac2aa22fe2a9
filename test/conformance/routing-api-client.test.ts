import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { decodeEnvelope } from "../fixtures/dropsonde.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { type RouterUnderTest, startRouter, writeConfig, type Yaml } from "./harness/router.ts";
import { type FakeRoute, FakeRoutes, FakeUaa, refusal } from "./harness/routing-api.ts";
import { RoutingApiProcess } from "./harness/routing-api-server.ts";

const authority = makeAuthority("Routing API Authority");
const stranger = makeAuthority("Stranger");
const server = issue(authority, { names: ["localhost"], ips: ["127.0.0.1"] });
const client = issue(authority, { names: ["gorouter"], client: true });

let folder: string;
let uaa: FakeUaa;
let api: FakeRoutes;
let backend: Backend;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-test-"));
  writeFileSync(join(folder, "uaa-ca.pem"), authority.certificate);
  uaa = await FakeUaa.start(server);
  // The API demands the router's certificate (control-plane §7.1).
  api = await FakeRoutes.start({ ...server, authority: authority.certificate });
  backend = await Backend.start(() => ok("by lease"));
});
after(async () => {
  await Promise.all([uaa?.stop(), api?.stop(), backend?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const portOf = (url: string): number => Number(new URL(url).port);

/** What a router needs for the fakes; `changes` go over the section `routing_api`. */
function config(changes: Yaml = {}, others: Yaml = {}): Yaml {
  return {
    routing_api: {
      uri: "https://127.0.0.1",
      port: portOf(api.url),
      ca_certs: authority.certificate,
      cert_chain: client.certificate,
      private_key: client.key,
      ...changes,
    },
    oauth: {
      token_endpoint: "127.0.0.1",
      port: portOf(uaa.url),
      client_name: "client",
      client_secret: "s/cret",
      ca_certs: join(folder, "uaa-ca.pem"),
    },
    token_fetcher_retry_interval: "20ms",
    // A list every second.
    prune_stale_droplets_interval: "2s",
    ...others,
  };
}

const route = (name: string, changes: object = {}): FakeRoute => ({
  route: name,
  port: backend.port,
  ip: "127.0.0.1",
  ttl: 60,
  log_guid: "app-guid",
  modification_tag: { guid: "tag", index: 1 },
  ...changes,
});

function reset(): void {
  for (const fake of [uaa, api]) {
    fake.calls.length = 0;
    fake.instead.length = 0;
    fake.always = undefined;
  }
  api.accepts = undefined;
  api.listed = [];
}

/** A word of the API's stream. Its list says the same: it comes every second and takes out what it does not name. */
function tell(action: "Upsert" | "Delete", told: FakeRoute): void {
  const others = api.listed.filter((one) => one.route !== told.route);
  api.listed = action === "Upsert" ? [...others, told] : others;
  api.say(action, told);
}

/** Waits until the route has exactly these addresses; none: until it is gone. */
async function table(router: RouterUnderTest, name: string, ...ports: number[]): Promise<void> {
  const wanted = ports.map((port) => `127.0.0.1:${port}`).join();
  await condition(`${name} at ${wanted || "nothing"}`, async () => {
    const found = ((await router.routes())[name] ?? []).map(({ address }) => address);
    return found.join() === wanted ? true : undefined;
  });
}

const errorsOf = async (router: RouterUnderTest, message: string): Promise<unknown[]> =>
  (await router.settledLogLines()).filter((line) => line.message === message).map(({ data }) => data?.["error"]);

describe("Routing API client: a running router (control-plane §7)", () => {
  let router: RouterUnderTest;
  before(async () => {
    reset();
    api.listed = [route("listed.test/Path"), route("bad.test", { port: "x" })];
    router = await startRouter("embedded", config({}, { droplet_stale_threshold: "5s" }));
  });
  after(async () => await router?.stop());
  afterEach(() => {
    api.always = undefined;
    api.accepts = undefined;
    api.instead.length = 0;
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
    assert.equal(uaa.calls.length, 2, "both are forced");
    const [proof] = api.calls;
    assert.equal(proof!.path, "/routing/v1/routes");
    assert.equal(proof!.headers.authorization, "bearer token-1");
    assert.equal(proof!.headers["content-type"], "application/json");
    assert.equal(api.calls[1]!.path, "/routing/v1/events");
    assert.doesNotMatch(router.program.stdout, /token-1|s\/cret/);
  });

  it("maps a lease to an endpoint (§7.4); a bad one does no harm to the others", async () => {
    await table(router, "listed.test/path", backend.port);
    const [shown] = (await router.routes())["listed.test/path"]!;
    assert.deepEqual(shown, {
      address: `127.0.0.1:${backend.port}`,
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
    const fresh = route("event.test", { modification_tag: { guid: "e", index: 0 } });
    tell("Upsert", fresh);
    await table(router, "event.test", backend.port);
    const { data, log_level } = await router.program.logged("received-event");
    assert.equal(log_level, 0);
    assert.deepEqual(data, { event: { Route: fresh, Action: "Upsert" } });
    api.say("Snapshot", fresh);
    tell("Delete", fresh);
    await table(router, "event.test");
    assert.equal((await get(router.port, "event.test")).status, 404);
  });

  it("a newer tag moves a route, an older delete is not taken (routing-api §11)", async () => {
    const tag = (index: number): object => ({ modification_tag: { guid: "t", index } });
    tell("Upsert", route("tag.test", tag(5)));
    await table(router, "tag.test", backend.port);
    api.say("Delete", route("tag.test", tag(4)));
    tell("Upsert", route("fence.test"));
    await table(router, "fence.test", backend.port);
    await table(router, "tag.test", backend.port);
    tell("Delete", route("tag.test", tag(5)));
    await table(router, "tag.test");
  });

  it("a list takes out what it does not name, also what came by an event", async () => {
    const other = await deadPort();
    api.listed = [route("listed.test/Path"), route("swap.test", { port: other })];
    await table(router, "swap.test", other);
    api.say("Upsert", route("lost.test"));
    await table(router, "lost.test", backend.port);
    api.listed = [route("listed.test/Path"), route("swap.test")];
    await table(router, "swap.test", backend.port);
    await table(router, "lost.test");
  });

  it("each says its own of one endpoint: bus and API do not overwrite each other", async () => {
    const both = { host: "127.0.0.1", port: backend.port, uris: ["both.test"], app: "by-bus" };
    tell("Upsert", route("both.test"));
    await table(router, "both.test", backend.port);
    await router.register(both);
    const san = async (): Promise<string> =>
      String((await router.routes())["both.test"]?.[0]?.["server_cert_domain_san" as "address"] ?? "");
    await condition("the bus's word", async () => ((await san()) === "" ? true : undefined));
    // The API's heartbeats do not take it back.
    tell("Upsert", route("both.test", { modification_tag: { guid: "tag", index: 2 } }));
    tell("Upsert", route("fence2.test"));
    await table(router, "fence2.test", backend.port);
    assert.equal(await san(), "");
    // The bus lets go: the lease still holds.
    router.nats.publish("router.unregister", JSON.stringify(both));
    await condition("the API's word", async () => ((await san()) === "app-guid" ? true : undefined));
    await table(router, "both.test", backend.port);
    // Nor does an unregister of the bus end a lease; a delete does.
    router.nats.publish("router.unregister", JSON.stringify(both));
    router.nats.publish("router.register", JSON.stringify({ ...both, uris: ["fence3.test"] }));
    await table(router, "fence3.test", backend.port);
    await table(router, "both.test", backend.port);
    tell("Delete", route("both.test", { modification_tag: { guid: "tag", index: 2 } }));
    await table(router, "both.test");
    assert.deepEqual(await errorsOf(router, "panic-check"), []);
  });

  it("reservations of our own server: 503, never 404", async () => {
    const reserved = { route: "reserved.test", reserved: true, ttl: 0, modification_tag: { guid: "r", index: 0 } };
    tell("Upsert", reserved);
    await condition("503", async () => ((await get(router.port, "reserved.test")).status === 503 ? true : undefined));
    tell("Delete", reserved);
    await condition("404", async () => ((await get(router.port, "reserved.test")).status === 404 ? true : undefined));
  });

  it("401 for a list: one more try with a new token; no gap in the table", async () => {
    const tokens = uaa.calls.length;
    api.accepts = `token-${Number(uaa.token.slice(6)) + 1}`;
    const count = api.count("routes");
    await condition("lists", () => (api.count("routes") >= count + 3 ? true : undefined));
    assert.equal(uaa.calls.length, tokens + 1);
    await table(router, "listed.test/path", backend.port);
    assert.deepEqual(await errorsOf(router, "failed-to-fetch-routes"), []);
  });

  it("list errors are the API's own words, and touch nothing", async () => {
    // Nothing else asks while the stream stands.
    api.instead.push(
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
    await table(router, "listed.test/path", backend.port);
  });

  it("the stream ends, breaks, or says nonsense: subscribed again, with the last id, and listed", async () => {
    const again = async (cause: string, how: () => void): Promise<void> => {
      const before = api.count("events");
      const failures = (await errorsOf(router, "failed-getting-next-event: ")).length;
      how();
      await condition(`a stream after ${cause}`, () =>
        api.count("events") > before && api.streams === 1 ? true : undefined,
      );
      assert.equal((await errorsOf(router, "failed-getting-next-event: ")).length, failures + 1, cause);
    };
    await again("its end", () => api.endStreams("end"));
    assert.equal((await errorsOf(router, "failed-getting-next-event: ")).at(-1), "EOF");
    await again("a cut", () => api.endStreams("cut"));
    await again("nonsense", () => api.say("Upsert", "{nonsense"));
    assert.match(String((await errorsOf(router, "failed-getting-next-event: ")).at(-1)), /^bad Upsert event: /);
    const last = api.calls.filter(({ path }) => path.startsWith("/routing/v1/events")).at(-1)!;
    assert.match(String(last.headers["last-event-id"]), /^\d+$/);
    tell("Upsert", route("after.test"));
    await table(router, "after.test", backend.port);
  });

  it("subscribing: 503 is asked again, 401 takes a new token, 404 is an error (§7.4)", async () => {
    const tokens = uaa.calls.length;
    const events = api.count("events");
    let turn = 0;
    api.always = (call, response) => {
      if (!call.path.startsWith("/routing/v1/events") || turn > 2) {
        api.always = turn > 2 ? undefined : api.always;
        api.serve(call, response);
        return;
      }
      response.writeHead([503, 401, 404][turn++]!).end();
    };
    api.endStreams("end");
    await condition("four more subscriptions", () => (api.count("events") >= events + 4 ? true : undefined));
    const errors = await errorsOf(router, "failed-subscribing-to-routing-api-event-stream");
    assert.deepEqual(errors, ["unauthorized", "bad response from event source: 404 Not Found"]);
    assert.equal(uaa.calls.length, tokens + 1);
  });

  it("a lease that nobody renews is pruned after its time (§3.10)", async () => {
    api.listed = [];
    api.always = refusal(503, "DBCommunicationError", "away");
    await table(router, "listed.test/path");
    assert.ok((await router.settledLogLines()).some(({ message }) => message === "pruned-route"));
  });

  it("stops with `stopping` as its last line (§8.5)", async () => {
    assert.equal(await router.program.stop(), 0);
    assert.equal(router.program.logLines.at(-1)?.message, "stopping");
  });
});

/** Runs a router that is not to start: its last line and exit code. */
async function failedStart(settings: Yaml): Promise<{ message: string; error: unknown; code: unknown }> {
  const program = new Program(["router", "-c", writeConfig(folder, "embedded", settings)]);
  try {
    const code = await program.end();
    const line = JSON.parse(program.stdout.trimEnd().split("\n").at(-1)!) as {
      message: string;
      data?: { error?: unknown };
    };
    return { message: line.message, error: line.data?.error, code };
  } finally {
    await program.stop();
  }
}

describe("Routing API client: start-up (control-plane §7.2, §7.3)", () => {
  it("UAA down, tokens refused, API down, API refuses, wrong authority: exit 1 with the reason", async () => {
    reset();
    const down = await deadPort();
    const noUaa = config();
    const failed = await failedStart({ ...noUaa, oauth: { ...(noUaa["oauth"] as Yaml), port: down } });
    assert.deepEqual([failed.message, failed.code], ["routing-api-connection-failed", 1]);
    assert.match(String(failed.error), /^unable-to-fetch-token: .*connection refused/);

    uaa.always = refusal(401, "unauthorized", "Bad credentials");
    assert.deepEqual(await failedStart(config()), {
      message: "routing-api-connection-failed",
      error: "unable-to-fetch-token: UAA answered 401 to the request for a token",
      code: 1,
    });
    assert.equal(uaa.calls.length, 4, "three more tries");
    reset();
    const noApi = await failedStart(config({ port: down }));
    assert.deepEqual([noApi.message, noApi.code], ["routing-api-connection-failed", 1]);
    assert.match(String(noApi.error), /connection refused/);
    api.accepts = "another";
    assert.deepEqual(await failedStart(config()), {
      message: "routing-api-connection-failed",
      error: "unauthorized",
      code: 1,
    });
    reset();
    const wrong = await failedStart(config({ ca_certs: stranger.certificate }));
    assert.deepEqual([wrong.message, wrong.code], ["routing-api-connection-failed", 1]);
    assert.match(String(wrong.error), /x509|certificate/);
    // The second token, after everything was put together.
    uaa.instead.push(uaa.serve);
    uaa.always = refusal(500, "x", "x");
    assert.deepEqual(await failedStart(config({}, { token_fetcher_max_retries: 0 })), {
      message: "unable-to-fetch-token",
      error: "UAA answered 500 to the request for a token",
      code: 1,
    });
  });

  it("oauth.port 0, a CA file that is not there or holds none: initialize-uaa-client, exit 1", async () => {
    reset();
    const settings = config();
    const oauth = settings["oauth"] as Yaml;
    const start = (changes: Yaml) => failedStart({ ...settings, oauth: { ...oauth, ...changes } });
    assert.deepEqual(await start({ port: 0 }), {
      message: "initialize-uaa-client",
      error: "tls-not-enabled: UAA client requires TLS enabled",
      code: 1,
    });
    assert.deepEqual(await start({ ca_certs: "/nowhere/ca.pem" }), {
      message: "initialize-uaa-client",
      error: "failed to read ca cert file: open /nowhere/ca.pem: no such file or directory",
      code: 1,
    });
    writeFileSync(join(folder, "empty.pem"), "nothing\n");
    const { error } = await start({ ca_certs: join(folder, "empty.pem") });
    assert.equal(error, "unable to load caCert");
  });

  it("auth_disabled: no UAA, `bearer` alone, one line per client with the source as configured", async () => {
    reset();
    api.listed = [route("open.test")];
    const router = await startRouter("embedded", config({ auth_disabled: true }));
    try {
      await table(router, "open.test", backend.port);
      const lines = (await router.settledLogLines()).filter(({ message }) => message === "using-noop-token-fetcher");
      assert.deepEqual(
        lines.map(({ source, log_level }) => [source, log_level]),
        [
          ["", 1],
          ["", 1],
        ],
      );
      assert.equal(uaa.calls.length, 0);
      assert.deepEqual([...new Set(api.calls.map(({ headers }) => headers.authorization))], ["bearer"]);
    } finally {
      await router.stop();
    }
  });

  it("UAA of an authority that nobody knows: refused, unless skip_ssl_validation; tokens end early by the buffer", async () => {
    reset();
    const settings = config({}, { token_fetcher_expiration_buffer_time: 3600, token_fetcher_max_retries: 0 });
    const oauth = (changes: Yaml): Yaml => ({
      ...settings,
      oauth: { ...(settings["oauth"] as Yaml), ca_certs: "", ...changes },
    });
    const { error, code } = await failedStart(oauth({}));
    assert.match(String(error), /^unable-to-fetch-token: .*(x509|certificate)/);
    assert.equal(code, 1);
    const router = await startRouter("embedded", oauth({ skip_ssl_validation: true }));
    try {
      // A token of 3600 s is never young enough: one for each list and stream.
      const lists = api.count("routes");
      await condition("two more lists", () => (api.count("routes") >= lists + 2 ? true : undefined));
      const used = api.calls.map(({ headers }) => headers.authorization);
      assert.equal(new Set(used).size, used.length);
    } finally {
      await router.stop();
    }
  });

  it("optional: starts without UAA and API, counts what fails, and takes the routes when they come", async () => {
    reset();
    const counted: string[] = [];
    const agent = createSocket("udp4").on("message", (bytes) => {
      const { counterEvent } = decodeEnvelope(bytes);
      if (counterEvent != null) counted.push(`${counterEvent.name} ${counterEvent.delta}`);
    });
    await new Promise<void>((resolve) => agent.bind(0, "127.0.0.1", resolve));
    api.listed = [route("late.test")];
    uaa.always = refusal(503, "x", "away");
    api.always = refusal(503, "x", "away");
    const logging = { level: "debug", metron_address: `127.0.0.1:${agent.address().port}` };
    const router = await startRouter("embedded", config({ optional: true }, { logging }));
    try {
      await router.program.logged("failed-to-fetch-token");
      await condition("the counter", () => (counted.includes("token_fetch_errors 1") ? true : undefined));
      assert.equal((await get(router.port, "late.test")).status, 404);
      uaa.always = undefined;
      api.always = undefined;
      await table(router, "late.test", backend.port);
      assert.equal((await get(router.port, "late.test")).status, 200);
      await condition("a stream", () => (api.streams === 1 ? true : undefined));
      api.endStreams("end");
      await condition("the counter", () => (counted.includes("subscribe_events_errors 1") ? true : undefined));
    } finally {
      agent.close();
      await router.stop();
    }
  });
});

describe("Routing API client and our own server", () => {
  it("routes, reservations and deletes get into the table by events", async () => {
    const own = await RoutingApiProcess.start({}, ["-devMode"]);
    const router = await startRouter(
      "embedded",
      config(
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
      const app = { route: "app.test", port: backend.port, ip: "127.0.0.1", ttl: 100 };
      await tell("POST", { route: "app.test", reserved: true, ttl: 100 });
      await condition("503", async () => ((await get(router.port, "app.test")).status === 503 ? true : undefined));
      await tell("POST", app);
      await table(router, "app.test", backend.port);
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
