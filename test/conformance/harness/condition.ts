import { Patience } from "../../fixtures/patience.ts";

/** Polls `look` until it gives something other than undefined; fails when patience ends, with the name of what was waited for. */
export async function condition<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 30_000,
): Promise<T> {
  const patience = new Patience(timeoutMs);
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (patience.over) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
