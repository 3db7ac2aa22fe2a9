import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { readAccessLog } from "./harness/access-log.ts";
import { Backend, deadPort, ok, type SeenRequest } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, get } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

/** What needs many requests, or several at the same time; single exchanges stand in `golden/balancing.ts`. */
const names = ["a", "b", "c"] as const;
const backends: Backend[] = [];
const held: SeenRequest[] = [];
let router: RouterUnderTest;
let zoned: RouterUnderTest;

before(async () => {
  for (const name of names) {
    backends.push(
      await Backend.start((request) => {
        if (!request.requestLine.includes("/hold")) return ok(name);
        held.push(request);
        return undefined;
      }),
    );
  }
  const base = { disable_keep_alives: false, endpoint_timeout: "1s", sticky_sessions_for_auth_negotiate: true };
  router = await startRouter("embedded", { ...base, backends: { max_attempts: 3, max_conns: 2 } });
  zoned = await startRouter("embedded", {
    ...base,
    zone: "z1",
    balancing_algorithm_az_preference: "locally-optimistic",
    backends: { max_attempts: 3 },
  });
});
after(async () => {
  for (const backend of backends) await backend.stop();
  await router?.stop();
  await zoned?.stop();
});

async function register(
  at: RouterUnderTest,
  host: string,
  ports: readonly number[],
  fields: object = {},
): Promise<void> {
  for (const [index, port] of ports.entries()) {
    await at.register({ uris: [host], port, private_instance_id: `i${index}`, ...fields });
  }
}

const ports = (): number[] => backends.map(({ port }) => port);

/** Who answered so many requests, one after the other. */
async function answers(at: RouterUnderTest, host: string, count: number): Promise<string> {
  let text = "";
  for (let one = 0; one < count; one++) text += (await get(at.port, host)).body;
  return text;
}

/** Asks for something that its backend does not answer until `release`. */
async function hold(host: string, ...lines: string[]): Promise<Connection> {
  const before = held.length;
  const connection = await Connection.open(
    router.port,
    `GET /hold HTTP/1.1\r\nHost: ${host}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`,
  );
  await condition("the request at a backend", () => held.length > before || undefined);
  return connection;
}

function release(): void {
  for (const { socket } of held.splice(0)) if (!socket.destroyed) socket.write(ok("held"));
}

describe("round-robin (data-plane §3.4)", () => {
  it("takes turns in the order of registration, from a random start", async () => {
    await register(router, "turns.test", ports());
    assert.ok("abcabcabcabc".includes(await answers(router, "turns.test", 9)));
  });

  it("a marked endpoint's turns all go to the next one: A C C A C C", async () => {
    const dead = await deadPort();
    await register(router, "pattern.test", [backends[0]!.port, dead, backends[2]!.port]);
    // At most three requests until the dead one has had its turn.
    await answers(router, "pattern.test", 3);
    const text = await answers(router, "pattern.test", 9);
    assert.ok("accaccaccacc".includes(text), text);
    const failures = (await router.settledLogLines()).filter(
      ({ message, data }) =>
        message === "backend-endpoint-failed" && JSON.stringify(data).includes(`127.0.0.1:${dead}`),
    );
    assert.equal(failures.length, 1);
  });

  it("all marked: all are tried again at once", async () => {
    await register(router, "all-dead.test", [await deadPort(), await deadPort()]);
    for (let round = 0; round < 2; round++) assert.equal((await get(router.port, "all-dead.test")).status, 502);
    await router.accessLogged((line) => line.startsWith("all-dead.test"));
    await condition(
      "four failed attempts",
      () =>
        router.program.logLines.filter(
          ({ message, data }) => message === "backend-endpoint-failed" && data?.["num-endpoints"] === 2,
        ).length === 4 || undefined,
    );
  });

  it("a removed endpoint shifts the later ones down", async () => {
    await register(router, "shift.test", ports());
    await answers(router, "shift.test", 3);
    await router.unregister({ uris: ["shift.test"], port: backends[1]!.port });
    assert.ok("acacacac".includes(await answers(router, "shift.test", 6)));
  });

  it("a sticky hit does not ask the cursor", async () => {
    await register(router, "sticky.test", ports());
    const first = await answers(router, "sticky.test", 1);
    for (let one = 0; one < 4; one++) {
      const answer = await get(router.port, "sticky.test", "/", "Cookie: JSESSIONID=1; __VCAP_ID__=i1");
      assert.equal(answer.body, "b");
    }
    const next = await answers(router, "sticky.test", 1);
    assert.equal("abca"["abc".indexOf(first) + 1], next);
  });

  it("local endpoints behind remote ones get a larger share (§3.5)", async () => {
    // remote, remote, local a, local b: the turns of the two remote ones fall through to a.
    await register(zoned, "share.test", [await deadPort(), await deadPort()], { availability_zone: "z2" });
    await register(zoned, "share.test", [backends[0]!.port, backends[1]!.port], { availability_zone: "z1" });
    const text = await answers(zoned, "share.test", 8);
    assert.ok("aaabaaabaaab".includes(text), text);
  });
});

