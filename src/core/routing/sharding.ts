/** `routing_table_sharding_mode`. */
export type ShardingMode = "all" | "segments" | "shared-and-segments";

/** Whether endpoints of an isolation segment belong into this router's table; exact comparison (control-plane §3.4). */
export function inShard(mode: ShardingMode, segments: ReadonlySet<string>, segment: string): boolean {
  if (mode === "all") return true;
  return segments.has(segment) || (mode === "shared-and-segments" && segment === "");
}
