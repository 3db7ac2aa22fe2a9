import type { Position } from "./config-error.ts";

/**
 * A YAML document as the decoder needs it: aliases and merge keys resolved, positions kept, scalars as text. The core
 * has no YAML parser; `cli/load-config.ts` builds this tree.
 */
export type DocumentNode = ScalarNode | MappingNode | SequenceNode;

export interface ScalarNode extends Position {
  readonly kind: "scalar";
  readonly text: string;
  /** Neither quoted nor a block scalar: its type is read off the text. */
  readonly plain: boolean;
  /** Explicit tag such as `!!str`; empty when there is none. */
  readonly tag: string;
}

export interface MappingNode extends Position {
  readonly kind: "mapping";
  /** In document order, duplicates kept. */
  readonly pairs: readonly { readonly key: DocumentNode; readonly value: DocumentNode }[];
}

interface SequenceNode extends Position {
  readonly kind: "sequence";
  readonly items: readonly DocumentNode[];
}
