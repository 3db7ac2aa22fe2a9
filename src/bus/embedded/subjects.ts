/**
 * Subjects of the NATS protocol: tokens between dots; in a subscription `*` stands for one token and a final `>` for
 * one or more.
 */

/** True for a subject one can subscribe to. */
export function isSubject(subject: string): boolean {
  if (subject === "") return false;
  const tokens = subject.split(".");
  return tokens.every((token, i) => token !== "" && (token !== ">" || i === tokens.length - 1));
}

/** True for a subject one can publish to: no wildcards. */
export function isLiteralSubject(subject: string): boolean {
  return isSubject(subject) && subject.split(".").every((token) => token !== "*" && token !== ">");
}

/** What the table needs to know of a subscription. */
export interface Interest {
  readonly subject: string;
  /** Name of the queue group; empty: none. */
  readonly queue: string;
}

class Level<T extends Interest> {
  readonly next = new Map<string, Level<T>>();
  readonly here = new Set<T>();
}

/** Who gets a message: every plain subscription, and one member of each group. */
interface Matches<T> {
  readonly plain: readonly T[];
  readonly groups: readonly (readonly T[])[];
}

/** Results kept for subjects that were published to; the table of a storm is asked for one subject over and over. */
const cacheLimit = 1024;

/** All subscriptions, found by subject: a tree of tokens. */
export class SubjectTable<T extends Interest> {
  readonly #root = new Level<T>();
  readonly #cache = new Map<string, Matches<T>>();

  add(interest: T): void {
    let level = this.#root;
    for (const token of interest.subject.split(".")) {
      let next = level.next.get(token);
      if (next === undefined) {
        next = new Level();
        level.next.set(token, next);
      }
      level = next;
    }
    level.here.add(interest);
    this.#cache.clear();
  }

  remove(interest: T): void {
    const path: [Level<T>, string][] = [];
    let level: Level<T> | undefined = this.#root;
    for (const token of interest.subject.split(".")) {
      path.push([level, token]);
      level = level.next.get(token);
      if (level === undefined) return;
    }
    level.here.delete(interest);
    for (const [parent, token] of path.reverse()) {
      const child = parent.next.get(token)!;
      if (child.here.size > 0 || child.next.size > 0) break;
      parent.next.delete(token);
    }
    this.#cache.clear();
  }

  match(subject: string): Matches<T> {
    const known = this.#cache.get(subject);
    if (known !== undefined) return known;
    const found: T[] = [];
    collect(this.#root, subject.split("."), 0, found);
    const groups = new Map<string, T[]>();
    for (const one of found) {
      if (one.queue === "") continue;
      const group = groups.get(one.queue);
      if (group === undefined) groups.set(one.queue, [one]);
      else group.push(one);
    }
    const matches = { plain: found.filter((one) => one.queue === ""), groups: [...groups.values()] };
    if (this.#cache.size >= cacheLimit) this.#cache.clear();
    this.#cache.set(subject, matches);
    return matches;
  }
}

function collect<T extends Interest>(level: Level<T>, tokens: readonly string[], at: number, found: T[]): void {
  if (at === tokens.length) {
    found.push(...level.here);
    return;
  }
  const exact = level.next.get(tokens[at]!);
  if (exact !== undefined) collect(exact, tokens, at + 1, found);
  const any = level.next.get("*");
  if (any !== undefined) collect(any, tokens, at + 1, found);
  const rest = level.next.get(">");
  if (rest !== undefined) found.push(...rest.here);
}
