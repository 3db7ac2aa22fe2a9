/** Parts (a power of two). */
const parts = 256;

/**
 * Values by host, in parts, so that none of them is ever large: a map of a million entries that grows or shrinks holds
 * up everything else for hundreds of milliseconds.
 */
export class HostMap<Value> {
  readonly #parts: Map<string, Value>[] = Array.from({ length: parts }, () => new Map());

  get(host: string): Value | undefined {
    return this.#parts[partOf(host)]!.get(host);
  }

  set(host: string, value: Value): void {
    this.#parts[partOf(host)]!.set(host, value);
  }

  delete(host: string): void {
    this.#parts[partOf(host)]!.delete(host);
  }

  /** In no particular order; hosts may be added and removed on the way. */
  *values(): Generator<Value, void> {
    for (const part of this.#parts) yield* part.values();
  }
}

/** By the length and the first characters: what the names of apps differ in. */
function partOf(host: string): number {
  const { length } = host;
  const end = length < 24 ? length : 24;
  let hash = length;
  for (let i = 0; i < end; i++) hash = (Math.imul(hash, 31) + host.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 8)) & (parts - 1);
}
