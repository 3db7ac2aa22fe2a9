import { ConfigError, type Position, type Warning } from "./config-error.ts";
import type { DocumentNode, MappingNode } from "./document.ts";
import { nearestName } from "./nearest-name.ts";
import { resolveScalar, scalarValue } from "./scalar.ts";
import { configShape, type ListShape, type ScalarShape, type SectionShape, type Shape } from "./shape.ts";

/** What a document says: only the keys it gives, as values of the schema's input. */
interface Decoded {
  readonly given: Record<string, unknown>;
  /** Where each given key stands, by dotted path. */
  readonly positions: ReadonlyMap<string, Position>;
  readonly warnings: readonly Warning[];
  /** Values of the wrong type and duplicate keys, without their line; they count as not given. */
  readonly faults: readonly Warning[];
}

/** "Keep what is there": a null scalar or section, or a value that was not decodable. */
const keep = Symbol("keep");

/**
 * Decodes a document the way yaml.v3 decodes into Go structures (control-plane §1.1): unknown keys are passed over
 * (with a warning), null keeps defaults but empties lists, duplicate keys and values of the wrong type are faults, of
 * which all are collected.
 */
export function decodeDocument(root: DocumentNode | undefined): Decoded {
  const run = new Decoder();
  const value = root === undefined ? keep : run.value(configShape, root, "");
  const given = value === keep ? {} : (value as Record<string, unknown>);
  return { given, positions: run.positions, warnings: run.warnings, faults: run.faults };
}

/** The error that faults make: one line for each; key and position are those of the first. */
export function unmarshalError(faults: readonly Warning[]): ConfigError {
  const lines = faults.map((fault) => `\n  line ${fault.line}: ${fault.message}`);
  return new ConfigError(`yaml: unmarshal errors:${lines.join("")}`, faults[0]?.key, faults[0]);
}

class Decoder {
  readonly faults: Warning[] = [];
  readonly warnings: Warning[] = [];
  readonly positions = new Map<string, Position>();

  value(shape: Shape, node: DocumentNode, path: string): unknown {
    if (node.kind === "scalar" && resolveScalar(node).tag === "!!null") return shape.kind === "list" ? [] : keep;
    // Before anything else is looked at: a map with a doubled key is told of even where no map belongs.
    if (node.kind === "mapping" && this.#duplicates(node, path)) return keep;
    switch (shape.kind) {
      case "section":
        return node.kind === "mapping" ? this.section(shape, node, path) : this.mismatch(shape.typeName, node, path);
      case "list":
        return this.list(shape, node, path);
      case "scalar":
        return this.scalar(shape, node, path);
    }
  }

  section(shape: SectionShape, node: MappingNode, path: string): unknown {
    const section: Record<string, unknown> = {};
    for (const { key, value } of node.pairs) {
      if (key.kind !== "scalar") {
        this.mismatch("string", key, path);
        continue;
      }
      const name = path === "" ? key.text : `${path}.${key.text}`;
      const entry = shape.entries.get(key.text);
      if (entry === undefined) {
        this.warnings.push(unknownKey(name, key.text, shape, key));
        continue;
      }
      this.positions.set(name, { line: key.line, column: key.column });
      const decoded = this.value(entry, value, name);
      if (decoded !== keep) section[key.text] = decoded;
    }
    return section;
  }

  list(shape: ListShape, node: DocumentNode, path: string): unknown {
    if (node.kind !== "sequence") return this.mismatch(shape.typeName, node, path);
    const items: unknown[] = [];
    for (const [index, item] of node.items.entries()) {
      const name = `${path}[${index}]`;
      this.positions.set(name, { line: item.line, column: item.column });
      const decoded = this.value(shape.item, item, name);
      if (decoded !== keep) items.push(decoded);
    }
    return items;
  }

  scalar(shape: ScalarShape, node: DocumentNode, path: string): unknown {
    const type = shape.notes.type;
    if (node.kind !== "scalar") return this.mismatch(type, node, path);
    return scalarValue(type, node, resolveScalar(node)) ?? this.mismatch(type, node, path);
  }

  mismatch(typeName: string, node: DocumentNode, key: string): typeof keep {
    const { line, column } = node;
    this.faults.push({ message: `cannot unmarshal ${shown(node)} into ${typeName}`, key, line, column });
    return keep;
  }

  /** A fault for every two keys that are equal, in the order of the earlier one. */
  #duplicates(node: MappingNode, path: string): boolean {
    const places = new Map<string, Position[]>();
    const keys = node.pairs.flatMap(({ key }) => (key.kind === "scalar" ? [key] : []));
    for (const key of keys) {
      const known = places.get(key.text);
      if (known === undefined) places.set(key.text, [key]);
      else known.push(key);
    }
    if (places.size === keys.length) return false;
    for (const { text, line: earlier } of keys) {
      const [, ...later] = places.get(text)!;
      places.set(text, later);
      const message = `mapping key ${JSON.stringify(text)} already defined at line ${earlier}`;
      const key = path === "" ? text : `${path}.${text}`;
      for (const { line, column } of later) this.faults.push({ message, key, line, column });
    }
    return true;
  }
}

/** Tag and value of a node as type errors print them: long values are cut, collections show none. */
function shown(node: DocumentNode): string {
  if (node.kind === "mapping") return "!!map";
  if (node.kind === "sequence") return "!!seq";
  const tag = node.tag === "" ? resolveScalar(node).tag : node.tag;
  return `${tag} \`${node.text.length > 10 ? `${node.text.slice(0, 7)}...` : node.text}\``;
}

function unknownKey(key: string, name: string, shape: SectionShape, { line, column }: Position): Warning {
  const nearest = nearestName(name, shape.entries.keys());
  const hint = nearest === undefined ? "see docs/configuration.md for the known ones" : `did you mean "${nearest}"?`;
  return { message: `unknown key "${key}" at line ${line} is ignored; ${hint}`, key, line, column };
}
