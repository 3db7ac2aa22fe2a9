import { hostText, lowerCase } from "../routing/uri.ts";

const entry = /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+$/;

/**
 * Why an entry of `route_services_hairpinning_allowlist` cannot be used (control-plane §1.2); undefined: it can.
 */
export function hairpinEntryFault(text: string): string | undefined {
  const host = text.toLowerCase();
  if (entry.test(host)) return undefined;
  return (
    `invalid route service hairpinning allowlist entry: ${host}. ` +
    "Must be wildcard (*.domain.com) or FQDN (hostname.domain.com)"
  );
}

/** Hosts whose services are reached through the own table (data-plane §8.7); none given: all. */
export class HairpinHosts {
  readonly #allowed: ReadonlySet<string>;

  constructor(entries: readonly string[]) {
    this.#allowed = new Set(entries.map((text) => text.toLowerCase()));
  }

  /** `host` of the route; a wildcard stands for exactly one label. */
  allow(host: string): boolean {
    if (this.#allowed.size === 0) return true;
    const name = lowerCase(hostText(host));
    const dot = name.indexOf(".");
    return this.#allowed.has(name) || (dot >= 0 && this.#allowed.has(`*${name.slice(dot)}`));
  }
}
