import * as v from "valibot";

/** A text of a request body; `null` is as if it was left out, here and below. */
export const textField = (description: string) =>
  v.optional(v.nullable(v.pipe(v.string(), v.description(description))));

/** A whole number of 16 bits (Go's uint16): a port. */
export const portField = (description: string) =>
  v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535), v.description(description))));

/** A whole number (Go's int). */
export const wholeField = (description: string) =>
  v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.description(description))));

export const flagField = (description: string) =>
  v.optional(v.nullable(v.pipe(v.boolean(), v.description(description))));

type Field = ReturnType<typeof textField | typeof portField | typeof wholeField | typeof flagField>;

/** What an object of a request body may hold: the fields above. Others are ignored (routing-api §4). */
export type BodySchema = v.ObjectSchema<Readonly<Record<string, Field>>, undefined>;

/** A decoded object: `null` and absent fields are absent. */
export type Decoded<S extends BodySchema> = {
  readonly [Name in keyof S["entries"]]?: NonNullable<v.InferOutput<S["entries"][Name]>>;
};

/** What a field takes, by the name of its Go type, in whose words mismatches are reported (routing-api §6.2). */
export type FieldType = "string" | "uint16" | "int" | "bool";

/** The Go type of each field. */
export function fieldTypes({ entries }: BodySchema): ReadonlyMap<string, FieldType> {
  return new Map(Object.entries(entries).map(([name, field]) => [name, typeOf(field)]));
}

function typeOf(field: Field): FieldType {
  const { pipe } = field.wrapped.wrapped;
  const [{ type }] = pipe;
  if (type === "string") return "string";
  if (type === "boolean") return "bool";
  return pipe.some((action) => action.type === "max_value") ? "uint16" : "int";
}
