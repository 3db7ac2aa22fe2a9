/**
 * Symbols of HPACK's Huffman code by the length of their codes in bits (RFC 7541 appendix B). The code is canonical:
 * codes of one length count upwards in the order of the symbols, so the lengths say it all. 256 is EOS.
 */
const symbolsByLength: readonly (readonly [bits: number, symbols: string | readonly number[]])[] = [
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
  [19, [92, 195, 208]],
  [20, [128, 130, 131, 162, 184, 194, 224, 226]],
  [21, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]],
  [
    22,
    [
      129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198,
      228, 232, 233,
    ],
  ],
  [
    23,
    [
      1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182,
      183, 188, 191, 197, 231, 239,
    ],
  ],
  [24, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]],
  [25, [199, 207, 234, 235]],
  [26, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]],
  [27, [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254]],
  [
    28,
    [2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249],
  ],
  [30, [10, 13, 22, 256]],
];

const EOS = 256;
/** Of a table entry: a symbol was completed (in the bits from 20 on); the text may end here; there is no such code. */
const SYMBOL = 1 << 16;
const MAY_END = 1 << 17;
const FAILED = 1 << 18;

/** A node of the code's tree: indexes of its two children, or the symbol as -1 - symbol. */
type Node = [number, number];

function tree(): Node[] {
  const nodes: Node[] = [[0, 0]];
  let code = 0;
  let length = 0;
  for (const [bits, group] of symbolsByLength) {
    code *= 2 ** (bits - length);
    length = bits;
    for (let i = 0; i < group.length; i++, code++) {
      const symbol = typeof group === "string" ? group.charCodeAt(i) : group[i]!;
      let at = 0;
      for (let bit = bits - 1; bit > 0; bit--) {
        const way = ((code >>> bit) & 1) as 0 | 1;
        if (nodes[at]![way] === 0) {
          nodes[at]![way] = nodes.length;
          nodes.push([0, 0]);
        }
        at = nodes[at]![way];
      }
      nodes[at]![code & 1] = -1 - symbol;
    }
  }
  return nodes;
}

/** Nodes where a text may end: less than a byte of ones behind the last symbol (RFC 7541 §5.2). */
function endings(nodes: readonly Node[]): ReadonlySet<number> {
  const ends = new Set<number>();
  let at = 0;
  for (let ones = 0; ones < 8; ones++) {
    ends.add(at);
    at = nodes[at]![1];
  }
  return ends;
}

/** By node and the next four bits: what they lead to. No code is shorter than five bits, so at most one symbol ends. */
function nibbleTable(): Int32Array {
  const nodes = tree();
  const ends = endings(nodes);
  const table = new Int32Array(nodes.length * 16);
  for (let start = 0; start < nodes.length; start++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let at = start;
      let entry = 0;
      for (let bit = 3; bit >= 0; bit--) {
        const next = nodes[at]![((nibble >>> bit) & 1) as 0 | 1];
        at = next;
        if (next >= 0) continue;
        const symbol = -1 - next;
        entry |= symbol === EOS ? FAILED : SYMBOL | (symbol << 20);
        at = 0;
      }
      if (ends.has(at)) entry |= MAY_END;
      table[start * 16 + nibble] = entry | at;
    }
  }
  return table;
}

let table: Int32Array | undefined;

/** Text, one character per byte, of Huffman-coded `bytes[start, end)`; undefined when they are no such code. */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number): string | undefined {
  table ??= nibbleTable();
  let text = "";
  let node = 0;
  let entry = MAY_END;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    entry = table[node * 16 + (byte >>> 4)]!;
    if ((entry & FAILED) !== 0) return undefined;
    if ((entry & SYMBOL) !== 0) text += String.fromCharCode((entry >>> 20) & 0xff);
    node = entry & 0xffff;
    entry = table[node * 16 + (byte & 15)]!;
    if ((entry & FAILED) !== 0) return undefined;
    if ((entry & SYMBOL) !== 0) text += String.fromCharCode((entry >>> 20) & 0xff);
    node = entry & 0xffff;
  }
  return (entry & MAY_END) === 0 ? undefined : text;
}
