import { formatGoDuration } from "./duration.ts";
import { rangeOf, type ScalarType } from "./field.ts";
import { inertByDesign } from "./not-yet-acting.ts";
import { configShape, type ListShape, type ScalarShape, type SectionShape, type Shape } from "./shape.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

const goDuration = "^[-+]?(0|(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$";
const dialect = "https://json-schema.org/draft/2020-12/schema";

/**
 * JSON Schema of gorouter.yml as people write it: durations as Go's texts, not as the milliseconds of `ConfigSchema`;
 * null wherever it keeps a default. Unknown keys are let through, as the router does, so that an editor helps and does
 * not forbid.
 */
export function configJsonSchema(): JsonSchema {
  return { $schema: dialect, title: "gorouter.yml", ...sectionSchema(configShape, "") };
}

function schemaOf(shape: Shape, key: string): JsonSchema {
  switch (shape.kind) {
    case "section":
      return sectionSchema(shape, `${key}.`);
    case "list":
      return listSchema(shape, key);
    case "scalar":
      return scalarSchema(shape, key);
  }
}

function sectionSchema(section: SectionShape, prefix: string): JsonSchema {
  const properties = [...section.entries].map(([name, shape]) => [name, schemaOf(shape, prefix + name)]);
  return { type: ["object", "null"], properties: Object.fromEntries(properties) };
}

function listSchema({ item, fallback, description }: ListShape, key: string): JsonSchema {
  return { description, type: ["array", "null"], items: schemaOf(item, `${key}[]`), default: fallback };
}

function scalarSchema({ notes, fallback, options, description }: ScalarShape, key: string): JsonSchema {
  const duration = notes.type === "time.Duration";
  return {
    ...(description !== "" && { description }),
    ...valueSchema(notes.type, options),
    ...(fallback !== undefined && { default: duration ? formatGoDuration(Number(fallback)) : fallback }),
    ...(Object.hasOwn(inertByDesign, key) && { deprecated: true }),
  };
}

/** What a key of that type takes; a string key takes any scalar by its text (control-plane §1.1). */
function valueSchema(type: ScalarType, options: readonly string[] | undefined): JsonSchema {
  if (options !== undefined) return { enum: [...options, null] };
  switch (type) {
    case "string":
      return { type: ["string", "number", "boolean", "null"] };
    case "bool":
      return { type: ["boolean", "null"] };
    case "time.Duration":
      return { type: ["string", "null"], pattern: goDuration };
    case "float64":
      return { type: "number" };
    case "workers":
      return { anyOf: [{ type: "integer", minimum: 1 }, { const: "auto" }, { type: "null" }] };
    default: {
      const [minimum, maximum] = rangeOf(type);
      return { type: ["integer", "null"], minimum, maximum };
    }
  }
}
