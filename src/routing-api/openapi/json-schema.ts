/** A schema of JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What valibot's schema objects carry, as far as the API's schemas use it. */
interface SchemaParts {
  readonly type: string;
  readonly wrapped?: SchemaParts;
  readonly entries?: Readonly<Record<string, SchemaParts>>;
  readonly item?: SchemaParts;
  readonly pipe?: readonly PipeItem[];
}

interface PipeItem {
  readonly type: string;
  readonly requirement?: unknown;
  readonly description?: string;
}

/**
 * The schema in JSON of one that the API is made of.
 *
 * @throws Error for a kind of schema or check that none of them has: what validates would not be what is documented.
 */
export function jsonSchemaOf(schema: object): JsonSchema {
  return schemaOf(schema as SchemaParts);
}

function schemaOf(schema: SchemaParts): JsonSchema {
  switch (schema.type) {
    case "optional":
      return schemaOf(schema.wrapped!);
    case "nullable": {
      const { type, ...rest } = schemaOf(schema.wrapped!);
      return { type: [type, "null"], ...rest };
    }
    case "object":
    case "strict_object":
      return objectSchema(schema);
    case "array":
      return { type: "array", items: schemaOf(schema.item!) };
    case "string":
    case "number":
    case "boolean":
      return checked(schema.type, schema.pipe ?? []);
    default:
      throw new Error(`no JSON Schema is known for valibot's ${schema.type}`);
  }
}

function objectSchema({ type, entries = {} }: SchemaParts): JsonSchema {
  const required = Object.entries(entries).flatMap(([name, entry]) => (entry.type === "optional" ? [] : [name]));
  return {
    type: "object",
    properties: Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, schemaOf(entry)])),
    ...(required.length > 0 && { required }),
    ...(type === "strict_object" && { additionalProperties: false }),
  };
}

/** A scalar with the checks behind it. */
function checked(kind: string, [, ...actions]: readonly PipeItem[]): JsonSchema {
  const schema: Record<string, unknown> = { type: kind };
  for (const { type, requirement, description } of actions) {
    if (type === "integer") schema["type"] = "integer";
    else if (type === "min_value") schema["minimum"] = requirement;
    else if (type === "max_value") schema["maximum"] = requirement;
    else if (type === "description") schema["description"] = description;
    else throw new Error(`no JSON Schema is known for valibot's check ${type}`);
  }
  return schema;
}
