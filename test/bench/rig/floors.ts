/** Short rounds scatter: a ratio may be so many times what the table says. */
const margin = 1.2;

const runtimes = ["bun", "deno", "node"] as const;

/** What a hop may cost at most, as CPU time per request relative to nginx in the same run: scenario, then runtime. */
export type Floors = ReadonlyMap<string, ReadonlyMap<string, number>>;

/**
 * The floors that a page's tables of `npm run bench` make: their ratios to nginx and a margin of a fifth.
 *
 * @throws Error when the page has no such tables.
 */
export function floorsOf(page: string): Floors {
  const tables = page.split("<!-- npm run bench -->")[1]?.split("<!-- end of npm run bench -->")[0] ?? "";
  const floors = new Map<string, Map<string, number>>();
  for (const section of tables.split("\n### ").slice(1)) {
    const [title = "", ...lines] = section.split("\n");
    const rows = lines
      .filter((line) => line.startsWith("| "))
      .map((line) => line.split("|").map((cell) => cell.trim()));
    const ratioAt = rows[0]?.indexOf("/ nginx") ?? -1;
    const floorOf = new Map<string, number>();
    for (const name of runtimes) {
      const ratio = Number(rows.find((cells) => cells[1] === name)?.[ratioAt]);
      if (ratio > 0) floorOf.set(name, ratio * margin);
    }
    if (floorOf.size > 0) floors.set(title.split(":")[0]!, floorOf);
  }
  if (floors.size === 0)
    throw new Error("cannot read floors: the page has no tables of npm run bench with ratios to nginx");
  return floors;
}
