import { type JsonKind, JsonReader } from "../core/json-reader.ts";
import { JsonSyntaxError } from "../core/json-syntax-error.ts";
import { processError } from "./api-error.ts";
import { type BodySchema, type Decoded, type FieldType, fieldTypes } from "./body-schema.ts";

type Draft = Record<string, string | number | boolean>;

const goKinds: Readonly<Record<FieldType, JsonKind>> = {
  string: "string",
  uint16: "number",
  int: "number",
  bool: "bool",
};
const maxInt = 2n ** 63n - 1n;

/** The fields of a body by their JSON names, which match in any case, as in Go. */
type Fields = ReadonlyMap<string, { readonly name: string; readonly type: FieldType }>;

const known = new WeakMap<BodySchema, Fields>();

function fieldsOf(schema: BodySchema): Fields {
  let fields = known.get(schema);
  if (fields === undefined) {
    fields = new Map([...fieldTypes(schema)].map(([name, type]) => [name, { name, type }]));
    known.set(schema, fields);
  }
  return fields;
}

class BodyDecoder {
  readonly #struct: string;
  readonly #fields: Fields;
  /** The first value of a wrong type; it counts only when the text is well-formed, as in Go. */
  mismatch: string | undefined;

  constructor(struct: string, fields: Fields) {
    this.#struct = struct;
    this.#fields = fields;
  }

  object(reader: JsonReader): Draft {
    const draft: Draft = Object.create(null) as Draft;
    reader.object((_, key) => this.#member(reader, key, draft), undefined);
    return draft;
  }

  #member(reader: JsonReader, key: string, draft: Draft): void {
    const field = this.#fields.get(key) ?? this.#fields.get(key.toLowerCase());
    const kind = reader.kind();
    if (field === undefined || kind === "null") {
      reader.skip();
      return;
    }
    const { name, type } = field;
    if (kind !== goKinds[type]) {
      reader.skip();
      this.#wrong(kind, name, type);
    } else if (kind === "string") draft[name] = reader.string();
    else if (kind === "bool") draft[name] = reader.bool();
    else this.#number(reader.number(), name, type, draft);
  }

  #number(text: string, name: string, type: FieldType, draft: Draft): void {
    // Digits that a number holds exactly, which a port and a ttl are.
    if (text.length <= 15 && /^\d+$/.test(text)) {
      const small = Number(text);
      if (type === "int" || small <= 65535) {
        draft[name] = small;
        return;
      }
    }
    const value = /^-?\d+$/.test(text) ? BigInt(text) : undefined;
    const [lowest, highest] = type === "uint16" ? [0n, 65535n] : [-maxInt - 1n, maxInt];
    if (value === undefined || value < lowest || value > highest) this.#wrong(`number ${text}`, name, type);
    else draft[name] = Number(value);
  }

  #wrong(found: string, name: string, type: FieldType): void {
    this.mismatch ??= `json: cannot unmarshal ${found} into Go struct field ${this.#struct}.${name} of type ${type}`;
  }
}

/**
 * The first JSON value of a request body: what follows it is ignored (routing-api §4). `list` reads an array, `null` is an
 * empty one; else an object. `struct` is what Go calls the object.
 *
 * @throws ApiError `ProcessRequestError` in the words of Go's decoder.
 */
export function decodeBody<S extends BodySchema>(text: string, struct: string, schema: S, list: boolean): Decoded<S>[] {
  if (/^[\t\n\r ]*$/.test(text)) throw processError("EOF");
  const reader = new JsonReader(text);
  const decoder = new BodyDecoder(struct, fieldsOf(schema));
  const objects: Draft[] = [];
  const goType = list ? `[]models.${struct}` : `models.${struct}`;
  const element = (): void => {
    const kind = reader.kind();
    if (kind === "object") {
      objects.push(decoder.object(reader));
      return;
    }
    reader.skip();
    if (kind === "null") objects.push({});
    else decoder.mismatch ??= `json: cannot unmarshal ${kind} into Go value of type models.${struct}`;
  };
  try {
    const kind = reader.kind();
    if (!list) element();
    else if (kind === "array") reader.array(element, undefined);
    else if (reader.skip() !== "null")
      decoder.mismatch = `json: cannot unmarshal ${kind} into Go value of type ${goType}`;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    // Go's decoder of streams says it this way when the text ends too early, in a word or a number too.
    const ended = error.position < 0 || error.position >= text.length;
    throw processError(ended ? "unexpected EOF" : error.message);
  }
  if (decoder.mismatch !== undefined) throw processError(decoder.mismatch);
  return objects as Decoded<S>[];
}
