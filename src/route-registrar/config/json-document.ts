import type { DocumentNode, MappingNode } from "../../core/config/document.ts";
import { JsonReader } from "../../core/json-reader.ts";

/**
 * Reads strict JSON into the tree that YAML is read into as well: strings are quoted scalars, everything else is plain.
 * Positions are not kept; Go's JSON errors have none.
 *
 * @throws JsonSyntaxError with Go's text.
 */
export function parseJsonDocument(text: string): DocumentNode {
  const reader = new JsonReader(text);
  const node = readValue(reader, text);
  reader.end();
  return node;
}

const place = { line: 0, column: 0 };
const scalar = (text: string, plain: boolean): DocumentNode => ({ kind: "scalar", text, plain, tag: "", ...place });

function readValue(reader: JsonReader, source: string): DocumentNode {
  switch (reader.kind()) {
    case "string":
      return scalar(reader.string(), false);
    case "number":
      return scalar(reader.number(), true);
    case "object": {
      const pairs: MappingNode["pairs"][number][] = [];
      reader.object((each, key, target) => {
        target.push({ key: scalar(key, false), value: readValue(each, source) });
      }, pairs);
      return { kind: "mapping", pairs, ...place };
    }
    case "array": {
      const items: DocumentNode[] = [];
      reader.array((each, target) => {
        target.push(readValue(each, source));
      }, items);
      return { kind: "sequence", items, ...place };
    }
    default: {
      const start = reader.position;
      reader.literal();
      return scalar(source.slice(start, reader.position), true);
    }
  }
}
