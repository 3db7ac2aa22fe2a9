/** Problems of one part of the configuration, under its label; a tree (route-registrar §6.6). */
export class Report {
  readonly #label: string;
  readonly #entries: (string | Report)[] = [];

  constructor(label: string) {
    this.#label = label;
  }

  /** Problems in this group and those below it. */
  get count(): number {
    return this.#entries.reduce((sum, entry) => sum + (typeof entry === "string" ? 1 : entry.count), 0);
  }

  /** Adds a problem, or the problems of a part; a part without any is passed over. */
  add(entry: string | Report): void {
    if (typeof entry === "string" || entry.count > 0) this.#entries.push(entry);
  }

  /** Takes over what another group holds. */
  addAll(other: Report): void {
    this.#entries.push(...other.#entries);
  }

  /** The report as it is printed; every line ends in a line feed. */
  toString(depth = 0): string {
    const indent = "    ".repeat(depth);
    const { count } = this;
    const heading = count === 1 ? "there was 1 error" : `there were ${count} errors`;
    let text = `${indent}${heading} with '${this.#label}':\n`;
    for (const entry of this.#entries) {
      text +=
        typeof entry === "string"
          ? `${indent}    * ${entry.split("\n").join(`\n${indent}      `)}\n`
          : entry.toString(depth + 1);
    }
    return text;
  }
}
