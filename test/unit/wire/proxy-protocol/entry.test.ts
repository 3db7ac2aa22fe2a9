import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ByteStreamHandler } from "../../../../src/runtime/interface/byte-stream.ts";
import { ProxyEntry } from "../../../../src/wire/proxy-protocol/entry.ts";
import { TimerWheel } from "../../../../src/wire/timer-wheel.ts";
import { MemoryStream } from "../../../fixtures/memory-stream.ts";
import { latin1, octets } from "../../../fixtures/octets.ts";
import { TurnedClock } from "../../../fixtures/turned-clock.ts";

const silent: ByteStreamHandler = { data() {}, drained() {}, ended() {}, closed() {} };
const header = "PROXY TCP4 9.8.7.6 5.6.7.8 1111 2222\r\n";

/** A connection that has just been accepted, and what became of it. */
function accepted(): { clock: TurnedClock; entry: ProxyEntry; outcome: string[] } {
  const clock = new TurnedClock(1000);
  const outcome: string[] = [];
  const stream = new MemoryStream({});
  stream.connect(new MemoryStream({}));
  const options = { trusts: () => true, refused: (_a: string, _p: number, reason: string) => outcome.push(reason) };
  const entry = new ProxyEntry(stream, options, {
    wheel: new TimerWheel(clock),
    latin1,
    introduced(_entry, _stream, found) {
      outcome.push(found?.source?.address ?? "no header");
      return silent;
    },
    removed() {},
  });
  return { clock, entry, outcome };
}

describe("a PROXY header and its 100 ms (data-plane §6.6)", () => {
  it("a silent client is one without a header", () => {
    const { clock, outcome } = accepted();
    clock.turn(100);
    assert.deepEqual(outcome, []);
    clock.turn(100);
    assert.deepEqual(outcome, ["no header"]);
  });

  it("a header that has begun and is not complete is refused", () => {
    const { clock, entry, outcome } = accepted();
    entry.data(octets(header.slice(0, 10)));
    clock.turn(200);
    assert.deepEqual(outcome, ["the header is not complete after 100 ms"]);
  });

  for (const turns of [0, 1, 2]) {
    it(`a process that stood still hears of the deadline, and ${turns} turns later of the bytes that came in time`, () => {
      const { clock, entry, outcome } = accepted();
      clock.jump(500);
      for (let turn = 0; turn < turns; turn++) clock.jump(500);
      entry.data(octets(header));
      assert.deepEqual(outcome, ["9.8.7.6"]);
      clock.turn(500);
      assert.deepEqual(outcome, ["9.8.7.6"]);
    });
  }
});
