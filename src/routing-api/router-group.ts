import * as v from "valibot";
import { goJson } from "../core/go-json.ts";
import { processError } from "./api-error.ts";
import { type Decoded, textField } from "./body-schema.ts";

/** A router group (routing-api §8.1). */
export interface RouterGroup {
  readonly guid: string;
  readonly name: string;
  readonly type: string;
  /** `1024-1123,2000`; empty: none. */
  readonly reservablePorts: string;
}

/** A router group in a request (routing-api §8.1); a guid in it does not count. */
export const RouterGroupBody = v.object({
  name: textField("Name; there is one group of a name."),
  type: textField("`tcp`, `http`, or any other text."),
  reservable_ports: textField(
    "Ports and ranges of ports, `1024-1123,2000`; tcp groups need some, http groups have none.",
  ),
});

/** The same in answers. */
export const RouterGroupElement = v.strictObject({
  guid: v.string(),
  name: v.string(),
  type: v.string(),
  reservable_ports: v.string(),
});

/** What a request says of a group. */
export function readGroup(from: Decoded<typeof RouterGroupBody>): Omit<RouterGroup, "guid"> {
  return { name: from.name ?? "", type: from.type ?? "", reservablePorts: from.reservable_ports ?? "" };
}

export function groupJson({ guid, name, type, reservablePorts }: RouterGroup): string {
  return goJson({ guid, name, type, reservable_ports: reservablePorts });
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1024 || port > 65535) throw new Error("port must be between 1024 and 65535");
  return port;
}

function rangeOf(text: string): Range {
  const [from = "", to, ...more] = text.split("-");
  if (more.length > 0) throw new Error(`range (${text}) has too many '-' separators`);
  if (to === undefined) {
    const port = portOf(from);
    return { from: port, to: port };
  }
  if (from === "") throw new Error(`range (${text}) requires a starting port`);
  if (to === "") throw new Error(`range (${text}) requires an ending port`);
  const range = { from: portOf(from), to: portOf(to) };
  if (range.from > range.to) throw new Error(`range (${text}) must be in ascending numeric order`);
  return range;
}

const shown = ({ from, to }: Range): string => (from === to ? String(from) : `[${from}-${to}]`);

function rangesOf(text: string): Range[] {
  const ranges = text.split(",").map(rangeOf);
  for (const [index, one] of ranges.entries()) {
    const other = ranges.slice(index + 1).find(({ from, to }) => from <= one.to && one.from <= to);
    if (other !== undefined) throw new Error(`Overlapping values: ${shown(one)} and ${shown(other)}`);
  }
  return ranges;
}

/**
 * What is wrong with a group (routing-api §8.3); undefined: nothing. `reservedPorts` are those of system components, where
 * groups must keep clear of them.
 */
export function groupFault(group: Omit<RouterGroup, "guid">, reservedPorts: readonly number[]): string | undefined {
  const { name, type, reservablePorts } = group;
  if (name === "") return "missing name in router group";
  if (type === "") return "missing type in router group";
  if (type === "http" && reservablePorts !== "")
    return "reservable ports are not supported for router groups of type http";
  if (type === "tcp" && reservablePorts === "") return `missing reservable_ports in router group: ${name}`;
  if (reservablePorts === "") return undefined;
  try {
    const ranges = rangesOf(reservablePorts);
    if (reservedPorts.some((port) => ranges.some(({ from, to }) => port >= from && port <= to)))
      return `Invalid ports. Reservable ports must not include the following reserved system component ports: [${reservedPorts.join(" ")}].`;
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** @throws ApiError `ProcessRequestError` for the first group that is not valid. */
export function checkGroups(groups: Iterable<Omit<RouterGroup, "guid">>, reservedPorts: readonly number[]): void {
  for (const group of groups) {
    const fault = groupFault(group, reservedPorts);
    if (fault !== undefined) throw processError(fault);
  }
}
