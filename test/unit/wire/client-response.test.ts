import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type BodySource, sourceOf } from "../../../src/wire/body.ts";
import { createRig, type Result, readBody, TestOutgoing, TestSink, TestSource } from "../../fixtures/client-rig.ts";
import { bytesOf, settled, textOf } from "../../fixtures/memory-stream.ts";

async function answered(answer: string, outgoing = new TestOutgoing("GET", "/")): Promise<Result> {
  const rig = createRig();
  const result = await rig.send(outgoing);
  await rig.connections[0]!.say(answer);
  return result;
}

const source = (result: Result): BodySource => sourceOf(result.response!)!;

describe("client response: what there is of a body", () => {
  for (const [name, answer, method, length, text] of [
    ["Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "GET", 5, "hello"],
    ["Content-Length: 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", 0, ""],
    ["chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "GET", -1, "hello"],
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", 0, ""],
    ["HEAD, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD", 0, ""],
    ["HEAD, no length", "HTTP/1.1 200 OK\r\n\r\n", "HEAD", 0, ""],
    ["204", "HTTP/1.1 204 No Content\r\n\r\n", "GET", 0, ""],
    ["304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", 0, ""],
  ] as const) {
    it(name, async () => {
      const result = await answered(answer, new TestOutgoing(method, "/"));
      assert.equal(source(result).length, length);
      assert.equal(source(result).taken, false);
      assert.equal(result.response!.body === null, length === 0);
      const sink = readBody(result);
      assert.deepEqual([sink.text, sink.ends, sink.failure], [text, 1, undefined]);
      assert.equal(source(result).taken, true);
    });
  }

  it("in one piece with its head, to a sink that takes it without a view", async () => {
    const body = source(await answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    const taken: string[] = [];
    const sink = new TestSink();
    const writeFrom = (bytes: Uint8Array, from: number): boolean => {
      taken.push(textOf(bytes.subarray(from)));
      return false;
    };
    body.start(Object.assign(sink, { writeFrom }));
    assert.deepEqual([taken, sink.text, sink.ends], [["hello"], "", 0]);
    body.resume();
    assert.deepEqual([taken, sink.text, sink.ends], [["hello"], "", 1]);
  });

  it("in one piece with its head, cancelled before and by the sink", async () => {
    const answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const before = source(await answered(answer));
    before.cancel();
    const unheard = new TestSink();
    before.start(unheard);
    assert.deepEqual([unheard.text, unheard.ends], ["", 0]);
    const during = source(await answered(answer));
    const sink = new TestSink();
    sink.onWrite = () => during.cancel();
    during.start(sink);
    during.resume();
    assert.deepEqual([sink.text, sink.ends, sink.failure], ["hello", 0, undefined]);
  });

  it("until close", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\n\r\nhel");
    assert.equal(source(result).length, -1);
    const sink = readBody(result);
    await rig.connections[0]!.say("lo");
    assert.equal(sink.ends, 0);
    await rig.connections[0]!.end();
    assert.deepEqual([sink.text, sink.ends, sink.failure], ["hello", 1, undefined]);
    await settled();
    assert.equal(rig.connections[0]!.gone, true);
  });

  it("keeps status, phrase and header lines", async () => {
    const result = await answered("HTTP/1.1 299 Very Fine\r\nx-ODD:  a b \r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n");
    const { status, statusText, headers } = result.response!;
    assert.deepEqual([status, statusText, headers.getSetCookie()], [299, "Very Fine", ["a", "b"]]);
    assert.deepEqual([...headers][0], ["x-ODD", "a b"]);
  });

  it("gives trailers to the sink, and as a promise", async () => {
    const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nGrpc-Status: 0\r\n\r\n";
    for (const asked of ["before", "after"] as const) {
      const result = await answered(answer);
      const early = asked === "before" ? result.response!.trailers : undefined;
      const sink = readBody(result);
      assert.equal(sink.trailers!.get("grpc-status"), "0");
      assert.equal((await (early ?? result.response!.trailers))!.get("grpc-status"), "0");
    }
    const none = await answered("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    readBody(none);
    assert.equal(await none.response!.trailers, undefined);
  });

  it("is a ReadableStream for whoever asks", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    const { body } = result.response!;
    assert.equal(result.response!.body, body);
    const text = new Response(body).text();
    await settled();
    await rig.connections[0]!.say("world");
    assert.equal(await text, "helloworld");
    const next = new TestOutgoing("GET", "/");
    await rig.send(next);
    assert.equal(next.attempt.reused, true);
  });

  it("errors the stream with the failure", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    const text = new Response(result.response!.body).text();
    text.catch(() => {});
    await settled();
    await rig.connections[0]!.end();
    await assert.rejects(text);
  });
});

describe("client response: split anywhere", () => {
  const messages: [name: string, answer: string, text: string, closes: boolean][] = [
    ["Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", "hello", false],
    [
      "chunked with extension and trailer",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nT: u\r\n\r\n",
      "hello",
      false,
    ],
    [
      "interim first",
      "HTTP/1.1 103 Hint\r\nLink: l\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      "hi",
      false,
    ],
    ["until close", "HTTP/1.1 200 OK\r\n\r\nhello", "hello", true],
    ["irregular", "HTTP/1.0 200\nA: b\n  c\nContent-Length: 2\n\nhi", "hi", true],
  ];
  for (const [name, answer, text, closes] of messages) {
    it(`${name}: in two pieces at every place, and byte by byte`, async () => {
      const cuts = [...Array(answer.length + 1).keys()].map((at) => [answer.slice(0, at), answer.slice(at)]);
      cuts.push([...answer]);
      for (const pieces of cuts) {
        const rig = createRig();
        const outgoing = new TestOutgoing("GET", "/");
        const result = await rig.send(outgoing);
        const [backend] = rig.connections;
        for (const piece of pieces) backend!.stream.write(bytesOf(piece));
        await settled();
        const sink = readBody(result);
        await settled();
        if (closes) await backend!.end();
        assert.deepEqual([sink.text, sink.ends, sink.failure], [text, 1, undefined], JSON.stringify(pieces));
        const next = new TestOutgoing("GET", "/");
        await rig.send(next);
        assert.equal(next.attempt.reused, !closes);
        assert.equal(outgoing.interims.length, name === "interim first" ? 1 : 0);
      }
    });
  }
});

describe("client response: back-pressure", () => {
  it("stops reading while the sink is full, and loses nothing", async () => {
    for (const framing of ["length", "chunked"] as const) {
      const rig = createRig();
      const result = await rig.send(new TestOutgoing("GET", "/"));
      const [backend] = rig.connections;
      const piece = "x".repeat(1000);
      const head = framing === "length" ? "Content-Length: 300000" : "Transfer-Encoding: chunked";
      await backend!.say(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
      const sink = readBody(result);
      sink.takesMore = false;
      let sent = 0;
      const send = (): boolean => {
        sent += 1000;
        return backend!.stream.write(bytesOf(framing === "length" ? piece : `3e8\r\n${piece}\r\n`));
      };
      while (send()) await settled();
      assert.ok(sent <= 70_000, `the backend was stopped after ${sent} bytes`);
      assert.equal(sink.bytes, 1000);
      source(result).resume();
      await settled();
      assert.equal(sink.bytes, 2000, "one more piece, and full again");
      sink.takesMore = true;
      source(result).resume();
      while (sent < 300_000) send();
      if (framing === "chunked") backend!.stream.write(bytesOf("0\r\n\r\n"));
      await settled();
      assert.deepEqual([sink.bytes, sink.ends], [300_000, 1]);
    }
  });

  it("hands many chunks of one read over one by one", async () => {
    const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(10)}0\r\n\r\n`;
    const result = await answered(answer);
    const sink = new TestSink();
    sink.takesMore = false;
    source(result).start(sink);
    for (let i = 1; i <= 10; i++) {
      assert.deepEqual([sink.bytes, sink.ends], [i, 0]);
      source(result).resume();
    }
    assert.equal(sink.ends, 1);
    source(result).resume();
    assert.equal(sink.ends, 1);
  });

  it("reads no further than one piece before somebody wants the body", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    await rig.connections[0]!.say("world");
    assert.equal(rig.connections[0]!.stream.pending, 5);
    assert.equal(readBody(result).text, "hello");
    await settled();
    assert.equal(rig.connections[0]!.stream.pending, 0);
  });
});

describe("client response: before the request is complete", () => {
  it("goes on with the request while the response lasts (full duplex)", async () => {
    const rig = createRig();
    const body = new TestSource(6, ["abc"]);
    const result = await rig.send(new TestOutgoing("POST", "/", { body }));
    const [backend] = rig.connections;
    await backend!.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    const sink = readBody(result);
    body.feed("def");
    body.sink!.end(undefined);
    await settled();
    assert.equal(backend!.received.endsWith("abcdef"), true);
    await backend!.say("3\r\ndef\r\n0\r\n\r\n");
    assert.deepEqual([sink.text, sink.ends, body.cancelled], ["abcdef", 1, false]);
    const next = new TestOutgoing("GET", "/");
    await rig.send(next);
    assert.equal(next.attempt.reused, true);
  });

  it("gives the rest of the request up when the response is complete", async () => {
    const rig = createRig();
    const body = new TestSource(6, ["abc"]);
    const outgoing = new TestOutgoing("POST", "/", { body });
    const result = await rig.send(outgoing);
    await rig.connections[0]!.say("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    const sink = readBody(result);
    assert.deepEqual([sink.text, sink.ends, body.cancelled], ["no", 1, true]);
    assert.equal(outgoing.sending, undefined);
    await settled();
    assert.equal(rig.connections[0]!.gone, true);
  });

  it("cuts the response when the client's body breaks off", async () => {
    const rig = createRig();
    const body = new TestSource(6, ["abc"]);
    const result = await rig.send(new TestOutgoing("POST", "/", { body }));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    const sink = readBody(result);
    body.sink!.end(undefined);
    assert.equal(sink.failure!.kind, "request-body");
    await settled();
    assert.equal(rig.connections[0]!.gone, true);
  });
});
