import * as v from "valibot";
import type { FieldNotes } from "./field.ts";
import { ConfigSchema } from "./schema.ts";

/** The schema as a tree that can be walked: for the decoder, the documentation, job defaults and comparisons. */
export type Shape = SectionShape | ListShape | ScalarShape;

export interface SectionShape {
  readonly kind: "section";
  /** As type errors print it. */
  readonly typeName: string;
  readonly entries: ReadonlyMap<string, Shape>;
}

export interface ListShape {
  readonly kind: "list";
  readonly typeName: string;
  readonly description: string;
  readonly item: SectionShape | ScalarShape;
  readonly fallback: readonly unknown[];
  readonly job: readonly unknown[] | undefined;
}

export interface ScalarShape {
  readonly kind: "scalar";
  readonly description: string;
  readonly notes: FieldNotes;
  readonly fallback: unknown;
  /** The words allowed, for a choice. */
  readonly options: readonly string[] | undefined;
}

/** What valibot's schema objects carry, as far as it is read here. */
interface SchemaParts extends v.GenericSchema {
  readonly wrapped?: SchemaParts;
  readonly entries?: Readonly<Record<string, SchemaParts>>;
  readonly item?: SchemaParts;
  readonly options?: readonly unknown[];
}

/** The whole configuration. */
export const configShape = shapeOf(ConfigSchema as SchemaParts, "config.Config", []) as SectionShape;

function shapeOf(schema: SchemaParts, typeName: string, fallback: unknown): Shape {
  if (schema.wrapped !== undefined) return shapeOf(schema.wrapped, typeName, v.getDefault(schema));
  const description = v.getDescription(schema) ?? "";
  const notes = v.getMetadata(schema) as unknown as FieldNotes;
  if (schema.entries !== undefined) {
    const entries = Object.entries(schema.entries).map(
      ([key, entry]) => [key, shapeOf(entry, `config.${camelCase(key)}Config`, undefined)] as const,
    );
    return { kind: "section", typeName, entries: new Map(entries) };
  }
  if (schema.item !== undefined) {
    const item = shapeOf(schema.item, typeName, undefined) as SectionShape | ScalarShape;
    const itemType = item.kind === "section" ? item.typeName : item.notes.type;
    const job = notes.job as readonly unknown[] | undefined;
    return { kind: "list", typeName: `[]${itemType}`, description, item, fallback: fallback as unknown[], job };
  }
  const options = schema.type === "picklist" ? (schema.options as readonly string[]) : undefined;
  return { kind: "scalar", description, notes, fallback, options };
}

function camelCase(key: string): string {
  return key
    .split("_")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");
}
