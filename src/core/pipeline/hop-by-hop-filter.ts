import type { Exchange } from "../exchange.ts";

/**
 * Keeps a client from having the router drop headers by naming them in `Connection` (data-plane §1.4.14); runs with
 * `hop_by_hop_headers_to_filter`.
 */
export function hopByHopFilter(exchange: Exchange): undefined {
  const value = exchange.headers.get("Connection");
  if (value === null || value === "") return;
  const filter = exchange.router.compiled.hopByHopFilter;
  if (!value.includes(",")) {
    if (filter.has(value.trim().toLowerCase())) exchange.headers.delete("Connection");
    return;
  }
  let kept = "";
  let dropped = false;
  for (const part of value.split(",")) {
    const name = part.trim();
    if (filter.has(name.toLowerCase())) dropped = true;
    else kept += kept === "" ? name : `, ${name}`;
  }
  if (!dropped) return;
  if (kept === "") exchange.headers.delete("Connection");
  else exchange.headers.set("Connection", kept);
}
