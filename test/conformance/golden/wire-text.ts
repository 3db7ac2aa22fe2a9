import { type ReadBody, readChunked, readHead, readSized } from "../harness/message.ts";
import { type Bound, shown } from "./match.ts";

/** An HTTP/1 message taken from a text. */
export interface WireText {
  readonly firstLine: string;
  readonly lines: readonly string[];
  readonly chunked: boolean;
  /** Without chunk framing when that is whole; else as it is. */
  readonly body: string;
  readonly trailers: readonly string[];
  /** Framing says that it is whole. */
  readonly complete: boolean;
  /** Where it ends in the text. */
  readonly end: number;
}

const named = (name: string) => (line: string) => line.toLowerCase().startsWith(`${name}:`);

/** Reads one message; undefined without a complete head. `bodiless`: an answer to HEAD. `toEnd`: the text will not grow. */
export function readMessage(text: string, bodiless = false, toEnd = false): WireText | undefined {
  const head = readHead(text);
  if (head === undefined) return undefined;
  const { firstLine, lines } = head;
  const response = firstLine.startsWith("HTTP/");
  const status = response ? Number(firstLine.split(" ")[1]) : 0;
  const none = response && (bodiless || status < 200 || status === 204 || status === 304);
  const chunked = lines.some((line) => named("transfer-encoding")(line) && /chunked/i.test(line));
  const length = lines.find(named("content-length"))?.slice("content-length:".length).trim();
  let read: ReadBody | undefined;
  if (none || (!chunked && length === undefined && !response)) read = readSized(text, head.end, 0);
  else if (chunked) read = readWhole(text, head.end);
  else if (length !== undefined) read = readSized(text, head.end, Number(length));
  else if (toEnd) read = readSized(text, head.end, text.length - head.end);
  if (read === undefined) {
    const body = text.slice(head.end);
    return { firstLine, lines, chunked: false, body, trailers: [], complete: false, end: text.length };
  }
  return { firstLine, lines, chunked, body: read.body, trailers: read.trailers, complete: true, end: read.end };
}

/** A chunked body; undefined when it is cut or broken. */
function readWhole(text: string, start: number): ReadBody | undefined {
  try {
    return readChunked(text, start);
  } catch {
    return undefined;
  }
}

/** The messages of a text, one behind the other; a rest that is none is a message with that as its first line. */
export function readMessages(text: string, bodiless: boolean, toEnd: boolean): WireText[] {
  const messages: WireText[] = [];
  for (let rest = text; rest !== ""; ) {
    const message = readMessage(rest, bodiless, toEnd);
    if (message === undefined) {
      messages.push({ firstLine: rest, lines: [], chunked: false, body: "", trailers: [], complete: false, end: 0 });
      break;
    }
    messages.push(message);
    rest = rest.slice(message.end);
  }
  return messages;
}

/**
 * Two forms that are equal when the message is the expected one: header lines by name in lower case, sorted, those of
 * one name in order; what matches a placeholder as the expected text has it.
 */
export function comparable(expected: WireText, actual: WireText, bound: Bound): [unknown, unknown] {
  const lines = (of: WireText, other?: WireText): string[] => {
    const rest = other === undefined ? [] : sorted(other.lines);
    return sorted(of.lines).map((line) => {
      const name = line.slice(0, line.indexOf(":"));
      const at = rest.findIndex((one) => one.startsWith(`${name}:`));
      return shown(at < 0 ? undefined : rest.splice(at, 1)[0], line, bound);
    });
  };
  const form = (of: WireText, other?: WireText) => ({
    firstLine: shown(other?.firstLine, of.firstLine, bound),
    lines: lines(of, other),
    framing: of.chunked ? "chunked" : of.complete ? "whole" : "cut",
    body: shown(other?.body, of.body, bound),
    trailers: sorted(of.trailers),
  });
  return [form(actual, expected), form(expected)];
}

/** Names in lower case, values trimmed; sorted by name, stable; lines that bind placeholders for others come first. */
function sorted(lines: readonly string[]): string[] {
  return lines
    .map((line) => {
      const colon = line.indexOf(":");
      return colon < 0 ? line : `${line.slice(0, colon).toLowerCase()}: ${line.slice(colon + 1).trim()}`;
    })
    .map((line): [string, string] => [line.slice(0, line.indexOf(":")), line])
    .sort(([a], [b]) => order(a, b))
    .map(([, line]) => line);
}

/** By name; those whose placeholders others are made of come first. */
function order(a: string, b: string): number {
  const rank = (name: string): string => (name === "x-b3-traceid" || name === "traceparent" ? ` ${name}` : name);
  return rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0;
}
