/**
 * Writes docs/configuration.md from the schema: `node src/cli/config-docs.ts > docs/configuration.md`. A test holds the
 * two together.
 */
import { formatGoDuration } from "../core/config/duration.ts";
import { inertByDesign, notYetActing } from "../core/config/not-yet-acting.ts";
import { configShape, type ListShape, type ScalarShape, type SectionShape } from "../core/config/shape.ts";

const introduction = `# Configuration

<!-- Made by: node src/cli/config-docs.ts > docs/configuration.md -->

Causeway reads Gorouter's \`gorouter.yml\` (\`causeway router -c gorouter.yml\`). Keys that are not known are passed over with
a warning. A key that is left out, or \`null\`, keeps its default; a list in the file replaces the default list. Durations are
strings in Go's syntax (\`20s\`, \`500ms\`, \`1m30s\`), never bare numbers.

*Default* holds with a configuration file, *No file* when the program is started without one (shown where it differs).
*Acts*: empty for yes; else what the key is for and lacks yet (the start warns of it), or why it never does anything.

| Key | Type | Default | No file | Acts | Effect |
|---|---|---|---|---|---|
`;

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  return `${introduction}${rows(configShape, "").join("\n")}\n`;
}

function rows(section: SectionShape, prefix: string): string[] {
  return [...section.entries].flatMap(([name, shape]) => {
    const key = prefix + name;
    switch (shape.kind) {
      case "section":
        return rows(shape, `${key}.`);
      case "scalar":
        return [scalarRow(key, shape)];
      case "list":
        return shape.item.kind === "section"
          ? [listRow(key, shape), ...rows(shape.item, `${key}[].`)]
          : [listRow(key, shape)];
    }
  });
}

function scalarRow(key: string, { notes, fallback, options, description }: ScalarShape): string {
  const show = (value: unknown) =>
    notes.type === "time.Duration" ? code(formatGoDuration(Number(value))) : code(String(value));
  const type = options === undefined ? typeText(notes.type, notes.holds) : options.filter(Boolean).map(code).join(", ");
  return row([
    `\`${key}\``,
    type,
    show(fallback),
    notes.job === undefined ? "" : show(notes.job),
    acts(key),
    description,
  ]);
}

function listRow(key: string, { item, fallback, job, description }: ListShape): string {
  const type = item.kind === "section" ? "list of sections" : `list of ${typeText(item.notes.type, undefined)}`;
  const show = (values: readonly unknown[]) =>
    code(values.map((value) => (typeof value === "object" ? JSON.stringify(value) : String(value))).join(" "));
  return row([`\`${key}\``, type, show(fallback), job === undefined ? "" : show(job), acts(key), description]);
}

function typeText(type: string, holds: string | undefined): string {
  if (holds !== undefined) return holds;
  return { "time.Duration": "duration", workers: "int, `auto`", float64: "number" }[type] ?? type;
}

function acts(key: string): string {
  for (let path = key.replaceAll("[]", ""); path !== ""; path = path.slice(0, Math.max(path.lastIndexOf("."), 0))) {
    const issue = notYetActing[path];
    if (issue !== undefined) return `not yet (${issue})`;
    const reason = inertByDesign[path];
    if (reason !== undefined) return `never: ${reason}`;
  }
  return "";
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

if (import.meta.main) console.log(configurationPage().trimEnd());
