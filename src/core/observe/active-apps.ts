/**
 * When each app was last sent a request, to the second (control-plane §2.2, `router.active_apps`). The map's own order
 * is that of the latest activity.
 */
export class ActiveApps {
  readonly #seconds = new Map<string, number>();

  /** `milliseconds`: of a clock that never jumps; apps without id are nobody. */
  mark(applicationId: string, milliseconds: number): void {
    if (applicationId === "") return;
    const second = Math.floor(milliseconds / 1000);
    if (this.#seconds.get(applicationId) === second) return;
    this.#seconds.delete(applicationId);
    this.#seconds.set(applicationId, second);
  }

  /** The apps that were active in or after the second of that time, most recently active first; forgets the others. */
  since(milliseconds: number): string[] {
    const first = Math.floor(milliseconds / 1000);
    const active: string[] = [];
    for (const [applicationId, second] of this.#seconds) {
      if (second >= first) active.push(applicationId);
      else this.#seconds.delete(applicationId);
    }
    return active.reverse();
  }
}
