/** What a roster can list. */
export interface Listed {
  /** The roster's own: where it stands there; -1 while on none. */
  place: number;
}

/**
 * Who is there, of those that come and go by the thousand a second; each on one roster at a time. A `Set` costs Bun dearly
 * here: every now and then it takes a new table, and the old one keeps those it listed from being freed until the
 * next full collection, long after they were deleted.
 */
export class Roster<Member extends Listed> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** Those who are there now, in no order. */
  all(): readonly Member[] {
    return this.#members.slice();
  }

  add(member: Member): void {
    member.place = this.#members.push(member) - 1;
  }

  /** Does nothing for one who is not there. */
  delete(member: Member): void {
    const { place } = member;
    if (place === -1) return;
    member.place = -1;
    const last = this.#members.pop()!;
    if (last === member) return;
    this.#members[place] = last;
    last.place = place;
  }
}
