import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StreamError } from "../../../../src/runtime/interface/stream-error.ts";
import { settingsFrame } from "../../../../src/wire/http2/frame-text.ts";
import {
  DATA,
  ENHANCE_YOUR_CALM,
  GOAWAY,
  MAX_CONCURRENT_STREAMS,
  NO_ERROR,
  preface,
  REFUSED_STREAM,
  RST_STREAM,
} from "../../../../src/wire/http2/protocol.ts";
import {
  createRig,
  type Result,
  type Rig,
  readBody,
  TestOutgoing,
  TestSource,
  watch,
} from "../../../fixtures/client-rig.ts";
import { Http2Peer } from "../../../fixtures/http2-peer.ts";
import { bytesOf, settled } from "../../../fixtures/memory-stream.ts";

const word = (value: number): string => String.fromCharCode(0, 0, (value >> 8) & 255, value & 255);

/** A rig whose backends speak HTTP/2, and take so many streams at a time. */
class Backends {
  readonly rig: Rig = createRig({ http2: true, http2PriorKnowledge: true }, { protocol: "http2" });
  readonly peers: Http2Peer[] = [];
  readonly #streams: number;
  /** Called at everything that comes. */
  react: (peer: Http2Peer) => void = () => {};

  constructor(streams: number) {
    this.#streams = streams;
  }

  /** The backend's end of a connection, which has sent its settings. */
  async peer(index: number): Promise<Http2Peer> {
    const { stream, received } = this.rig.connections[index]!;
    const peer = new Http2Peer((text) => stream.write(bytesOf(text)));
    this.peers[index] = peer;
    let skip = preface.length;
    const feed = (bytes: Uint8Array): void => {
      const left = Math.min(skip, bytes.length);
      skip -= left;
      peer.feed(bytes.subarray(left));
      this.react(peer);
    };
    stream.handler = { data: feed, drained() {}, ended() {}, closed() {} };
    peer.say(settingsFrame([[MAX_CONCURRENT_STREAMS, this.#streams]]));
    feed(bytesOf(received));
    await settled();
    return peer;
  }

  async post(path: string): Promise<Result> {
    return await this.rig.send(new TestOutgoing("POST", path, { body: new TestSource(2, ["hi"], true) }));
  }
}

/** Paths of the requests that came to a peer, in their order. */
const paths = ({ streams }: Http2Peer): (string | undefined)[] =>
  [...streams.values()].flatMap(({ sections }) => sections[0]?.find(([name]) => name === ":path")?.[1] ?? []);

async function answer(peer: Http2Peer, stream: number): Promise<void> {
  peer.headers(stream, [[":status", "200"]], true);
  await settled();
}

describe("Http2ClientPool", () => {
  it("sends each request once, though some find room while a connection is dialled for them", async () => {
    const backends = new Backends(2);
    const { rig } = backends;
    const results = [await backends.post("/1")];
    const first = await backends.peer(0);
    results.push(await backends.post("/2"));
    rig.holdDials = true;
    for (const path of ["/3", "/4", "/5"]) results.push(await backends.post(path));
    assert.deepEqual([paths(first), rig.dials.length], [["/1", "/2"], 2]);
    await answer(first, 1);
    await answer(first, 3);
    assert.deepEqual(paths(first), ["/1", "/2", "/3", "/4"]);
    await rig.letDialsPass();
    const second = await backends.peer(1);
    assert.deepEqual([paths(first), paths(second)], [["/1", "/2", "/3", "/4"], ["/5"]]);
    await answer(first, 5);
    await answer(first, 7);
    await answer(second, 1);
    assert.deepEqual(
      results.map(({ response }) => response?.status),
      [200, 200, 200, 200, 200],
    );
  });

  it("fails with a dial only what still waits for it", async () => {
    const backends = new Backends(1);
    const { rig } = backends;
    await backends.post("/1");
    const peer = await backends.peer(0);
    rig.holdDials = true;
    rig.refusals.push(new StreamError("refused", "refused"));
    const [found, waiting] = [await backends.post("/2"), await backends.post("/3")];
    await answer(peer, 1);
    await rig.letDialsPass();
    assert.deepEqual([found.failure, waiting.failure?.kind], [undefined, "dial"]);
    await answer(peer, 3);
    assert.equal(found.response?.status, 200);
    assert.deepEqual(paths(peer), ["/1", "/2"]);
  });

  it("gives a request up that is refused again and again", async () => {
    const backends = new Backends(100);
    let refused = 0;
    backends.react = (peer) => {
      for (const [id, stream] of peer.streams) {
        if (stream.reset !== undefined || stream.sections.length === 0) continue;
        stream.reset = REFUSED_STREAM;
        refused++;
        peer.frame(RST_STREAM, 0, id, word(REFUSED_STREAM));
      }
    };
    const result = await backends.rig.send(new TestOutgoing("GET", "/"));
    await backends.peer(0);
    for (let turn = 0; turn < 10; turn++) await settled();
    assert.match(result.failure?.message ?? "", /REFUSED_STREAM; received from peer/);
    assert.equal(refused, 7);
  });

  it("gives a request up that every connection leaves behind its GOAWAY", async () => {
    const backends = new Backends(100);
    const result = await backends.rig.send(new TestOutgoing("GET", "/"));
    for (let index = 0; index < 7; index++) {
      assert.equal(result.failure, undefined);
      (await backends.peer(index)).frame(GOAWAY, 0, 0, word(0) + word(NO_ERROR));
      await settled();
      await settled();
    }
    assert.match(result.failure?.message ?? "", /server sent GOAWAY/);
    assert.equal(backends.rig.connections.length, 7);
  });

  it("takes an empty DATA frame before the trailers of each answer, however many there are", async () => {
    const backends = new Backends(100);
    const { rig } = backends;
    await backends.post("/");
    const peer = await backends.peer(0);
    let stream = 1;
    for (let round = 0; round < 20; round++) {
      const results = Array.from({ length: 99 }, () =>
        watch(rig.transport.send(rig.endpoint, new TestOutgoing("GET", "/"))),
      );
      await settled();
      for (const _ of results) {
        stream += 2;
        peer.headers(stream, [[":status", "200"]]).frame(DATA, 0, stream, "");
        peer.headers(stream, [["grpc-status", "0"]], true);
      }
      await settled();
      for (const result of results) assert.equal(readBody(result).ends, 1, `round ${round}`);
    }
    assert.equal(backends.rig.connections.length, 1);
  });

  it("cuts a backend whose frames move nothing", async () => {
    const backends = new Backends(100);
    const result = await backends.post("/");
    const peer = await backends.peer(0);
    for (let number = 0; number < 1500; number++) peer.frame(DATA, 0, 1, "");
    await settled();
    assert.notEqual(result.failure, undefined);
    assert.equal(peer.goAway?.code, ENHANCE_YOUR_CALM);
  });
});
