import { hostText, lowerCase } from "./uri.ts";

/** Why a text is no host pattern; undefined: it is one. */
export function hostPatternFault(pattern: string): string | undefined {
  const host = pattern.startsWith("*.") ? pattern.slice(2) : pattern;
  if (host === "") return "it names no host";
  if (host.includes("*")) return "a wildcard stands for the first labels only, as in *.example.com";
  return host.includes("/") || host.includes(":") ? "it must be a host without port and path" : undefined;
}

/** Hosts, exact or as `*.domain`; a wildcard stands for one label or more, as in the table (control-plane §3.3). */
export class HostPatterns {
  readonly #exact = new Set<string>();
  readonly #suffixes: string[] = [];

  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      const key = lowerCase(pattern);
      if (key.startsWith("*.")) this.#suffixes.push(key.slice(1));
      else this.#exact.add(key);
    }
  }

  /** `host`: without port, one character per byte. */
  matches(host: string): boolean {
    const key = lowerCase(hostText(host));
    return this.#exact.has(key) || this.#suffixes.some((suffix) => key.length > suffix.length && key.endsWith(suffix));
  }
}
