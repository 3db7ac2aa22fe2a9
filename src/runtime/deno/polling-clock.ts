import { createSocket, type Socket } from "node:dgram";
import { clock } from "../base/clock.ts";
import type { Clock, Timer } from "../interface/clock.ts";

/** Turns less than this many milliseconds apart are those of one piece of work. */
const pauseMs = 50;
/** Work of fewer milliseconds holds nobody up. */
const shortMs = 10;
/** Between two pings, and what one may take before work waits for it, in milliseconds. */
const [pingMs, overdueMs] = [2, 2];
/** After this many milliseconds a ping counts as lost, and after so many lost ones in a row no more are sent. */
const [lostMs, mostLost] = [1000, 3];

const byte = new Uint8Array(1);

/** A turn that waits for the ping, and comes without it when that is lost. */
class HeldTurn implements Timer {
  readonly callback: () => void;
  readonly #background: boolean;
  #timer: Timer;

  constructor(callback: () => void, background: boolean, lost: (turn: HeldTurn) => void) {
    this.callback = callback;
    this.#background = background;
    this.#timer = clock.after(lostMs, () => lost(this), background);
  }

  release(): void {
    this.#timer.cancel();
    this.#timer = clock.after(0, this.callback, this.#background);
  }

  cancel(): void {
    this.#timer.cancel();
  }
}

/**
 * Tells whether Deno's loop still looks at sockets. It asks the kernel only when it has nothing to do, or once in 61 rounds;
 * and while V8 marks garbage, which may take a hundred milliseconds, there is always a task of it to be done. With 3 ms of
 * work in each round a request waited for 190 ms. So long work sends pings, datagrams to itself that come back only when
 * sockets were looked at, and waits for one that is overdue: rounds without work are soon over.
 */
class PollWatch {
  #socket: Socket | undefined;
  #ready = false;
  #lost = 0;
  /** `performance.now` of the ping under way; 0: there is none. */
  #sent = 0;
  #answered = 0;
  /** Of the work under way, its first turn and its latest. */
  #began = 0;
  #latest = 0;
  #held: HeldTurn[] = [];

  /** Calls back in a later turn. */
  turn(callback: () => void, background: boolean): Timer {
    const now = performance.now();
    if (now - this.#latest > pauseMs) this.#began = now;
    this.#latest = now;
    if (this.#sent === 0) {
      if (now - this.#began >= shortMs && now - this.#answered >= pingMs) this.#ping(now);
    } else if (now - this.#sent >= overdueMs) {
      const held = new HeldTurn(callback, background, (turn) => this.#withoutPing(turn));
      this.#held.push(held);
      return held;
    }
    return clock.after(0, callback, background);
  }

  #ping(now: number): void {
    if (this.#lost >= mostLost) return;
    if (this.#socket === undefined) this.#open();
    else if (this.#ready) {
      this.#sent = now;
      this.#socket.send(byte);
    }
  }

  #open(): void {
    const socket = createSocket("udp4");
    this.#socket = socket;
    socket.on("error", () => this.#giveUp());
    socket.on("message", () => this.#arrived());
    try {
      // Connected to itself it hears nobody else.
      socket.bind(0, "127.0.0.1", () => socket.connect(socket.address().port, "127.0.0.1", () => this.#opened()));
    } catch {
      this.#giveUp();
    }
  }

  #opened(): void {
    this.#ready = true;
    this.#socket?.unref();
  }

  #giveUp(): void {
    this.#sent = 0;
    this.#lost = mostLost;
    this.#arrived();
  }

  #arrived(): void {
    if (this.#sent !== 0) this.#lost = 0;
    this.#sent = 0;
    this.#answered = performance.now();
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    // Not from here: what this loop round has read is to be heard first, and the next ping must find no receiver that waits.
    for (const turn of held) turn.release();
  }

  #withoutPing(turn: HeldTurn): void {
    this.#lost++;
    this.#sent = 0;
    this.#held = this.#held.filter((each) => each !== turn);
    turn.callback();
  }
}

const watch = new PollWatch();

/** The clock of Deno: turns of work that is done in slices (`after(0, …)`) leave it time to look at sockets. */
export const pollingClock: Clock = {
  now: clock.now,
  monotonic: clock.monotonic,
  after(ms, callback, background = false) {
    return ms > 0 ? clock.after(ms, callback, background) : watch.turn(callback, background);
  },
};
