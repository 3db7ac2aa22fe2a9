import type { Clock, Timer } from "../core/clock.ts";

/** Milliseconds of a tick while all armed deadlines are at least `FINE_BELOW_MS` long. */
const COARSE_TICK_MS = 100;
/** Milliseconds of a tick while a shorter one is armed. */
const FINE_TICK_MS = 10;
const FINE_BELOW_MS = 1000;
/** Deadlines from this length on may be armed by the time of the last tick. */
const ROUGH_FROM_MS = 10_000;
/** Slots of each ring; powers of two. A deadline further away than a ring reaches is met in its slot and stays there. */
const COARSE_SLOTS = 512;
const FINE_SLOTS = 128;

/** A node of a doubly linked ring list. */
class Link {
  next: Link = this;
  previous: Link = this;

  isAlone(): boolean {
    return this.next === this;
  }

  insertBefore(other: Link): void {
    this.next = other;
    this.previous = other.previous;
    other.previous.next = this;
    other.previous = this;
  }

  unlink(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.next = this;
    this.previous = this;
  }
}

/** Something that must happen by a time unless it is disarmed; may be armed again and again. Belongs to one wheel. */
export abstract class Deadline extends Link {
  /** The wheel's own: when it expires, in `Clock.monotonic` milliseconds. */
  due = 0;
  /** The wheel's own: the ring it sits in. */
  ring: Ring | undefined = undefined;

  /**
   * Called once, a tick and two turns of the event loop after the time at the latest, never before it; the deadline is
   * disarmed already.
   */
  abstract expired(): void;

  /** True from `TimerWheel.arm` until it expires or is disarmed. */
  get armed(): boolean {
    return this.ring !== undefined;
  }
}

/** Slots of equal length that time walks around in. */
class Ring {
  readonly tickMs: number;
  armed = 0;
  private readonly slots: Link[] = [];
  private reached = 0;

  constructor(tickMs: number, slots: number, now: number) {
    this.tickMs = tickMs;
    for (let i = 0; i < slots; i++) this.slots.push(new Link());
    this.reached = Math.floor(now / tickMs);
  }

  insert(deadline: Deadline): void {
    // A time that has passed belongs to the slot that is looked at next.
    const tick = Math.max(Math.floor(deadline.due / this.tickMs), this.reached);
    deadline.insertBefore(this.slots[tick & (this.slots.length - 1)]!);
  }

  /** Moves everything in the slots up to `now` into `list`: due or not, the caller looks. */
  collect(now: number, list: Link): void {
    const tick = Math.floor(now / this.tickMs);
    const from = Math.max(this.reached, tick - this.slots.length + 1);
    for (let at = from; at <= tick; at++) {
      const slot = this.slots[at & (this.slots.length - 1)]!;
      while (!slot.isAlone()) {
        const link = slot.next;
        link.unlink();
        link.insertBefore(list);
      }
    }
    // The slot of this tick is not over: it is looked at again next time.
    this.reached = Math.max(this.reached, tick);
  }
}

/**
 * All deadlines of a worker on one timer (architecture §5): ticks of 100 ms, of 10 ms while a deadline of less than a
 * second is armed. Arming, re-arming and disarming allocate nothing and start no timer while one runs. The timer runs
 * only while something is armed (it stops at the first tick that finds nothing) and does not keep the process alive.
 *
 * A process that stood still finds its timers due before it has looked at what came meanwhile, all in time: a tick that
 * finds a deadline passed lets the event loop turn twice (`limitTime` says why), and what is still armed then expires.
 */
export class TimerWheel {
  private readonly clock: Clock;
  private readonly coarse: Ring;
  private readonly fine: Ring;
  /** Taken out of their slots: due, if they are not armed for later or disarmed within two turns. */
  private readonly collected = new Link();
  private timer: Timer | undefined = undefined;
  /** What the running timer was set to; 0: none runs; -1: its tick is under way. */
  private timerMs = 0;
  /** When the running timer's last tick was, or when it started. */
  private tickedAt = 0;
  private readonly onTick = (): void => this.tick();
  private readonly onTurn = (): void => this.turn();
  private readonly onArrivals = (): void => this.meetDue();

