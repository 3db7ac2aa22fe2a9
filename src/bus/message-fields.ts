import { KeyOrder } from "../core/json-key-order.ts";
import type { JsonKind, JsonReader } from "../core/json-reader.ts";
import { TagSet } from "../core/routing/tag-set.ts";
import type { RegistryMessage } from "./registry-message.ts";

/** A message while it is read. */
export type Draft = { -readonly [Key in keyof RegistryMessage]: RegistryMessage[Key] } & {
  /** The first type mismatch; reported only if the rest of the text is well-formed JSON, as Go does. */
  mismatch: string | undefined;
};

/** How one JSON field is read into the draft. `path` and `type` are what Go calls them in its error texts. */
interface Field {
  readonly path: string;
  readonly type: string;
  readonly read: (reader: JsonReader, field: Field, draft: Draft) => void;
}

type TextKey = { [Key in keyof Draft]: Draft[Key] extends string ? Key : never }[keyof Draft];
type NumberKey = { [Key in keyof Draft]: Draft[Key] extends number ? Key : never }[keyof Draft];

/** What Go calls the type of a message in its error texts. */
export const struct = "RegistryMessage";
const optionsStruct = "RegistryMessageOpts";

function mismatch(draft: Draft, field: Field, found: string, type = field.type): void {
  draft.mismatch ??= `json: cannot unmarshal ${found} into Go struct field ${field.path} of type ${type}`;
}

/** `null` leaves a scalar as it was. True when the value is of the wanted kind and was not consumed. */
function expect(reader: JsonReader, wanted: JsonKind, field: Field, draft: Draft): boolean {
  const kind = reader.kind();
  if (kind === wanted) return true;
  reader.skip();
  if (kind !== "null") mismatch(draft, field, kind);
  return false;
}

function text(key: TextKey, path: string): Field {
  return {
    path,
    type: "string",
    read(reader, field, draft) {
      if (expect(reader, "string", field, draft)) draft[key] = reader.string();
    },
  };
}

