import type { HeadersLike } from "../message.ts";
import type { CompiledSettings } from "./settings.ts";

/**
 * Changes response headers as configured by `http_rewrite` (data-plane §1.4.9): on responses of backends, on the router's
 * own and on interim ones; not on 101 and raw answers.
 */
export function rewriteResponse(headers: HeadersLike, settings: CompiledSettings): void {
  for (const name of settings.removedResponseHeaders) if (headers.has(name)) headers.delete(name);
  const added = settings.addedResponseHeaders;
  if (added.length === 0) return;
  // All are looked for before any is added: entries of one name give one line each.
  const missing = added.filter((header) => !headers.has(header.name));
  for (const { name, value } of missing) headers.append(name, value);
}
