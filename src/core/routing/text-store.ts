/** Places for texts that many endpoints share (a power of two), and lists of tag names that are remembered. */
const places = 4096;
const maxNameLists = 64;

/**
 * Makes the texts of a table its own. A text cut out of a message holds on to the whole message, so what the table keeps
 * is copied, once and only when it is kept; texts that were kept lately (zones, names of spaces) are shared.
 */
export class TextStore {
  readonly #recent: string[] = Array.from({ length: places }, () => "");
  readonly #nameLists: (readonly string[])[] = [];

  /** An equal text that holds on to nothing else. */
  own(text: string): string {
    if (text.length === 0) return "";
    const place = placeOf(text);
    const known = this.#recent[place]!;
    if (known === text) return known;
    // The cheapest way to a fresh text that every engine has: none joins a single part anew.
    const copy = text.length < 2 ? text : [text.slice(0, 1), text.slice(1)].join("");
    this.#recent[place] = copy;
    return copy;
  }

  /** An equal list of names, shared with others of the same names in the same order. */
  ownNames(names: readonly string[]): readonly string[] {
    for (const known of this.#nameLists) if (sameTexts(known, names)) return known;
    const copy = names.map((name) => this.own(name));
    if (this.#nameLists.length < maxNameLists) this.#nameLists.push(copy);
    return copy;
  }
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** By the length and both ends, which is where ids and names differ. */
function placeOf(text: string): number {
  const { length } = text;
  let hash = length;
  const head = length < 16 ? length : 8;
  for (let i = 0; i < head; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  for (let i = head === length ? length : length - 8; i < length; i++)
    hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 12)) & (places - 1);
}
