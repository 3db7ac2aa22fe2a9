type Timeout = ReturnType<typeof setTimeout>;

/**
 * A time limit of a dial or a handshake. An event loop looks at its timers first and at its sockets then: one that stood
 * still for a while would give up what was done in time, so the loop turns twice between the time and the end
 * (`core/time-limit.ts`, which is the same for those who have a `Clock`, says more).
 */
export class TimeLimit {
  private readonly late: () => void;
  private timer: Timeout;

  /** Calls `late` after `ms` milliseconds, unless `cancel` was called before. */
  constructor(ms: number, late: () => void) {
    this.late = late;
    this.timer = setTimeout(TimeLimit.over, ms, this);
  }

  cancel(): void {
    clearTimeout(this.timer);
  }

  private static over(limit: TimeLimit): void {
    limit.timer = setTimeout(TimeLimit.turned, 0, limit);
  }

  private static turned(limit: TimeLimit): void {
    limit.timer = setTimeout(limit.late, 0);
  }
}