describe("overload (data-plane §3.2)", () => {
  it("an endpoint at max_conns is passed over; with all there: 503", async () => {
    await register(router, "full.test", ports().slice(0, 2));
    const connections: Connection[] = [];
    for (let one = 0; one < 4; one++) connections.push(await hold("full.test"));
    const counts = backends
      .slice(0, 2)
      .map(({ port }) => held.filter(({ socket }) => socket.localPort === port).length);
    assert.deepEqual(counts, [2, 2], "two in flight at each");
    const answer = await get(router.port, "full.test");
    assert.deepEqual(
      [answer.status, answer.header("x-cf-routererror"), answer.header("cache-control"), answer.body],
      [
        503,
        "Connection Limit Reached",
        undefined,
        "503 Service Unavailable: Requested route ('full.test') has reached the connection limit.\n",
      ],
    );
    await router.program.logged("connection-limit-reached");
    release();
    for (const connection of connections) assert.equal((await connection.response()).body, "held");
    assert.equal((await get(router.port, "full.test")).status, 200);
    for (const connection of connections) connection.close();
  });

  it("counts until the response head: a long body is not in flight", async () => {
    await register(router, "streams.test", [backends[0]!.port]);
    const connections: Connection[] = [];
    for (let one = 0; one < 4; one++) {
      const connection = await hold("streams.test");
      held.pop()!.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
      await connection.text("begun");
      connections.push(connection);
    }
    for (const connection of connections) connection.close();
  });

  it("one message with two uris shares the count between them", async () => {
    await router.register({ uris: ["one.test", "two.test"], port: backends[0]!.port });
    const connections = [await hold("one.test"), await hold("two.test")];
    assert.equal((await get(router.port, "one.test")).status, 503);
    assert.equal((await get(router.port, "two.test")).status, 503);
    release();
    for (const connection of connections) {
      await connection.response();
      connection.close();
    }
  });

  it("sticky: may stick is balanced when its endpoint is full, must stick fails (§3.7)", async () => {
    await register(router, "stuck.test", ports().slice(0, 2));
    const cookie = "Cookie: JSESSIONID=1; __VCAP_ID__=i0";
    const connections = [await hold("stuck.test", cookie), await hold("stuck.test", cookie)];
    const may = await get(router.port, "stuck.test", "/", cookie);
    assert.deepEqual([may.body, may.header("set-cookie")], ["b", "__VCAP_ID__=i1; Path=/; HttpOnly"]);
    const must = await get(router.port, "stuck.test", "/must", cookie, "Authorization: Negotiate x");
    assert.deepEqual(
      [must.status, must.header("x-cf-routererror")],
      [502, "endpoint_failure (No endpoints available)"],
    );
    await router.program.logged("endpoint-overloaded-but-request-must-be-sticky");
    const line = readAccessLog(await router.accessLogged((one) => one.includes("/must")));
    assert.equal(line.backend, "-");
    release();
    for (const connection of connections) {
      await connection.response();
      connection.close();
    }
  });
});

describe("least-connection (data-plane §3.6)", () => {
  it("prefers the endpoint with the fewest requests in flight", async () => {
    await register(router, "least.test", ports(), { options: { loadbalancing: "least-connection" } });
    const connections = [await hold("least.test"), await hold("least.test"), await hold("least.test")];
    assert.equal(new Set(held.map(({ socket }) => socket.localPort)).size, 3, "one in flight at each");
    const free = held.shift()!;
    free.socket.write(ok("free"));
    await condition("its answer", () => connections.some(({ received }) => received.endsWith("free")) || undefined);
    const name = names[ports().indexOf(free.socket.localPort!)]!;
    assert.equal(await answers(router, "least.test", 5), name.repeat(5));
    release();
    for (const connection of connections) connection.close();
  });

  it("the latest option wins and an empty one resets nothing (§3.1)", async () => {
    await register(router, "switch.test", ports(), { options: { loadbalancing: "least-connection" } });
    await register(router, "switch.test", ports(), { options: { loadbalancing: "round-robin" } });
    await register(router, "switch.test", ports(), { options: {} });
    await condition("the switch back", () => {
      const lines = router.program.logLines.filter(
        ({ message }) => message === "setting-pool-load-balancing-algorithm-to-that-of-an-endpoint",
      );
      return lines.at(-1)?.data?.["poolLBAlgorithm"] === "round-robin" || undefined;
    });
    const text = await answers(router, "switch.test", 9);
    assert.ok("abcabcabcabc".includes(text), text);
  });

  it("an unknown name is an error line, and the pool stays as it is (control-plane §3.9)", async () => {
    await register(router, "odd.test", [backends[0]!.port], { options: { loadbalancing: "fastest" } });
    const { data, log_level } = await router.program.logged(
      "invalid-endpoint-load-balancing-algorithm-provided-keeping-pool-lb-algo",
    );
    assert.deepEqual([log_level, data], [3, { endpointLBAlgorithm: "fastest", poolLBAlgorithm: "round-robin" }]);
    assert.equal(await answers(router, "odd.test", 2), "aa");
  });
});

describe("websockets and endpoint_timeout (data-plane §4.7)", () => {
  const ask = (host: string, protocol: string): string =>
    `GET /hold HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
  const switches = (protocol: string): string =>
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\n\r\n`;

  it("a websocket request has none, before the 101 and after; another upgrade only after", async () => {
    await register(router, "slow.test", [backends[0]!.port]);
    await register(router, "slow2.test", [backends[1]!.port]);
    const early = await Connection.open(router.port, ask("slow.test", "websocket"));
    const websocket = await condition("the request", () => held.pop());
    const other = await Connection.open(router.port, ask("slow2.test", "tcp"));
    const tcp = await condition("the request", () => held.pop());
    tcp.socket.write(switches("tcp"));
    await other.text("101");
    // An ordinary request that runs into the timeout: it began after both, so theirs would be over.
    const late = await Connection.open(router.port, ask("slow2.test", "tcp2"));
    assert.equal((await late.response()).header("x-cf-routererror"), "endpoint_failure (context deadline exceeded)");
    websocket.socket.write(switches("websocket"));
    await early.text("101");
    early.write("ping");
    other.write("ping");
    for (const { socket } of [websocket, tcp]) socket.write("pong");
    await early.text("pong");
    await other.text("pong");
    for (const connection of [early, other, late]) connection.close();
    held.length = 0;
  });
});
