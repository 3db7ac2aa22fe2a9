import type { Document, Node, YAMLError, YAMLMap } from "yaml";
import { type Alias, isAlias, isMap, isSeq, Scalar } from "yaml";
import type { Clock } from "../core/clock.ts";
import { assembleConfig, defaultConfig, type LoadedConfig } from "../core/config/assemble.ts";
import { type ConfigChecks, configChecks } from "../core/config/config-checks.ts";
import { ConfigError, type Position } from "../core/config/config-error.ts";
import type { DocumentNode, MappingNode } from "../core/config/document.ts";
import { Level } from "../core/observe/log.ts";
import { logLine } from "../core/observe/log-line.ts";
import { createTimestamps } from "../core/observe/log-timestamp.ts";
import type { Runtime } from "../runtime/interface.ts";
import { readErrorText } from "./file-error.ts";
import { readYaml, type YamlDocument } from "./yaml-document.ts";

/** What is asked of a runtime to load a configuration. */
type ConfigRuntime = Pick<Runtime, "readTextFile" | "localIp" | "matchKey">;

/**
 * Reads, checks and loads the configuration file; without a path, the configuration of a start without one.
 *
 * @throws ConfigError for an unreadable file (`open PATH: no such file or directory`) and as `loadConfig` does.
 */
export async function readConfig(runtime: ConfigRuntime, path: string | undefined): Promise<LoadedConfig> {
  if (path === undefined) return defaultConfig();
  return loadConfig(await readConfigText(runtime, path), await machineChecks(runtime));
}

/** @throws ConfigError `open PATH: no such file or directory`, … */
export async function readConfigText(runtime: Pick<Runtime, "readTextFile">, path: string): Promise<string> {
  try {
    return await runtime.readTextFile(path);
  } catch (error) {
    throw new ConfigError(readErrorText(path, error));
  }
}

/** The checks of validation that need the machine. */
export async function machineChecks(runtime: Pick<Runtime, "localIp" | "matchKey">): Promise<ConfigChecks> {
  const fault = await runtime.localIp().then(
    () => undefined,
    (error: Error) => error.message,
  );
  return configChecks(fault, (certificate, privateKey) => runtime.matchKey(certificate, privateKey));
}

/**
 * Parses YAML (the first document, as upstream), merges it over the defaults and validates it; undefined: no file.
 *
 * @throws ConfigError with the text printed after `Error loading config:` (control-plane §1.1, §1.3).
 */
export function loadConfig(text: string | undefined, checks?: ConfigChecks): LoadedConfig {
  return text === undefined ? defaultConfig() : assembleConfig(parseYaml(text), checks);
}

/**
 * The tree of a YAML text's first document; undefined: there is none.
 *
 * @throws ConfigError `yaml: line N: …` for a text that is no YAML.
 */
export function parseYaml(text: string): DocumentNode | undefined {
  const yaml = readYaml(text);
  const { document, error } = yaml;
  if (document === undefined) return undefined;
  if (error !== undefined) throw syntaxError(error, yaml);
  return document.contents === null ? undefined : new Converter(document, yaml).node(document.contents);
}

class Converter {
  readonly #document: Document;
  readonly #yaml: YamlDocument;
  /** Aliases being followed, so that one inside its own anchor is noticed. */
  readonly #following = new Set<Node>();
  #nodes = 0;

  constructor(document: Document, yaml: YamlDocument) {
    this.#document = document;
    this.#yaml = yaml;
  }

