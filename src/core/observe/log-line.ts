import type { Level, LogData } from "./log.ts";

/**
 * One log line with its line feed (control-plane §6.1). `timestamp` is JSON text; `source` is left out when undefined,
 * `data` when it has no attributes. In `data` a bigint is an integer (durations: nanoseconds), an `Error` its message,
 * a `Map` or plain object an object, undefined attributes are left out.
 */
export function logLine(
  level: Level,
  timestamp: string,
  message: string,
  source: string | undefined,
  data: LogData | undefined,
): string {
  let line = `{"log_level":${level},"timestamp":${timestamp},"message":${jsonString(message)}`;
  if (source !== undefined) line += `,"source":${jsonString(source)}`;
  const attributes = data === undefined ? "" : members(Object.entries(data));
  if (attributes !== "") line += `,"data":{${attributes}}`;
  return `${line}}\n`;
}

function members(entries: Iterable<[unknown, unknown]>): string {
  let text = "";
  for (const [key, value] of entries) {
    if (value === undefined) continue;
    text += `${text === "" ? "" : ","}${jsonString(String(key))}:${jsonValue(value)}`;
  }
  return text;
}

function jsonValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return jsonString(value);
    case "number":
      // What JSON cannot say is shown as text rather than lost.
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case "bigint":
    case "boolean":
      return String(value);
    case "object":
      return jsonObject(value);
    default:
      return jsonString(String(value));
  }
}

function jsonObject(value: object | null): string {
  if (value === null) return "null";
  if (value instanceof Error) return jsonString(value.message);
  if (Array.isArray(value))
    return `[${value.map((item) => (item === undefined ? "null" : jsonValue(item))).join(",")}]`;
  return `{${members(value instanceof Map ? value : Object.entries(value))}}`;
}

const shortEscapes: Readonly<Record<number, string>> = {
  9: "\\t",
  10: "\\n",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

/**
 * A string in JSON as log lines have it: no HTML escaping, U+2028 and U+2029 as they are (upstream's log library copies
 * whatever lies above ASCII), a lone surrogate (our form of invalid UTF-8) as `\ufffd`.
 */
export function jsonString(text: string): string {
  let escaped = "";
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 32 && code < 0xd800 && code !== 34 && code !== 92) continue;
    const replacement = escapeOf(text, at, code);
    if (replacement === undefined) {
      // A well-formed pair takes two.
      if (code >= 0xd800 && code < 0xdc00) at++;
      continue;
    }
    escaped += text.slice(copied, at) + replacement;
    copied = at + 1;
  }
  return copied === 0 ? `"${text}"` : `"${escaped}${text.slice(copied)}"`;
}

/** How the code unit at `at` is to be written; undefined: as it is. */
function escapeOf(text: string, at: number, code: number): string | undefined {
  if (code < 0xd800) return shortEscapes[code] ?? `\\u00${code < 16 ? "0" : ""}${code.toString(16)}`;
  if (code > 0xdfff) return undefined;
  const next = text.charCodeAt(at + 1);
  return code < 0xdc00 && next >= 0xdc00 && next <= 0xdfff ? undefined : "\\ufffd";
}
