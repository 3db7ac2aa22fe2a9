import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { connect, Lines, type RunningServer, serverKinds, text, until } from "./bus-rig.ts";

for (const kind of serverKinds) {
  for (const transport of ["tcp", "webSocket"] as const) {
    describe(`bus over ${transport} on the ${kind.name}`, { skip: kind.skip }, () => {
      let server: RunningServer;
      before(async () => {
        server = await kind.start();
      });
      after(() => server.stop());

      it("delivers what is published, with the reply subject", async () => {
        const bus = await connect([server.urls[transport]]);
        const seen: string[] = [];
        bus.subscribe("pub.one", (message) =>
          seen.push(`${message.subject} ${message.reply} ${text(message.payload)}`),
        );
        bus.publish("pub.one", "hello", "answer.here");
        bus.publish("pub.one", new Uint8Array(0));
        bus.publish("pub.two", "not for us");
        await bus.flush();
        await until("both arrived", () => seen.length === 2);
        assert.deepEqual(seen, ["pub.one answer.here hello", "pub.one  "]);
        await bus.close();
        assert.equal(await bus.closed, undefined);
      });

      it("asks the early handler first where there is one, and loses and reorders nothing", async () => {
        const bus = await connect([server.urls[transport]]);
        const seen: string[] = [];
        const subscription = bus.subscribe(
          "early.*",
          ({ subject, payload, reply }) => seen.push(`${subject} ${reply} ${text(payload)}`),
          undefined,
          (subject, input, start, end) => {
            const payload = text(input.subarray(start, end));
            const taken = payload.length % 2 === 0;
            if (taken) seen.push(`${subject} ${payload.length === 4 ? "answer.here" : ""} ${payload}`);
            return taken;
          },
        );
        const others: string[] = [];
        bus.subscribe("early.>", ({ payload }) => others.push(text(payload)));
        const payloads = ["", "x", "even", "odd", "y".repeat(50_000), "z".repeat(60_001)];
        for (const payload of payloads) bus.publish("early.one", payload, payload === "even" ? "answer.here" : "");
        await bus.flush();
        await until("all arrived", () => seen.length === payloads.length && others.length === payloads.length);
        assert.deepEqual(
          seen.map((line) => line.length),
          payloads.map((each) => `early.one ${each === "even" ? "answer.here" : ""} ${each}`.length),
        );
        assert.deepEqual(others, payloads);
        subscription.unsubscribe();
        bus.publish("early.one", "late");
        await bus.flush();
        await until("the other got it", () => others.at(-1) === "late");
        assert.equal(seen.length, payloads.length);
        await bus.close();
      });

      it("honours wildcards", async () => {
        const bus = await connect([server.urls[transport]]);
        const star: string[] = [];
        const rest: string[] = [];
        bus.subscribe("wild.*", ({ subject }) => star.push(subject));
        bus.subscribe("wild.>", ({ subject }) => rest.push(subject));
        for (const subject of ["wild", "wild.a", "wild.b.c", "wilder.a", "wild.d"]) bus.publish(subject, "");
        await bus.flush();
        await until("all arrived", () => rest.length === 3);
        assert.deepEqual(star, ["wild.a", "wild.d"]);
        assert.deepEqual(rest, ["wild.a", "wild.b.c", "wild.d"]);
        await bus.close();
      });

      it("gives each message of a queue group to one member", async () => {
        const bus = await connect([server.urls[transport]]);
        const other = await connect([server.urls[transport]]);
        const counts = [0, 0];
        let everybody = 0;
        bus.subscribe("queue.a", () => counts[0]!++, "workers");
        other.subscribe("queue.a", () => counts[1]!++, "workers");
        other.subscribe("queue.a", () => everybody++);
        await bus.flush();
        await other.flush();
        for (let i = 0; i < 200; i++) bus.publish("queue.a", String(i));
        await bus.flush();
        await until("all arrived", () => everybody === 200 && counts[0]! + counts[1]! >= 200);
        assert.equal(counts[0]! + counts[1]!, 200);
        assert.ok(counts[0]! > 20 && counts[1]! > 20, `shared out: ${counts}`);
        await bus.close();
        await other.close();
      });

      it("answers a request", async () => {
        const asker = await connect([server.urls[transport]]);
        const oracle = await connect([server.urls[transport]]);
        oracle.subscribe("ask", ({ reply, payload }) => oracle.publish(reply, `${text(payload)}!`));
        await oracle.flush();
        const inbox = asker.inbox();
        const answers: string[] = [];
        asker.subscribe(inbox, ({ payload }) => answers.push(text(payload)));
        asker.publish("ask", "is it", inbox);
        await until("the answer came", () => answers.length > 0);
        assert.deepEqual(answers, ["is it!"]);
        await asker.close();
        await oracle.close();
      });

      it("ends a subscription", async () => {
        const bus = await connect([server.urls[transport]]);
        let seen = 0;
        const subscription = bus.subscribe("ended", () => seen++);
        bus.publish("ended", "");
        await bus.flush();
        await until("the first arrived", () => seen === 1);
        subscription.unsubscribe();
        bus.publish("ended", "");
        await bus.flush();
        assert.equal(seen, 1);
        await bus.close();
      });

      it("brings 20 000 messages in order", async () => {
        const bus = await connect([server.urls[transport]]);
        const sender = await connect([server.urls[transport]]);
        let next = 0;
        bus.subscribe("many", ({ payload }) => {
          if (text(payload) === `message ${next}`) next++;
        });
        await bus.flush();
        for (let i = 0; i < 20_000; i++) sender.publish("many", `message ${i}`);
        await until("the last arrived", () => next === 20_000);
        await bus.close();
        await sender.close();
      });

      it("carries payloads up to the limit and refuses larger ones", async () => {
        const bus = await connect([server.urls[transport]]);
        const sizes: number[] = [];
        bus.subscribe("large", ({ payload }) => sizes.push(payload.length));
        bus.publish("large", new Uint8Array(64 * 1024));
        await bus.flush();
        await until("it arrived", () => sizes.length === 1);
        assert.deepEqual(sizes, [64 * 1024]);
        assert.throws(() => bus.publish("large", new Uint8Array(2 << 20)), /max_payload|PAYLOAD/i);
        await bus.close();
      });

      it("reconnects to a restarted server, with its subscriptions and what was published meanwhile", async () => {
        const lines = new Lines();
        const own = await kind.start();
        const bus = await connect([own.urls[transport]], { pingIntervalMs: 300 }, lines);
        const seen: string[] = [];
        let reconnects = 0;
        bus.onReconnect(() => reconnects++);
        bus.subscribe("back", ({ payload }) => seen.push(text(payload)));
        await own.stop();
        await until("the loss was noticed", () => !bus.connected);
        bus.publish("back", "while away");
        const again = await kind.start({ port: own.port, webSocketPort: own.webSocketPort });
        await until("it is back", () => reconnects === 1);
        assert.equal(bus.connected, true);
        bus.publish("back", "after");
        await until("both arrived", () => seen.length === 2);
        assert.deepEqual(seen, ["while away", "after"]);
        const { host } = new URL(own.urls[transport].replace(/^\w+/, "http"));
        const facts = JSON.stringify({ host, addr: host });
        const log = lines.lines.filter((line) => line !== "nats-connection-still-disconnected");
        assert.deepEqual(log, [
          `Successfully-connected-to-nats ${facts}`,
          `nats-connection-disconnected ${facts}`,
          `nats-connection-reconnected ${facts}`,
        ]);
        assert.ok(lines.lines.length > log.length, "the still-disconnected line was written");
        await bus.close();
        await again.stop();
      });

      it("goes on with another server at once when one dies", async () => {
        const first = await kind.start();
        const second = await kind.start();
        const bus = await connect([first.urls[transport], second.urls[transport]]);
        const seen: string[] = [];
        bus.subscribe("over", ({ payload }) => seen.push(text(payload)));
        const onFirst = first.urls[transport].endsWith(bus.host);
        const [dying, living] = onFirst ? [first, second] : [second, first];
        const started = performance.now();
        await dying.stop();
        bus.publish("over", "one");
        await until("it is on the other server", () => bus.connected && living.urls[transport].endsWith(bus.host));
        assert.ok(performance.now() - started < 1900, "without the pause between two sweeps");
        bus.publish("over", "two");
        await until("messages flow", () => seen.includes("two"));
        await bus.close();
        await living.stop();
      });

      it("logs in, with the credentials of the configuration or of the URL", async () => {
        const guarded = await kind.start({ user: "me@x", pass: "p:/ w" });
        const byConfig = await connect([guarded.urls[transport]], { user: "me@x", pass: "p:/ w" });
        const withUser = guarded.urls[transport].replace("://", "://me%40x:p%3A%2F%20w@");
        const byUrl = await connect([withUser], { user: "wrong", pass: "wrong" });
        assert.ok(byConfig.connected && byUrl.connected);
        await byConfig.close();
        await byUrl.close();
        await guarded.stop();
      });

      it("does not start with wrong credentials", async () => {
        const guarded = await kind.start({ user: "me", pass: "secret" });
        const attempt = connect([guarded.urls[transport]], { user: "me", pass: "wrong" });
        await assert.rejects(attempt, { message: "nats: Authorization Violation" });
        await guarded.stop();
      });
    });
  }

  describe(`bus that gives up on the ${kind.name}`, { skip: kind.skip }, () => {
    it("keeps at most 8 MiB of messages while it is disconnected", async () => {
      const server = await kind.start();
      const bus = await connect([server.urls.tcp]);
      await server.stop();
      await until("the loss was noticed", () => !bus.connected);
      const megabyte = new Uint8Array((1 << 20) - "subject".length);
      for (let i = 0; i < 8; i++) bus.publish("subject", megabyte);
      assert.throws(() => bus.publish("s", ""), {
        message: "cannot publish to s: nats: outbound buffer limit exceeded",
      });
      await bus.close();
      assert.equal(await bus.closed, undefined);
    });

    it("ends when the server has refused its credentials twice", async () => {
      const lines = new Lines();
      const server = await kind.start({ user: "me", pass: "old" });
      const bus = await connect([server.urls.tcp], { user: "me", pass: "old" }, lines);
      await server.stop();
      const changed = await kind.start({ port: server.port, user: "me", pass: "new" });
      const error = await bus.closed;
      assert.equal(error?.message, "nats: Authorization Violation");
      assert.equal(
        lines.lines.at(-1),
        'nats-connection-closed {"error":"unexpected close","last_error":"nats: Authorization Violation"}',
      );
      assert.throws(() => bus.publish("x", ""), /connection closed/);
      await changed.stop();
    });
  });
}

