/**
 * When each app was last sent a request, to the second (control-plane §2.2, `router.active_apps`). The map's own order
 * is that of the latest activity.
 */
export class ActiveApps {
  /** In milliseconds: the first request in the latest second with one. */
  readonly #times = new Map<string, number>();

  /** `milliseconds`: of a clock that never jumps; apps without id are nobody. */
  mark(applicationId: string, milliseconds: number): void {
    if (applicationId === "") return;
    const known = this.#times.get(applicationId);
    if (known !== undefined) {
      if (Math.floor(known / 1000) === Math.floor(milliseconds / 1000)) return;
      this.#times.delete(applicationId);
    }
    this.#times.set(applicationId, milliseconds);
  }

  /** The apps that were active in or after the second of that time, most recently active first; forgets the others. */
  since(milliseconds: number): string[] {
    return this.timesSince(milliseconds).map(([applicationId]) => applicationId);
  }

  /** The same with the times, in milliseconds of the clock that `mark` was told. */
  timesSince(milliseconds: number): (readonly [applicationId: string, time: number])[] {
    const first = Math.floor(milliseconds / 1000);
    const active: (readonly [string, number])[] = [];
    for (const entry of this.#times) {
      if (Math.floor(entry[1] / 1000) >= first) active.push(entry);
      else this.#times.delete(entry[0]);
    }
    return active.reverse();
  }
}
