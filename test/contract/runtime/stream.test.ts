import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { ByteStreamHandler } from "../../../src/runtime/interface/byte-stream.ts";
import type { ListenOptions } from "../../../src/runtime/interface/listening.ts";
import { answerAndReset, floodSlowReader } from "./flood.ts";
import { closeAll, connectedPair, Recorder, until } from "./recorder.ts";

const ascii = (text: string): Uint8Array => runtime.fromLatin1(text);

// A runtime may have streams of another kind where TLS is to take over.
for (const takeover of [false, true]) {
  describe(`byte stream (${runtime.name}${takeover ? ", may be taken over" : ""})`, () => {
    const connected = (listen: Partial<ListenOptions> = {}): ReturnType<typeof connectedPair> =>
      connectedPair(runtime, { takeover, ...listen }, { takeover });

    afterEach(closeAll);

    it("carries bytes both ways and knows its addresses", async () => {
      const pair = await connected();
      pair.client.write(ascii("ping"));
      await until("ping", () => pair.atServer.text === "ping");
      pair.server.write(ascii("pong"));
      await until("pong", () => pair.atClient.text === "pong");
      assert.equal(pair.server.remoteAddress, "127.0.0.1");
      assert.equal(pair.server.remotePort, pair.client.localPort);
      assert.equal(pair.client.remotePort, pair.listener.port);
      assert.equal(pair.client.tls, undefined);
      assert.equal(pair.client.pending, 0);
    });

    it("shows an IPv4 client of a dual-stack listener as IPv4", async () => {
      const pair = await connected({ host: "" });
      assert.equal(pair.server.remoteAddress, "127.0.0.1");
      assert.equal(pair.server.localAddress, "127.0.0.1");
    });

    it("half-closes: the client first", async () => {
      const pair = await connected();
      pair.client.write(ascii("question"));
      pair.client.end();
      await until("FIN at the server", () => pair.atServer.events.includes("ended"));
      assert.deepEqual(pair.atServer.events, ["data", "ended"]);
      pair.server.write(ascii("late answer"));
      pair.server.end();
      await until("both closed", () => pair.atClient.isClosed && pair.atServer.isClosed);
      assert.equal(pair.atClient.text, "late answer");
      assert.deepEqual(pair.atClient.events, ["data", "ended", "closed"]);
      assert.deepEqual(pair.atServer.events, ["data", "ended", "closed"]);
      assert.equal(pair.atClient.cause, undefined);
      assert.equal(pair.atServer.cause, undefined);
    });

    it("half-closes: the server first", async () => {
      const pair = await connected();
      pair.server.end();
      await until("FIN at the client", () => pair.atClient.events.includes("ended"));
      pair.client.write(ascii("still here"));
      pair.client.end();
      await until("both closed", () => pair.atClient.isClosed && pair.atServer.isClosed);
      assert.equal(pair.atServer.text, "still here");
      assert.deepEqual(pair.atServer.events, ["data", "ended", "closed"]);
      assert.deepEqual(pair.atClient.events, ["ended", "closed"]);
    });

    it("sends everything pending before the FIN of end", async () => {
      const pair = await connected();
      pair.atClient.countOnly = true;
      pair.client.pause();
      const size = 12 * 1024 * 1024;
      assert.equal(pair.server.write(new Uint8Array(size)), false);
      assert.ok(pair.server.pending > 64 * 1024);
      pair.server.end();
      pair.client.resume();
      await until("all of it", () => pair.atClient.events.includes("ended"));
      assert.equal(pair.atClient.bytes, size);
    });

    it("passes reads of any size on, behind text that stands for their first byte", async () => {
      const pair = await connected();
      pair.atServer.data = (bytes) => void pair.server.writeText(runtime.latin1(bytes, 0, 1), bytes, 1);
      const sizes = [1, 1000, 8 * 1024, 16 * 1024, 21 * 1024, 200_000];
      let sent = "";
      for (const [index, size] of [...sizes, ...sizes].entries()) {
        const text = Array.from({ length: size }, (_, at) => String.fromCharCode((index * 31 + at * 7) & 0xff)).join(
          "",
        );
        sent += text;
        pair.client.write(ascii(text));
        // Those of the first half come one by one, the others as the kernel pleases.
        if (index < sizes.length) await until("the echo", () => pair.atClient.bytes === sent.length);
      }
      await until("all echoes", () => pair.atClient.bytes === sent.length);
      assert.ok(pair.atClient.text === sent);
    });

    for (const fromServer of [false, true]) {
      it(`holds a fast writer back for a slow reader (${fromServer ? "server to client" : "client to server"})`, async () => {
        const pair = await connected();
        const [writer, reader] = fromServer ? [pair.server, pair.client] : [pair.client, pair.server];
        await floodSlowReader(writer, reader, fromServer ? pair.atClient : pair.atServer);
      });
    }

    it("tells a reset", async () => {
      const pair = await connected();
      pair.client.reset();
      await until("closed", () => pair.atServer.isClosed && pair.atClient.isClosed);
      assert.equal(pair.atServer.cause?.kind, "reset");
      assert.equal(pair.atServer.cause?.code, "ECONNRESET");
      assert.equal(pair.atClient.cause, undefined);
    });

    it("tells a paused stream of FIN and RST while nothing is held back", async () => {
      const first = await connected();
      first.server.pause();
      first.client.end();
      await until("FIN", () => first.atServer.events.includes("ended"));
      const second = await connected();
      second.server.pause();
      second.client.reset();
      await until("RST", () => second.atServer.isClosed);
      assert.equal(second.atServer.cause?.kind, "reset");
    });

    it("destroy tells closed later, once, and nothing else", async () => {
      const pair = await connected();
      pair.client.write(ascii("x"));
      const events: string[] = [];
      pair.server.handler = {
        data() {
          events.push("data");
          pair.server.destroy();
          pair.server.destroy();
          pair.server.write(ascii("ignored"));
          pair.server.writeText("ignored");
          pair.server.end();
          events.push("returned");
        },
        drained: () => events.push("drained"),
        ended: () => events.push("ended"),
        closed: (cause) => events.push(`closed ${cause?.kind}`),
      } as ByteStreamHandler;
      await until("closed", () => events.length > 2 && pair.atClient.events.length > 0);
      assert.deepEqual(events, ["data", "returned", "closed undefined"]);
      assert.equal(pair.server.pending, 0);
    });

    it("survives writing to a peer that is gone", async () => {
      const pair = await connected();
      pair.client.destroy();
      await until("the peer's end", () => pair.atServer.events.length > 0);
      for (let i = 0; i < 200 && !pair.atServer.isClosed; i++) {
        pair.server.write(ascii("anybody there?"));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      assert.ok(pair.atServer.isClosed);
      const kind = pair.atServer.cause?.kind;
      assert.ok(kind === "broken-pipe" || kind === "reset", `kind ${kind}`);
    });

    // What may be taken over carries no answers to uploads.
    if (!takeover) {
      it("gives out what the peer said before it closed, though a write fails", async () => {
        for (let round = 0; round < 5; round++) {
          const pair = await connected();
          await answerAndReset(runtime, pair.client, pair.atClient, pair.server);
        }
      });

      it("closes at a failed write where nothing is read any more", async () => {
        const pair = await connected();
        pair.client.pause();
        pair.server.write(ascii("held back"));
        for (let sent = 1; sent <= 5; sent++) {
          pair.client.write(ascii("."));
          await until("it is there", () => pair.atServer.bytes === sent);
        }
        pair.server.pause();
        pair.client.write(ascii("unread"));
        pair.server.destroy();
        for (let i = 0; i < 500 && !pair.atClient.isClosed; i++) {
          pair.client.write(ascii("anybody there?"));
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        assert.ok(pair.atClient.isClosed);
        assert.equal(pair.atClient.text, "");
      });
    }

    it("writes text as one byte per character, with and without bytes behind it", async () => {
      const pair = await connected();
      let text = "";
      for (let i = 0; i < 256; i++) text += String.fromCharCode(i);
      const big = new Uint8Array(40_000).fill(0xab);
      pair.client.writeText(text);
      pair.client.writeText(text, ascii("small"));
      pair.client.writeText(text, big);
      pair.client.writeText(text, ascii("not this, small"), 10);
      pair.client.writeText(text, big, 10_000);
      pair.client.writeText(text, ascii("none"), 4);
      pair.client.writeText("", ascii("only bytes"));
      pair.client.writeText(text.repeat(400));
      pair.client.end();
      await until("all", () => pair.atServer.events.includes("ended"));
      const parts = [text, `${text}small`, `${text}${"\u00ab".repeat(40_000)}`];
      const later = [`${text}small`, `${text}${"\u00ab".repeat(30_000)}`, text];
      const expected = `${parts.join("")}${later.join("")}only bytes${text.repeat(400)}`;
      assert.equal(pair.atServer.text, expected);
    });

    it("keeps the order of many small writes", async () => {
      const pair = await connected();
      let expected = "";
      pair.server.pause();
      for (let i = 0; i < 20_000; i++) {
        const line = `line ${i} ${"-".repeat(i % 300)}\n`;
        expected += line;
        if (i % 3 === 0) pair.client.write(ascii(line));
        else if (i % 3 === 1) pair.client.writeText(line);
        else pair.client.writeText(line.slice(0, 4), ascii(line.slice(4)));
      }
      pair.client.end();
      pair.server.resume();
      await until("all", () => pair.atServer.events.includes("ended"));
      assert.equal(pair.atServer.text.length, expected.length);
      assert.ok(pair.atServer.text === expected);
    });

    it("pause holds data and FIN back, resume delivers them in order and not from inside itself", async () => {
      const pair = await connected();
      const seen: string[] = [];
      pair.server.handler = {
        data(bytes) {
          seen.push(runtime.latin1(bytes, 0, bytes.length));
          pair.server.pause();
        },
        drained() {},
        ended: () => seen.push("ended"),
        closed: () => seen.push("closed"),
      } as ByteStreamHandler;
      pair.client.write(ascii("one"));
      await until("one", () => seen.length === 1);
      pair.client.write(ascii("two"));
      pair.client.end();
      // The client's FIN must be on its way: nothing may come of it.
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.deepEqual(seen, ["one"]);
      pair.server.resume();
      assert.deepEqual(seen, ["one"]);
      await until("two", () => seen.length >= 2);
      assert.equal(seen[1], "two");
      pair.server.resume();
      await until("FIN", () => seen.length === 3);
      pair.server.end();
      await until("closed", () => seen.length === 4);
      assert.deepEqual(seen, ["one", "two", "ended", "closed"]);
    });

    it("tells a new handler what follows", async () => {
      const pair = await connected();
      const second = new Recorder();
      pair.server.handler = {
        data() {
          pair.server.handler = second;
        },
        drained() {},
        ended() {},
        closed() {},
      };
      pair.client.write(ascii("one"));
      await until("handler replaced", () => pair.server.handler === second);
      pair.client.write(ascii("two"));
      pair.client.end();
      await until("the rest", () => second.events.includes("ended"));
      assert.equal(second.text, "two");
    });

    it("tells drained once the pending bytes are gone", async () => {
      const pair = await connected();
      pair.atServer.countOnly = true;
      pair.server.pause();
      let written = 0;
      while (pair.client.write(new Uint8Array(256 * 1024))) written++;
      assert.ok(pair.client.pending > 0);
      assert.ok(!pair.atClient.events.includes("drained"));
      pair.server.resume();
      await until("drained", () => pair.atClient.events.includes("drained"));
      assert.equal(pair.client.pending, 0);
      await until("all arrived", () => pair.atServer.bytes === (written + 1) * 256 * 1024);
    });

    it("speaks over a unix socket", async () => {
      const folder = mkdtempSync(join(tmpdir(), "causeway-"));
      const path = join(folder, "a.sock");
      const pair = await connected({ path });
      pair.client.writeText("hello");
      await until("hello", () => pair.atServer.text === "hello");
      pair.client.end();
      await until("FIN", () => pair.atServer.events.includes("ended"));
      pair.server.end();
      await until("closed", () => pair.atClient.isClosed && pair.atServer.isClosed);
      assert.equal(pair.server.remoteAddress, "");
      assert.equal(pair.server.remotePort, 0);
      await pair.listener.close();
      // The path can be used again.
      await (await runtime.listen({ path }, () => new Recorder())).close();
      rmSync(folder, { recursive: true });
    });
  });
}
