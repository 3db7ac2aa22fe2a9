import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { afterEach, describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { runtime } from "#runtime";
import type { ByteStream } from "../../../src/runtime/interface/byte-stream.ts";
import { StreamError } from "../../../src/runtime/interface/stream-error.ts";
import type { ClientTls, ServerTls } from "../../../src/runtime/interface/tls.ts";
import { afterwards, closeAll, Recorder, until } from "./recorder.ts";
import { commonName, serverTls, trusting } from "./tls-material.ts";

describe(`TLS on a stream that was plain before (${runtime.name})`, () => {
  afterEach(closeAll);

  it("is taken over as server after bytes were read (PROXY protocol)", async () => {
    const preamble = "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n";
    const atServer = new Recorder();
    let secured: ByteStream | undefined;
    const listener = await runtime.listen({ host: "127.0.0.1", port: 0, takeover: true }, (stream) => {
      const seen: Uint8Array[] = [];
      const preRead = new Recorder();
      preRead.data = (bytes) => {
        seen.push(bytes);
        const all = Buffer.concat(seen);
        // The hello comes in the same packet as the preamble, or later: take over when its first byte is there.
        if (all.length <= preamble.length) return;
        stream.pause();
        const rest = new Uint8Array(all.subarray(preamble.length));
        runtime.secureServer(stream, rest, serverTls, atServer).then((taken) => {
          secured = taken;
        });
      };
      return preRead;
    });
    afterwards(() => listener.close());
    const atClient = new Recorder();
    const plain = await runtime.connect({ host: "127.0.0.1", port: listener.port, takeover: true }, new Recorder());
    plain.writeText(preamble);
    const client = await runtime.secureClient(plain, { ...trusting, serverName: "second.test" }, atClient);
    afterwards(async () => client.destroy());
    client.writeText("through");
    await until("bytes", () => atServer.text === "through");
    assert.equal(secured!.tls!.serverName, "second.test");
    assert.equal(commonName(client.tls!.peerCertificates[0]), "CN=second.test");
    secured!.writeText("back");
    secured!.end();
    await until("back", () => atClient.text === "back" && atClient.events.includes("ended"));
    client.end();
    await until("closed", () => atServer.isClosed && atClient.isClosed);
  });

  /** Accepts streams and takes each over as server at its first bytes; gives how that ended. */
  async function takingOver(
    tls: ServerTls,
  ): Promise<{ port: number; outcome: Promise<ByteStream>; atServer: Recorder }> {
    const atServer = new Recorder();
    let settle: (outcome: Promise<ByteStream>) => void = () => {};
    const outcome = new Promise<ByteStream>((resolve) => {
      settle = resolve;
    });
    const listener = await runtime.listen({ host: "127.0.0.1", port: 0, takeover: true }, (stream) => {
      const preRead = new Recorder();
      preRead.data = (bytes) => settle(runtime.secureServer(stream, bytes, tls, atServer));
      return preRead;
    });
    afterwards(() => listener.close());
    outcome.catch(() => {});
    return { port: listener.port, outcome, atServer };
  }

  for (const [what, act, kinds] of [
    ["closes", (stream: ByteStream) => stream.end(), ["ended"]],
    // The runtime's TLS may only see that the connection is gone.
    ["resets", (stream: ByteStream) => stream.reset(), ["reset", "ended"]],
    [
      "sends garbage",
      (stream: ByteStream) => stream.writeText("no TLS at all ".repeat(50)),
      // Deno calls it by the alert that it sends.
      ["tls-not-tls", "tls-other", "tls-alert-handshake"],
    ],
  ] as const) {
    it(`tells why a handshake fails whose client ${what} in its middle`, async () => {
      const { port, outcome, atServer } = await takingOver(serverTls);
      const client = await runtime.connect({ host: "127.0.0.1", port }, new Recorder());
      afterwards(async () => client.destroy());
      client.write(new Uint8Array([22, 3, 1, 1, 0, 1]));
      let taken = false;
      setTimeout(() => {
        taken = true;
        act(client);
      }, 20);
      await assert.rejects(outcome, (error: StreamError) => {
        assert.ok(
          error instanceof StreamError && (kinds as readonly string[]).includes(error.kind),
          `${error.kind} ${error.code}`,
        );
        return true;
      });
      assert.ok(taken);
      assert.deepEqual(atServer.events, []);
    });
  }

  it("hears clients in plain and on TLS as they come and go, also behind a closed listener", async () => {
    const echo = (stream: Promise<ByteStream>): Recorder => {
      const recorder = new Recorder();
      recorder.data = (bytes) => void stream.then((is) => is.writeText(`<${runtime.latin1(bytes, 0, bytes.length)}>`));
      recorder.ended = () => void stream.then((is) => is.end());
      return recorder;
    };
    let open = 0;
    const listener = await runtime.listen({ host: "127.0.0.1", port: 0, takeover: true }, (stream) => {
      open++;
      const plain = echo(Promise.resolve(stream));
      const inPlain = plain.data;
      plain.data = (bytes) => {
        if (bytes[0] !== 22) {
          inPlain(bytes);
          return;
        }
        const { promise, resolve } = Promise.withResolvers<ByteStream>();
        resolve(runtime.secureServer(stream, bytes, serverTls, echo(promise)));
      };
      plain.closed = () => void open--;
      return plain;
    });
    const dial = async (tls?: ClientTls): Promise<{ stream: ByteStream; heard: Recorder }> => {
      const heard = new Recorder();
      const where = { host: "127.0.0.1", port: listener.port };
      const stream = await runtime.connect(tls === undefined ? where : { ...where, tls }, heard);
      afterwards(async () => stream.destroy());
      return { stream, heard };
    };
    const says = async ({ stream, heard }: { stream: ByteStream; heard: Recorder }, what: string): Promise<void> => {
      const before = heard.text;
      stream.writeText(what);
      await until(`echo of ${what}`, () => heard.text === `${before}<${what}>`);
    };
    const first = await dial(trusting);
    await says(first, "alone on TLS");
    const plain = await dial();
    await until("plain client", () => open === 2);
    await says(first, "beside one who says nothing yet");
    await says(plain, "in plain");
    const second = await dial(trusting);
    await says(second, "another on TLS");
    await says(plain, "in plain again");
    plain.stream.end();
    await until("goodbye", () => plain.heard.isClosed);
    await says(first, "nobody in plain");
    const mute = await dial();
    const late = await dial();
    await until("both", () => open === 4);
    mute.stream.reset();
    await until("mute one gone", () => open === 3);
    await listener.close();
    await says(second, "closed listener");
    await says(late, "heard at last");
    late.stream.end();
    await until("goodbye", () => late.heard.isClosed && open === 2);
    await says(first, "nobody in plain once more");
  });

  it("tells of a client that is gone before its takeover", async () => {
    const plain = new Recorder();
    let accepted: ByteStream | undefined;
    const listener = await runtime.listen({ host: "127.0.0.1", port: 0, takeover: true }, (stream) => {
      accepted = stream;
      return plain;
    });
    afterwards(() => listener.close());
    const client = await runtime.connect({ host: "127.0.0.1", port: listener.port }, new Recorder());
    client.writeText("bytes");
    await until("bytes", () => plain.text === "bytes");
    client.reset();
    await until("the end", () => plain.isClosed);
    await assert.rejects(runtime.secureServer(accepted!, plain.chunks[0]!, serverTls, new Recorder()), StreamError);
  });

  it("closes with a cause when records do not decrypt", async () => {
    const { port, outcome, atServer } = await takingOver(serverTls);
    const below = connectTcp(port, "127.0.0.1");
    const client = connectTls({ socket: below, rejectUnauthorized: false });
    client.on("error", () => {});
    afterwards(async () => void below.destroy());
    const server = await outcome;
    server.writeText("fine so far");
    below.write(new Uint8Array(5 + 32).fill(9).fill(23, 0, 1).fill(3, 1, 3).fill(0, 3, 4).fill(32, 4, 5));
    await until("closed", () => atServer.isClosed);
    assert.notEqual(atServer.cause, undefined);
  });

  it("is taken over as client after a plain exchange (NATS INFO)", async () => {
    const atServer = new Recorder();
    const listener = await runtime.listen({ host: "127.0.0.1", port: 0, takeover: true }, (stream) => {
      stream.writeText("INFO {}\r\n");
      const plain = new Recorder();
      plain.data = (bytes) => {
        stream.pause();
        runtime.secureServer(stream, bytes, serverTls, atServer).then((taken) => taken.writeText("PONG"));
      };
      return plain;
    });
    afterwards(() => listener.close());
    const info = new Recorder();
    const plain = await runtime.connect({ host: "127.0.0.1", port: listener.port, takeover: true }, info);
    await until("INFO", () => info.text === "INFO {}\r\n");
    const atClient = new Recorder();
    const client = await runtime.secureClient(plain, trusting, atClient);
    afterwards(async () => client.destroy());
    client.writeText("CONNECT");
    await until("both ways", () => atServer.text === "CONNECT" && atClient.text === "PONG");
    assert.equal(client.tls!.verified, true);
  });
});
