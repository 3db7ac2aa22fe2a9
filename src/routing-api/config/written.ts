import type { DocumentNode, ScalarNode } from "../../core/config/document.ts";
import { resolveScalar, scalarValue } from "../../core/config/scalar.ts";

/** A scalar of the file: what it is depends on its key, as in Go, where `0123` is a password as well as a number. */
export class Written {
  readonly #node: ScalarNode;

  constructor(node: ScalarNode) {
    this.#node = node;
  }

  /** As it was written. */
  get text(): string {
    return this.#node.text;
  }

  /** The value for a key of this type; undefined: it is none. */
  as(type: "bool" | "int"): boolean | number | undefined {
    const value = scalarValue(type, this.#node, resolveScalar(this.#node));
    return typeof value === "string" ? undefined : value;
  }

  /** Its own type, as YAML reads it: `!!str`, `!!int`, … */
  get tag(): string {
    return resolveScalar(this.#node).tag;
  }

  /** For errors: line and text, in Go's words. */
  mismatch(type: string): string {
    return `line ${this.#node.line}: cannot unmarshal ${this.tag} \`${this.text}\` into ${type}`;
  }
}

/** A document as nested objects and arrays of `Written`; null where there is nothing. */
export function writtenDocument(node: DocumentNode | undefined): unknown {
  if (node === undefined) return null;
  if (node.kind === "sequence") return node.items.map(writtenDocument);
  if (node.kind === "scalar") return resolveScalar(node).tag === "!!null" ? null : new Written(node);
  return Object.fromEntries(
    node.pairs.flatMap(({ key, value }) => (key.kind === "scalar" ? [[key.text, writtenDocument(value)]] : [])),
  );
}