  constructor(clock: Clock) {
    this.clock = clock;
    const now = clock.monotonic();
    this.coarse = new Ring(COARSE_TICK_MS, COARSE_SLOTS, now);
    this.fine = new Ring(FINE_TICK_MS, FINE_SLOTS, now);
  }

  /** Lets the deadline expire in `ms` milliseconds, whatever it was armed for before. */
  arm(deadline: Deadline, ms: number): void {
    const now = this.clock.monotonic();
    if (this.timerMs === 0) this.tickedAt = now;
    this.put(deadline, ms < FINE_BELOW_MS ? this.fine : this.coarse, now + ms);
  }

  /**
   * The same without a look at the clock, for what each request arms: a deadline of at least 10 s goes by the time of the
   * last tick. It may be met two ticks late, and early by as long as the event loop was held up since that tick.
   */
  armRoughly(deadline: Deadline, ms: number): void {
    if (ms < ROUGH_FROM_MS || this.timerMs === 0) this.arm(deadline, ms);
    else this.put(deadline, this.coarse, this.tickedAt + COARSE_TICK_MS + ms);
  }

  /** The clock's monotonic milliseconds. */
  now(): number {
    return this.clock.monotonic();
  }

  /** Changes with every tick; 0 while none comes. What holds for about 100 ms can be kept until then. */
  get era(): number {
    return this.timerMs === 0 ? 0 : this.tickedAt;
  }

  private put(deadline: Deadline, ring: Ring, due: number): void {
    if (deadline.ring === ring && due >= deadline.due) {
      // It is met too early in the slot where it sits, and moved on from there.
      deadline.due = due;
      return;
    }
    this.disarm(deadline);
    deadline.due = due;
    deadline.ring = ring;
    ring.armed++;
    ring.insert(deadline);
    if (this.timerMs === 0 || this.timerMs > ring.tickMs) this.schedule(ring.tickMs);
  }

  /** Takes the deadline back; nothing happens when it is not armed. */
  disarm(deadline: Deadline): void {
    if (deadline.ring === undefined) return;
    deadline.ring.armed--;
    deadline.ring = undefined;
    deadline.unlink();
  }

  private schedule(ms: number): void {
    this.timer?.cancel();
    this.timerMs = ms;
    this.timer = this.clock.after(ms, this.onTick, true);
  }

  private tick(): void {
    this.timer = undefined;
    this.timerMs = -1;
    const now = this.clock.monotonic();
    this.tickedAt = now;
    this.coarse.collect(now, this.collected);
    this.fine.collect(now, this.collected);
    this.putBack(now);
    if (this.collected.isAlone()) this.goOn();
    else this.timer = this.clock.after(0, this.onTurn, true);
  }

  private turn(): void {
    this.timer = this.clock.after(0, this.onArrivals, true);
  }

  /** Whatever had arrived when the tick came is known now. */
  private meetDue(): void {
    this.timer = undefined;
    const now = this.clock.monotonic();
    this.tickedAt = now;
    this.putBack(now);
    try {
      while (!this.collected.isAlone()) {
        const deadline = this.collected.next as Deadline;
        this.disarm(deadline);
        deadline.expired();
      }
    } finally {
      // Also after a deadline threw: the rest is met at the next tick.
      this.goOn();
    }
  }

  /** Puts what is not due yet back into the slots. */
  private putBack(now: number): void {
    let link = this.collected.next;
    while (link !== this.collected) {
      const deadline = link as Deadline;
      link = link.next;
      if (deadline.due <= now) continue;
      deadline.unlink();
      deadline.ring?.insert(deadline);
    }
  }

  private goOn(): void {
    this.timerMs = 0;
    if (this.fine.armed > 0) this.schedule(FINE_TICK_MS);
    else if (this.coarse.armed > 0) this.schedule(COARSE_TICK_MS);
  }
}
