import { utf8Bytes } from "../observe/access-log-quote.ts";

/** Slots of a look-up table: a prime, so that every step size visits every slot (control-plane §9.1). */
export const tableSlots = 3001;

/**
 * 64-bit FNV-1a of a text of one byte per character, modulo a number up to 2^20. The state is two halves of 32 bits,
 * since an integer of 64 bits would be a `BigInt` for each byte.
 */
export function fnv1a64Mod(bytes: string, modulus: number): number {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (let i = 0; i < bytes.length; i++) {
    low = (low ^ (bytes.charCodeAt(i) & 0xff)) >>> 0;
    // Times the prime 2^40 + 435: the part of 2^40 shifts the low half into the high one.
    const product = low * 435;
    high = (high * 435 + Math.floor(product / 2 ** 32) + ((low << 8) >>> 0)) % 2 ** 32;
    low = product % 2 ** 32;
  }
  return ((high % modulus) * (2 ** 32 % modulus) + (low % modulus)) % modulus;
}

/** The slot where the walk for a header value begins; the value has one character per byte. */
export function slotOf(value: string): number {
  return fnv1a64Mod(value, tableSlots);
}

/**
 * A Maglev look-up table (control-plane §9.1): for each slot the index of the id that owns it. The ids are distinct and
 * sorted bytewise; in turn each claims the next free slot of its own order of slots. Of more ids than slots, those beyond
 * own none. Without ids there is no table to make.
 */
export function maglevTable(ids: readonly string[]): Uint16Array {
  if (ids.length === 0) throw new Error("cannot make a look-up table without endpoints");
  const owners = new Uint16Array(tableSlots);
  const taken = new Uint8Array(tableSlots);
  const claimants = ids.slice(0, tableSlots).map((id) => {
    const bytes = utf8Bytes(id);
    return { next: fnv1a64Mod(bytes, tableSlots), skip: fnv1a64Mod(bytes, tableSlots - 1) + 1 };
  });
  for (let filled = 0; filled < tableSlots; ) {
    for (let i = 0; i < claimants.length && filled < tableSlots; i++) {
      const claimant = claimants[i]!;
      while (taken[claimant.next] === 1) claimant.next = (claimant.next + claimant.skip) % tableSlots;
      taken[claimant.next] = 1;
      owners[claimant.next] = i;
      filled++;
    }
  }
  return owners;
}
