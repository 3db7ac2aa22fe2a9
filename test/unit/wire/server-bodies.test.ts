import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settled } from "../../fixtures/memory-stream.ts";
import {
  collect,
  createServerRig,
  HandFedBody,
  Observed,
  pendingHandler,
  readAll,
  sourceResponse,
  textResponse,
  undated,
} from "../../fixtures/server-rig.ts";

const get = "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n";
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("server: request bodies", () => {
  const post = (length: number, more = ""): string =>
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${more}\r\n`;
  const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

  it("delivers what came with the head before start returns", async () => {
    let atOnce = "";
    const rig = await createServerRig((request) => {
      const sink = collect(request);
      atOnce = `${sink.text} ${sink.ended}`;
      return textResponse("ok");
    });
    const client = rig.connect();
    assert.equal(undated(await client.say(`${post(3)}abc`)), ok);
    assert.equal(atOnce, "abc true");
    assert.equal(undated(await client.say(`${chunked}2\r\nab\r\n0\r\nX: y\r\n\r\n`)), ok);
    assert.equal(atOnce, "ab true");
  });

  it("delivers bodies in pieces, with trailers", async () => {
    const rig = await createServerRig(async (request) => {
      const sink = await readAll(request);
      return textResponse(`${sink.text} ${sink.trailers?.get("x-t") ?? ""}`);
    });
    const client = rig.connect();
    await client.say(post(5));
    await client.say("ab");
    assert.match(await client.say("cde"), /\r\n\r\nabcde $/);
    await client.say(chunked);
    await client.say("3\r\nabc");
    await client.say("\r\n");
    assert.match(await client.say("1\r\nd\r\n0\r\nX-T: u\r\n\r\n"), /\r\n\r\nabcd u$/);
  });

  it("finds the next request behind a body in the same chunk", async () => {
    const rig = await createServerRig(async (request) => textResponse((await readAll(request)).text));
    const client = rig.connect();
    const answers = await client.say(`${post(2)}ab${chunked}1\r\nc\r\n0\r\n\r\n${get}${post(1)}d`);
    const text = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    assert.equal(undated(answers), text("ab") + text("c") + text("") + text("d"));
  });

  for (const [framing, pieces] of [
    ["with a length", [`${post(6)}ab`, "cd", `ef${get}`]],
    ["in chunks", [chunked, "2\r\nab\r\n", "4\r\ncdef\r\n0\r", `\n\r\n${get}`]],
  ] as const) {
    it(`delivers a body ${framing} that came in pieces while the request before was served`, async () => {
      const { handler, exchanges } = pendingHandler();
      const bodies: ReturnType<typeof collect>[] = [];
      const rig = await createServerRig((request, client) => {
        if (request.method === "POST") bodies.push(collect(request));
        return handler(request, client);
      });
      const client = rig.connect();
      await client.say(get);
      for (const piece of pieces) await client.say(piece);
      assert.equal(exchanges.length, 1);
      exchanges[0]!.answer(textResponse("ok"));
      await settled();
      assert.deepEqual([bodies[0]!.text, bodies[0]!.ended], ["abcdef", true]);
      exchanges[1]!.answer(textResponse("ok"));
      await settled();
      exchanges[2]!.answer(textResponse("ok"));
      assert.equal(undated(await client.take()), ok + ok + ok);
    });
  }

  it("answers a request whose unwanted body came in pieces while the request before was served", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig((request, client) =>
      request.method === "POST" ? textResponse("no") : handler(request, client),
    );
    const client = rig.connect();
    await client.say(get);
    for (const piece of [`${post(6)}ab`, "cd", `ef${get}`]) await client.say(piece);
    exchanges[0]!.answer(textResponse("ok"));
    await settled();
    exchanges[1]!.answer(textResponse("ok"));
    assert.equal(undated(await client.take()), ok + ok.replace(/ok$/, "no") + ok);
  });

  it("gives the body as a stream when asked", async () => {
    const rig = await createServerRig(async (request) => textResponse(await new Response(request.body).text()));
    const client = rig.connect();
    await client.say(`${post(6)}abc`);
    assert.match(await client.say("def"), /\r\n\r\nabcdef$/);
  });

  it("bounds what is read of a body that nobody takes, or that is taken slowly", async () => {
    for (const taken of [false, true]) {
      const { handler, exchanges } = pendingHandler();
      const rig = await createServerRig(handler);
      const client = rig.connect();
      await client.say(post(10_000_000));
      const sink = taken ? collect(exchanges[0]!.request) : undefined;
      if (sink !== undefined) sink.more = false;
      for (let i = 0; i < 100; i++) client.stream.write(new Uint8Array(10_000));
      await settled();
      assert.equal(client.far.paused, true);
      assert.ok(client.stream.pending > 900_000, `${client.stream.pending} still with the client`);
    }
  });

  it("goes on after resume", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(chunked);
    const sink = collect(exchanges[0]!.request);
    sink.more = false;
    const source = (exchanges[0]!.request as unknown as { source: { resume(): void } }).source;
    await client.say("1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
    assert.equal(sink.text, "a");
    source.resume();
    assert.equal(sink.text, "ab");
    sink.more = true;
    source.resume();
    assert.equal(sink.text, "abc");
    assert.equal(sink.ended, true);
  });

  it("fails a malformed body, forwards nothing behind the bad byte, and closes behind the answer", async () => {
    const observed = new Observed();
    const rig = await createServerRig(async (request, client) => {
      client.observer = observed;
      const sink = await readAll(request).catch((failure) => failure);
      return textResponse(`${sink.kind}`, 400);
    });
    const client = rig.connect();
    const answer = await client.say(`${chunked}2\r\nab\r\nzz\r\nnever\r\n0\r\n\r\n${get}`);
    assert.match(answer, /^HTTP\/1.1 400 Bad Request\r\n[\s\S]*Connection: close\r\n\r\nrequest-body$/);
    assert.equal(client.sawEnd, true);
    assert.deepEqual(observed.heard, ["finished 0 12 request-cut"]);
  });

  it("cuts a response that has begun when the request body turns out malformed", async () => {
    const body = new HandFedBody();
    const observed = new Observed();
    const rig = await createServerRig(
      (request, client) => {
        client.observer = observed;
        collect(request);
        return sourceResponse(body);
      },
      { concurrentReadWrite: true },
    );
    const client = rig.connect();
    await client.say(`${chunked}2\r\nab\r\n`);
    body.give("x");
    assert.match(await client.take(), /1\r\nx\r\n$/);
    assert.equal(await client.say("zz\r\n"), "");
    assert.equal(client.far.over, true);
    assert.equal(body.cancelled, true);
    assert.deepEqual(observed.heard, ["finished 2 1 request-cut"]);
  });

  it("tells that the client is gone when it ends in the middle of a body", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(`${post(5)}abc`);
    const sink = collect(exchanges[0]!.request);
    await client.end();
    assert.equal(sink.failure?.kind, "client-gone");
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone"]);
    exchanges[0]!.answer(textResponse("", 499));
    assert.match(await client.take(), /^HTTP\/1.1 499 /);
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone", "finished 3 0 client-gone"]);
    assert.equal(client.sawClose, true);
  });
});

describe("server: answers before the request body is complete", () => {
  const post = (length: number, more = ""): string =>
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${more}\r\n`;
  const closed = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

  it("holds the answer back for a short rest, then keeps the connection", async () => {
    const rig = await createServerRig(() => textResponse("ok"));
    const client = rig.connect();
    assert.equal(await client.say(`${post(10)}abc`), "");
    assert.equal(await client.say("defghi"), "");
    assert.equal(undated(await client.say(`j${get}`)), ok + ok);
    assert.equal(rig.server.idleConnections, 1);
  });

  it("answers at once and closes when 256 KiB or more are announced", async () => {
    for (const length of [262_144, 300_000]) {
      const rig = await createServerRig(() => textResponse("ok"));
      const client = rig.connect();
      assert.equal(undated(await client.say(`${post(length)}abc`)), closed);
      assert.equal(client.sawEnd, true);
    }
  });

  it("reads away one byte less than 256 KiB", async () => {
    const rig = await createServerRig(() => textResponse("ok"));
    const client = rig.connect();
    assert.equal(await client.say(`${post(262_143)}${"x".repeat(262_142)}`), "");
    assert.equal(undated(await client.say(`x${get}`)), ok + ok);
  });

  it("answers after 256 KiB of a chunked body that goes on, and closes", async () => {
    const rig = await createServerRig(() => textResponse("ok"));
    const client = rig.connect();
    await client.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const chunk = `10000\r\n${"x".repeat(65536)}\r\n`;
    for (let i = 0; i < 4; i++) assert.equal(await client.say(i < 3 ? chunk : chunk.slice(0, 60_000)), "");
    assert.equal(undated(await client.say(chunk.slice(60_000))), closed);
    assert.equal(client.sawEnd, true);
  });

  it("goes on delivering a body that is being read while it holds the answer", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(`${post(4)}ab`);
    const sink = collect(exchanges[0]!.request);
    exchanges[0]!.answer(textResponse("ok"));
    assert.equal(await client.take(), "");
    assert.equal(undated(await client.say("cd")), ok);
    assert.equal(sink.text, "abcd");
    assert.equal(sink.ended, true);
  });

  it("does not hold the answer while the reader of the body has stopped", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(`${post(4)}ab`);
    const sink = collect(exchanges[0]!.request);
    sink.more = false;
    exchanges[0]!.answer(textResponse("ok"));
    assert.equal(await client.take(), "");
    assert.equal(undated(await client.say("c")), closed);
  });

  it("answers at once with concurrent reading and writing, and keeps the connection when the rest comes", async () => {
    const body = new HandFedBody();
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler, { concurrentReadWrite: true });
    const client = rig.connect();
    await client.say(`${post(4)}ab`);
    const sink = collect(exchanges[0]!.request);
    exchanges[0]!.answer(sourceResponse(body));
    assert.equal(undated(await client.take()), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    await client.say("c");
    assert.equal(sink.text, "abc");
    body.give("x");
    assert.equal(await client.take(), "1\r\nx\r\n");
    body.sink!.end(undefined);
    assert.equal(await client.take(), "0\r\n\r\n");
    assert.deepEqual(exchanges[0]!.observed.heard, ["finished 3 1 complete"]);
    await client.say(`d${get}`);
    assert.equal(exchanges.length, 2);
    exchanges[1]!.answer(textResponse("ok"));
    assert.equal(undated(await client.take()), ok);
  });
});
