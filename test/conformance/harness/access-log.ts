/** The fields of an access log line (data-plane §9.2), quotes taken off. */
export interface AccessLogFields {
  readonly host: string;
  readonly time: string;
  readonly request: string;
  readonly status: string;
  readonly requestBytes: string;
  readonly responseBytes: string;
  readonly referer: string;
  readonly userAgent: string;
  readonly client: string;
  readonly backend: string;
  /** `name:value` fields by name, in the order of the line. */
  readonly named: ReadonlyMap<string, string>;
}

const value = '"(?:[^"\\\\]|\\\\.)*"|-?[0-9.]+';
const layout = new RegExp(
  `^(\\S*) - \\[([^\\]]*)\\] "((?:[^"\\\\]|\\\\.)*)" ([0-9]+|"-") ([0-9]+) ([0-9]+) (${value}) (${value}) (${value}) (${value})((?: [a-z0-9_-]+:(?:${value}))*)$`,
);
const bare = (text: string): string => (text.startsWith('"') ? text.slice(1, -1) : text);

/** Reads a line; fails when it does not have exactly the layout of the reference. */
export function readAccessLog(line: string): AccessLogFields {
  const match = layout.exec(line);
  if (match === null) throw new Error(`not an access log line: ${line}`);
  const part = (at: number): string => bare(match[at] ?? "");
  const named = new Map<string, string>();
  for (const [, name, text] of (match[11] ?? "").matchAll(new RegExp(` ([a-z0-9_-]+):(${value})`, "g"))) {
    named.set(name!, bare(text!));
  }
  return {
    host: part(1),
    time: part(2),
    request: part(3),
    status: part(4),
    requestBytes: part(5),
    responseBytes: part(6),
    referer: part(7),
    userAgent: part(8),
    client: part(9),
    backend: part(10),
    named,
  };
}