  node(node: Node | null): DocumentNode {
    // A few nested anchors can stand for millions of nodes.
    if (++this.#nodes > 100_000) throw new ConfigError("yaml: document contains excessive aliasing");
    if (node === null) return { kind: "scalar", text: "", plain: true, tag: "", line: 0, column: 0 };
    if (isAlias(node)) return this.#alias(node);
    const position = this.#position(node);
    if (isMap(node)) return { kind: "mapping", pairs: this.#pairs(node), ...position };
    if (isSeq(node)) {
      return { kind: "sequence", items: node.items.map((item) => this.node(item as Node | null)), ...position };
    }
    const scalar = node as Scalar;
    const plain = scalar.type === Scalar.PLAIN || scalar.type === undefined;
    // `value` is the text after unfolding; `null` stands for an empty scalar.
    const text = scalar.value === null ? "" : String(scalar.value);
    return { kind: "scalar", text, plain, tag: shortTag(scalar.tag, plain), ...position };
  }

  #pairs(map: YAMLMap): MappingNode["pairs"] {
    const own: MappingNode["pairs"][number][] = [];
    const merged: MappingNode["pairs"][number][] = [];
    for (const pair of map.items) {
      const key = this.node(pair.key as Node | null);
      const value = this.#valueOf(key, pair.value as Node | null);
      if (key.kind === "scalar" && key.plain && key.text === "<<") merged.push(...mergePairs(value));
      else own.push({ key, value });
    }
    // Keys written in the map win over merged ones, earlier merged ones over later ones.
    const names = new Set(own.map(({ key }) => (key.kind === "scalar" ? key.text : undefined)));
    for (const pair of merged) {
      if (pair.key.kind !== "scalar" || names.has(pair.key.text)) continue;
      names.add(pair.key.text);
      own.push(pair);
    }
    return own;
  }

  #valueOf(key: DocumentNode, value: Node | null): DocumentNode {
    const node = this.node(value);
    return node.line === 0 ? { ...node, line: key.line, column: key.column } : node;
  }

  #alias(alias: Alias): DocumentNode {
    const { line } = this.#position(alias);
    const target = alias.resolve(this.#document);
    if (target === undefined)
      throw new ConfigError(`yaml: unknown anchor '${alias.source}' referenced`, "", { line, column: 0 });
    if (this.#following.has(target)) throw new ConfigError(`yaml: anchor '${alias.source}' value contains itself`);
    this.#following.add(target);
    const node = this.node(target);
    this.#following.delete(target);
    return node;
  }

  #position(node: Node): Position {
    return this.#yaml.position(node.range?.[0] ?? 0);
  }
}

function mergePairs(value: DocumentNode): MappingNode["pairs"] {
  if (value.kind === "mapping") return value.pairs;
  if (value.kind === "sequence" && value.items.every((item) => item.kind === "mapping")) {
    return value.items.flatMap((item) => item.pairs);
  }
  throw new ConfigError("yaml: map merge requires map or sequence of maps as the value", "<<", value);
}

/** `!!int` for `tag:yaml.org,2002:int`; the parser marks quoted text as `!!str` by itself. */
function shortTag(tag: string | undefined, plain: boolean): string {
  if (tag === undefined || (!plain && tag === "tag:yaml.org,2002:str")) return "";
  return tag.replace("tag:yaml.org,2002:", "!!");
}

function syntaxError(error: YAMLError, yaml: YamlDocument): ConfigError {
  const position = yaml.position(error.pos[0]);
  const tab = error.code === "TAB_AS_INDENT";
  // Some messages end with a piece of the source, which may be a secret.
  const reason = tab ? "found a tab character that violates indentation" : error.message.replace(/: ".*$/s, "");
  return new ConfigError(`yaml: line ${position.line}: ${reason}`, "", position);
}

/**
 * The one line, on standard output, that says why there is no start (control-plane §1.1): no source, always the epoch,
 * never hidden by `logging.level`. Key, line and column are our addition.
 */
export function configErrorLine(error: ConfigError, clock: Clock): string {
  const data: Record<string, unknown> = { error: error.message };
  if (error.key !== "") data["key"] = error.key;
  if (error.line > 0) data["line"] = error.line;
  if (error.column > 0) data["column"] = error.column;
  return logLine(Level.error, createTimestamps("unix-epoch", clock)(), "Error loading config:", undefined, data);
}
