import type { TagSet } from "./tag-set.ts";

/** Places for texts that many endpoints share (a power of two), and lists of tag names that are remembered. */
const places = 4096;
const maxNameLists = 256;

/**
 * Makes the texts of a table its own. A text cut out of a message holds on to the whole message, so what the table keeps
 * is copied, once and only when it is kept; texts that were kept lately (zones, names of spaces) are shared.
 */
export class TextStore {
  readonly #recent: string[] = Array.from({ length: places }, () => "");
  readonly #nameLists = new Map<string, string[]>();

  /** Equal texts that hold on to nothing else, in the same order. */
  keep(texts: readonly string[]): string[] {
    // The one way to a fresh text that every engine has.
    const copies = JSON.parse(JSON.stringify(texts)) as string[];
    for (let i = 0; i < copies.length; i++) copies[i] = this.#shared(copies[i] as string);
    return copies;
  }

  /** The same for tags, in place. */
  keepTags(tags: TagSet): void {
    const key = JSON.stringify([...tags.keys()]);
    let names = this.#nameLists.get(key);
    if (names === undefined) {
      names = JSON.parse(key) as string[];
      if (this.#nameLists.size < maxNameLists) this.#nameLists.set(key, names);
    }
    tags.replaceTexts(names, this.keep([...tags.values()]));
  }

  #shared(text: string): string {
    if (text.length === 0) return "";
    let hash = text.length;
    for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
    const place = (hash ^ (hash >>> 12)) & (places - 1);
    const known = this.#recent[place];
    if (known === text) return known;
    this.#recent[place] = text;
    return text;
  }
}