describe("first connect of the bus", () => {
  it("tries a refused port three times in about 0.3 s", async () => {
    const started = performance.now();
    await assert.rejects(connect(["nats://127.0.0.1:1"]), { message: "nats: no servers available for connection" });
    const took = performance.now() - started;
    assert.ok(took >= 290 && took < 1900, `took ${took} ms`);
    await assert.rejects(connect(["ws://127.0.0.1:1"]), { message: "nats: no servers available for connection" });
  });

  it("does not hang on a peer that never speaks", { timeout: 15_000 }, async () => {
    const open = new Set<{ destroy(): void }>();
    const silent = createServer((socket) => {
      open.add(socket);
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    const started = performance.now();
    await assert.rejects(
      connect([`nats://127.0.0.1:${port}`]),
      /^BusUnreachable: read tcp 127.0.0.1:\d+->127.0.0.1:\d+: i\/o timeout$/,
    );
    const took = performance.now() - started;
    assert.ok(took > 6000 && took < 9000, `took ${took} ms`);
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });

  it("says what it expected of a peer that speaks something else", async () => {
    const web = createServer((socket) => {
      socket.on("error", () => {});
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const { port } = web.address() as { port: number };
    await assert.rejects(connect([`nats://127.0.0.1:${port}`]), {
      message: "nats: expected 'INFO', got 'HTTP/1.1 400 Bad Request'",
    });
    await new Promise((resolve) => web.close(resolve));
  });
});

/** A NATS server that speaks as far as `answer` says, and what it was told. */
async function scripted(answer: (line: string, socket: Socket) => void) {
  const said: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.write('INFO {"server_id":"x","version":"2.9.10","max_payload":1048576}\r\n');
    socket.on("data", (chunk) => {
      for (const line of String(chunk).split("\r\n").slice(0, -1)) {
        said.push(line);
        answer(line, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const stop = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `nats://127.0.0.1:${port}`, said, stop };
}

describe("what the bus says to a server (control-plane §2.1)", () => {
  it("sends credentials as they are, and none when there are none", async () => {
    const server = await scripted((line, socket) => line === "PING" && socket.write("PONG\r\n"));
    const guest = await connect([server.url]);
    await guest.close();
    const known = await connect([server.url], { user: "a:b", pass: "p@/%" });
    await known.close();
    const [first, second] = server.said.filter((line) => line.startsWith("CONNECT ")).map((line) => line.slice(8));
    const { user, pass } = JSON.parse(second!) as { user?: string; pass?: string };
    assert.deepEqual([user, pass], ["a:b", "p@/%"]);
    const none = JSON.parse(first!) as { user?: string; pass?: string };
    assert.deepEqual([none.user ?? "", none.pass ?? ""], ["", ""]);
    await server.stop();
  });

  it("goes to a server that joined the cluster while it was connected", async () => {
    const pongs = (line: string, socket: Socket): unknown => line === "PING" && socket.write("PONG\r\n");
    const joined = await scripted(pongs);
    let client: Socket | undefined;
    const first = await scripted((line, socket) => {
      client = socket;
      pongs(line, socket);
    });
    const bus = await connect([first.url]);
    const urls = [first.url, joined.url].map((url) => url.slice("nats://".length));
    client!.write(`INFO {"server_id":"x","version":"2.9.10","connect_urls":${JSON.stringify(urls)}}\r\nPING\r\n`);
    await until("it has heard that", () => first.said.includes("PONG"));
    await first.stop();
    await until("it is on the other server", () => bus.connected && joined.url.endsWith(bus.host));
    await bus.close();
    await joined.stop();
  });

  it("pings at the interval; two PINGs without answer end the connection", async () => {
    let pings = 0;
    const server = await scripted((line, socket) => {
      // The first belongs to connecting; three more are answered.
      if (line === "PING" && ++pings <= 4) socket.write("PONG\r\n");
    });
    const lines = new Lines();
    const bus = await connect([server.url], { pingIntervalMs: 60 }, lines);
    await until("the loss was noticed", () => lines.lines.some((line) => line.startsWith("nats-connection-disc")));
    assert.ok(pings >= 5, `${pings} pings`);
    await bus.close();
    await server.stop();
  });
});
