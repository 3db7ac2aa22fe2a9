const ballast: ArrayBuffer[] = [];

/**
 * JavaScriptCore collects garbage whenever about as much as the heap holds has been allocated anew. A router's heap is
 * small, so that it would collect some twenty times a second under load. Memory that is reserved and never touched
 * counts for the heap and takes no room: with 64 MiB of it there is a fifth of the collections (395 against 81 in 580 000 requests), which saved 5 to
 * 15 % of CPU per request and cost 15 MB of resident memory.
 */
export function holdBallast(): void {
  if (ballast.length === 0) ballast.push(new ArrayBuffer(64 * 1024 * 1024));
}
