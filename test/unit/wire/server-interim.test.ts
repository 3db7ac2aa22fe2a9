import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderLines } from "../../../src/wire/header-lines.ts";
import { collect, createServerRig, pendingHandler, textResponse, undated } from "../../fixtures/server-rig.ts";

const get = "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n";
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("server: interim responses", () => {
  const expecting = (length: number): string =>
    `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;

  it("sends 1xx at once, in the version of the request", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(get);
    exchanges[0]!.inform(103, HeaderLines.from([["Link", "</x>"]]));
    assert.equal(await client.take(), "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    exchanges[0]!.answer(textResponse("ok"));
    assert.equal(undated(await client.take()), ok);
    exchanges[0]!.inform(103);
    assert.equal(await client.take(), "");
    const old = rig.connect();
    await old.say("GET / HTTP/1.0\r\n\r\n");
    exchanges[1]!.inform(102);
    assert.equal(await old.take(), "HTTP/1.0 102 Processing\r\n\r\n");
  });

  it("does not send 100 on its own accord; sends the handler's", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    assert.equal(await client.say(expecting(2)), "");
    exchanges[0]!.inform(100);
    assert.equal(await client.take(), "HTTP/1.1 100 Continue\r\n\r\n");
    const sink = collect(exchanges[0]!.request);
    assert.equal(await client.say("ab"), "");
    assert.equal(sink.text, "ab");
    exchanges[0]!.answer(textResponse("ok"));
    assert.equal(undated(await client.take()), ok);
  });

  it("sends 100 when somebody starts the body", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(expecting(2));
    const sink = collect(exchanges[0]!.request);
    assert.equal(await client.take(), "HTTP/1.1 100 Continue\r\n\r\n");
    exchanges[0]!.inform(100);
    assert.equal(await client.take(), "HTTP/1.1 100 Continue\r\n\r\n");
    await client.say("ab");
    assert.equal(sink.ended, true);
  });

  it("answers without 100 when nobody wants the body, and closes", async () => {
    for (const concurrentReadWrite of [false, true]) {
      const rig = await createServerRig(() => textResponse("ok", 403), { concurrentReadWrite });
      const client = rig.connect();
      assert.match(await client.say(expecting(2)), /^HTTP\/1.1 403 Forbidden\r\n[\s\S]*Connection: close\r\n\r\nok$/);
      assert.equal(client.sawEnd, true);
    }
  });

  it("closes behind a body that came unasked and that nobody read", async () => {
    for (const concurrentReadWrite of [false, true]) {
      const rig = await createServerRig(() => textResponse("ok", 403), { concurrentReadWrite });
      const client = rig.connect();
      const answer = await client.say(`${expecting(2)}ab${get}`);
      assert.match(answer, /^HTTP\/1.1 403 Forbidden\r\n[\s\S]*Connection: close\r\n\r\nok$/);
      assert.equal(client.sawEnd, true);
    }
  });
});
