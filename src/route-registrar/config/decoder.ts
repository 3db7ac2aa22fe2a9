import type { DocumentNode, ScalarNode } from "../../core/config/document.ts";
import { resolveScalar, scalarValue } from "../../core/config/scalar.ts";

/** Reads one member of an object into `target`. */
export type Member<T> = (decoder: Decoder, node: DocumentNode, target: T, path: string) => void;

/** The known keys of an object. */
export interface Members<T> {
  /** Go's name of the type, for error texts. */
  readonly type: string;
  readonly members: Readonly<Record<string, Member<T>>>;
}

/** The values of a document do not fit the types of their keys. */
class DecodeError extends Error {
  override readonly name = "DecodeError";
}

/**
 * Puts values into typed places with the rules and the error texts of Go's JSON decoder or of yaml.v3 (route-registrar
 * §4.1, §12): null is as good as absent, JSON keys match without regard to case, values of the wrong type are faults,
 * unknown keys are noted and passed over.
 */
export class Decoder {
  readonly format: "json" | "yaml";
  /** Keys that nobody knows, with their paths. */
  readonly unknown: { readonly path: string; readonly key: string; readonly known: readonly string[] }[] = [];
  readonly #faults: string[] = [];

  constructor(format: "json" | "yaml") {
    this.format = format;
  }

  /** @throws DecodeError when something did not fit: the first fault of JSON, all of YAML. */
  finish(): void {
    if (this.#faults.length === 0) return;
    if (this.format === "json") throw new DecodeError(this.#faults[0]);
    throw new DecodeError(`yaml: unmarshal errors:${this.#faults.map((fault) => `\n  ${fault}`).join("")}`);
  }

  object<T>(node: DocumentNode, { type, members }: Members<T>, target: T, path: string): void {
    if (isNull(node)) return;
    if (node.kind !== "mapping") {
      this.#mismatch(node, path, `config.${type}`);
      return;
    }
    for (const { key, value } of node.pairs) {
      if (key.kind !== "scalar") continue;
      const name = this.format === "json" ? key.text.toLowerCase() : key.text;
      const below = path === "" ? `${type}.${name}` : `${type}.${path.slice(path.indexOf(".") + 1)}.${name}`;
      const member = Object.hasOwn(members, name) ? members[name] : undefined;
      if (member === undefined) {
        this.unknown.push({ path: below.slice(below.indexOf(".") + 1), key: key.text, known: Object.keys(members) });
      } else if (!isNull(value)) member(this, value, target, below);
    }
  }

  text(node: DocumentNode, path: string): string {
    if (node.kind === "scalar" && (this.format === "yaml" || !node.plain)) return node.text;
    return this.#mismatch(node, path, "string") ?? "";
  }

  flag(node: DocumentNode, path: string): boolean {
    const quoted = this.format === "json" && node.kind === "scalar" && !node.plain;
    const value = node.kind === "scalar" && !quoted ? scalarValue("bool", node, resolveScalar(node)) : undefined;
    return typeof value === "boolean" ? value : (this.#mismatch(node, path, "bool") ?? false);
  }

  integer(node: DocumentNode, path: string, type: "uint16" | "int"): number {
    // Go's JSON takes whole numbers only, in digits; YAML's are cut.
    const fits = node.kind === "scalar" && (this.format === "yaml" || (node.plain && /^-?\d+$/.test(node.text)));
    const value = fits ? scalarValue(type, node, resolveScalar(node)) : undefined;
    return typeof value === "number" ? value : (this.#mismatch(node, path, type) ?? 0);
  }

  list<T>(node: DocumentNode, path: string, type: string, item: (node: DocumentNode) => T): T[] {
    if (node.kind !== "sequence") return this.#mismatch(node, path, `[]${type}`) ?? [];
    return node.items.map(item);
  }

  texts(node: DocumentNode, path: string): string[] {
    return this.list(node, path, "string", (one) => (isNull(one) ? "" : this.text(one, path)));
  }

  textMap(node: DocumentNode, path: string): ReadonlyMap<string, string> {
    const map = new Map<string, string>();
    if (node.kind !== "mapping") this.#mismatch(node, path, "map[string]string");
    else
      for (const { key, value } of node.pairs)
        if (key.kind === "scalar") map.set(key.text, isNull(value) ? "" : this.text(value, path));
    return map;
  }

  #mismatch(node: DocumentNode, path: string, type: string): undefined {
    if (this.format === "yaml")
      this.#faults.push(`line ${node.line}: cannot unmarshal ${yamlShown(node)} into ${type}`);
    else if (path === "")
      this.#faults.push(`json: cannot unmarshal ${jsonShown(node, type)} into Go value of type ${type}`);
    else
      this.#faults.push(`json: cannot unmarshal ${jsonShown(node, type)} into Go struct field ${path} of type ${type}`);
    return undefined;
  }
}

function isNull(node: DocumentNode): boolean {
  return node.kind === "scalar" && resolveScalar(node).tag === "!!null";
}

function jsonShown(node: DocumentNode, type: string): string {
  if (node.kind === "mapping") return "object";
  if (node.kind === "sequence") return "array";
  if (!node.plain) return "string";
  if (node.text === "true" || node.text === "false") return "bool";
  return type === "uint16" || type === "int" ? `number ${node.text}` : "number";
}

/** Long values are cut, as yaml.v3 does. */
function yamlShown(node: DocumentNode): string {
  if (node.kind === "mapping") return "!!map";
  if (node.kind === "sequence") return "!!seq";
  return `${tagOf(node)} \`${node.text.length > 10 ? `${node.text.slice(0, 7)}...` : node.text}\``;
}

function tagOf(node: ScalarNode): string {
  return node.tag === "" ? resolveScalar(node).tag : node.tag;
}
