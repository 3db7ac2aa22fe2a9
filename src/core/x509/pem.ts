/** One block of a PEM text (RFC 7468). */
export interface PemBlock {
  /** What stands behind `BEGIN`: `CERTIFICATE`, `EC PRIVATE KEY`, … */
  readonly type: string;
  /** With `-----BEGIN` and `-----END` lines. */
  readonly text: string;
  readonly der: Uint8Array;
  /** It has header lines (RFC 1421), as encrypted keys do. */
  readonly headers: boolean;
}

const block = /-----BEGIN ([^\n]*?)-----[ \t]*\r?\n([\s\S]*?)-----END \1-----/g;

function decoded(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** The blocks of a text, in order; what is around them, and blocks whose content is no base64, are passed over. */
export function pemBlocks(pem: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const [text, type = "", body = ""] of pem.matchAll(block)) {
    const blank = /\r?\n[ \t]*\r?\n/.exec(body);
    const headers = /^[^\n]*:/.test(body);
    const der = decoded((headers && blank !== null ? body.slice(blank.index) : body).replace(/\s+/g, ""));
    if (der !== undefined) blocks.push({ type, text, der, headers });
  }
  return blocks;
}

/** True for a block that holds a private key, of whatever kind. */
export function holdsPrivateKey({ type }: PemBlock): boolean {
  return type === "PRIVATE KEY" || type.endsWith(" PRIVATE KEY");
}

/** The text without its private keys: for messages that show what an operator took for certificates. */
export function withoutPrivateKeys(pem: string): string {
  return pem.replace(/-----BEGIN ([^\n]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, "[private key not shown]");
}
