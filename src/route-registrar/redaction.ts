import { JsonText } from "../core/go-json.ts";

const redacted = "*REDACTED*";
const secretKey = /[Pp]wd|[Pp]ass/;

/** AWS key ids and secrets, crypt hashes (MD5, SHA-256, SHA-512), private keys (route-registrar §3.4). */
const defaultPatterns: readonly RegExp[] = [
  /\bA(?:KIA|SIA)[A-Z0-9]{16}\b/,
  /["']?(?:aws|AWS|Aws)?_?(?:secret|SECRET|Secret)?_?(?:access|ACCESS|Access)?_?(?:key|KEY|Key)["']?\s*(?::|=>|=)\s*["']?[A-Za-z0-9/+=]{40}["']?/,
  /\$[156]\$(?:rounds=\d+\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{22,86}/,
  /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/,
];

/** A pattern as Go writes it, of which a leading `(?i)` is all that JavaScript has no word for. @throws SyntaxError */
export function compilePattern(pattern: string): RegExp {
  return pattern.startsWith("(?i)") ? new RegExp(pattern.slice(4), "i") : new RegExp(pattern);
}

/**
 * What `-redactSecrets` does with the data of a log line: values of keys that look like passwords, and texts that look
 * like secrets, are replaced. `patterns` take the place of the default ones when there are any.
 *
 * @throws SyntaxError for a pattern that is no regular expression.
 */
export function createRedaction(
  patterns: readonly string[],
): (data: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>> {
  const values = patterns.length === 0 ? defaultPatterns : patterns.map(compilePattern);
  const scrub = (value: unknown): unknown => {
    if (typeof value === "string") return values.some((pattern) => pattern.test(value)) ? redacted : value;
    if (Array.isArray(value)) return value.map(scrub);
    if (value instanceof JsonText) return scrub(JSON.parse(value.text));
    if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, scrubMember(String(key), inner)]));
    return typeof value === "object" && value !== null ? scrubObject(value) : value;
  };
  const scrubMember = (key: string, value: unknown): unknown => (secretKey.test(key) ? redacted : scrub(value));
  const scrubObject = (object: object): Record<string, unknown> =>
    Object.fromEntries(Object.entries(object).map(([key, value]) => [key, scrubMember(key, value)]));
  return scrubObject;
}