/** A number of up to nine digits and nothing else, which nearly all are; -1: of another kind. */
function smallInteger(written: string): number {
  if (written.length > 9) return -1;
  let value = 0;
  for (let i = 0; i < written.length; i++) {
    const digit = written.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** A number from 1 on of up to 18 digits and nothing else, or one of 19 that begins with 1 to 8, as times in nanoseconds are. */
function isLargeInteger(written: string): boolean {
  const { length } = written;
  const first = written.charCodeAt(0);
  if (length > 19 || first < 0x31 || first > (length === 19 ? 0x38 : 0x39)) return false;
  for (let i = 1; i < length; i++) {
    const digit = written.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}

/** The digits of an integer within bounds, judged on the text as written: `1.0` and `1e3` are no integers. */
function integerOf(written: string, field: Field, draft: Draft, minimum: bigint, maximum: bigint): bigint | undefined {
  const whole = /^-?\d{1,20}$/.test(written);
  const value = whole ? BigInt(written) : 0n;
  // An unsigned field refuses the sign itself, so "-0" too.
  if (whole && value >= minimum && value <= maximum && !(minimum === 0n && written.startsWith("-"))) return value;
  mismatch(draft, field, `number ${written}`);
  return undefined;
}

function number(key: NumberKey, name: string, type: string, minimum: bigint, maximum: bigint): Field {
  return {
    path: `${struct}.${name}`,
    type,
    read(reader, field, draft) {
      if (!expect(reader, "number", field, draft)) return;
      const written = reader.number();
      const small = smallInteger(written);
      if (small >= 0 && small <= maximum) {
        draft[key] = small;
        return;
      }
      const value = integerOf(written, field, draft, minimum, maximum);
      if (value !== undefined) draft[key] = Number(value);
    },
  };
}

const int64Minimum = -(2n ** 63n);
const int64Maximum = 2n ** 63n - 1n;

/** One sender's messages are much alike. */
const tagOrder = new KeyOrder();

const uriType = "route.Uri";
const urisField: Field = {
  path: `${struct}.uris`,
  type: `[]${uriType}`,
  read(reader, field, draft) {
    const kind = reader.kind();
    if (kind === "array") {
      const list: string[] = [];
      draft.uris = list;
      reader.array((each) => {
        const kind = each.kind();
        if (kind === "string") list.push(each.string());
        else {
          each.skip();
          if (kind === "null") list.push("");
          else mismatch(draft, field, kind, uriType);
        }
      }, undefined);
      return;
    }
    reader.skip();
    if (kind === "null") draft.uris = [];
    else mismatch(draft, field, kind);
  },
};

const tagsField: Field = {
  path: `${struct}.tags`,
  type: "map[string]string",
  read(reader, field, draft) {
    const kind = reader.kind();
    if (kind === "object") {
      // A second `tags` object adds to the first.
      const tags = draft.tags ?? new TagSet();
      draft.tags = tags;
      reader.object(
        (each, key) => {
          const kind = each.kind();
          if (kind === "string") tags.set(key, each.string());
          else {
            each.skip();
            if (kind === "null") tags.set(key, "");
            else mismatch(draft, field, kind, "string");
          }
        },
        undefined,
        tagOrder,
      );
      return;
    }
    reader.skip();
    if (kind === "null") draft.tags = null;
    else mismatch(draft, field, kind);
  },
};

const decimal = /^-?\d{1,20}(\.\d{1,20})?$/;

const withoutEndpointsField: Field = {
  path: `${optionsStruct}.options.without_endpoints`,
  type: "bool",
  read(reader, field, draft) {
    if (expect(reader, "bool", field, draft)) draft.withoutEndpoints = reader.bool();
  },
};

const proxyProtocolField: Field = {
  path: `${optionsStruct}.options.proxy_protocol`,
  type: "v1 or v2",
  read(reader, field, draft) {
    if (!expect(reader, "string", field, draft)) return;
    const version = reader.string();
    if (version === "v1" || version === "v2") draft.proxyProtocol = version;
    else if (version === "") draft.proxyProtocol = undefined;
    // Not passed over: a backend that waits for a header would take the request for one.
    else mismatch(draft, field, `string ${JSON.stringify(version)}`);
  },
};

const optionFields: ReadonlyMap<string, Field> = new Map([
  ["without_endpoints", withoutEndpointsField],
  ["proxy_protocol", proxyProtocolField],
  ["loadbalancing", text("loadBalancing", `${optionsStruct}.options.loadbalancing`)],
  ["hash_header", text("hashHeader", `${optionsStruct}.options.hash_header`)],
  [
    "hash_balance",
    {
      path: `${optionsStruct}.options.hash_balance`,
      type: "float64",
      // A number, or one in a string: versions of the platform differ.
      read(reader, field, draft) {
        const kind = reader.kind();
        if (kind === "string") {
          const written = reader.string();
          if (decimal.test(written)) draft.hashBalance = Number(written);
          else mismatch(draft, field, `string ${JSON.stringify(written)}`);
        } else if (expect(reader, "number", field, draft)) {
          const written = reader.number();
          if (Number.isFinite(Number(written))) draft.hashBalance = Number(written);
          else mismatch(draft, field, `number ${written}`);
        }
      },
    },
  ],
]);

const optionsField: Field = {
  path: `${struct}.options`,
  type: `mbus.${optionsStruct}`,
  read(reader, field, draft) {
    if (expect(reader, "object", field, draft)) reader.object(readOption, draft);
  },
};

/** Every key of a registry message; any other is ignored. */
const fields: ReadonlyMap<string, Field> = new Map([
  ["host", text("host", `${struct}.host`)],
  ["port", number("port", "port", "uint16", 0n, 65535n)],
  ["tls_port", number("tlsPort", "tls_port", "uint16", 0n, 65535n)],
  ["uris", urisField],
  ["app", text("app", `${struct}.app`)],
  ["private_instance_id", text("privateInstanceId", `${struct}.private_instance_id`)],
  ["private_instance_index", text("privateInstanceIndex", `${struct}.private_instance_index`)],
  ["server_cert_domain_san", text("serverCertDomainSan", `${struct}.server_cert_domain_san`)],
  ["tags", tagsField],
  [
    "stale_threshold_in_seconds",
    number("staleThresholdSeconds", "stale_threshold_in_seconds", "int", int64Minimum, int64Maximum),
  ],
  ["isolation_segment", text("isolationSegment", `${struct}.isolation_segment`)],
  ["availability_zone", text("availabilityZone", `${struct}.availability_zone`)],
  ["route_service_url", text("routeServiceUrl", `${struct}.route_service_url`)],
  [
    "endpoint_updated_at_ns",
    {
      path: `${struct}.endpoint_updated_at_ns`,
      type: "int64",
      read(reader, field, draft) {
        if (!expect(reader, "number", field, draft)) return;
        const written = reader.number();
        if (isLargeInteger(written)) draft.endpointUpdatedAtNs = written;
        else {
          const value = integerOf(written, field, draft, int64Minimum, int64Maximum);
          if (value !== undefined) draft.endpointUpdatedAtNs = value === 0n ? "" : String(value);
        }
      },
    },
  ],
  ["protocol", text("protocol", `${struct}.protocol`)],
  ["options", optionsField],
]);

/** Go matches keys by simple case folding, under which long s and the Kelvin sign are letters of ASCII. */
function fieldFor(table: ReadonlyMap<string, Field>, key: string): Field | undefined {
  return table.get(key) ?? table.get(key.replaceAll("\u017f", "s").toLowerCase());
}

/** Reads one member of a registry message into the draft. */
export function readMember(reader: JsonReader, key: string, draft: Draft): void {
  const field = fieldFor(fields, key);
  if (field === undefined) reader.skip();
  else field.read(reader, field, draft);
}

function readOption(reader: JsonReader, key: string, draft: Draft): void {
  const field = fieldFor(optionFields, key);
  if (field === undefined) reader.skip();
  else field.read(reader, field, draft);
}
