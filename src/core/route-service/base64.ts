/** The two alphabets of RFC 4648 §4 and §5. */
export type Alphabet = "standard" | "url";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const values: Readonly<Record<Alphabet, Int8Array>> = { standard: valuesOf("+/"), url: valuesOf("-_") };
const newLine = 10;
const carriageReturn = 13;
const padding = 0x3d;

function valuesOf(marks: string): Int8Array {
  const table = new Int8Array(128).fill(-1);
  const alphabet = letters + marks;
  for (let i = 0; i < alphabet.length; i++) table[alphabet.charCodeAt(i)] = i;
  return table;
}

const isLineEnd = (code: number): boolean => code === newLine || code === carriageReturn;

/** Walks over base64 text group by group; its errors are those of Go's decoder, which operators see (data-plane §8.5). */
class Decoder {
  readonly #text: string;
  readonly #values: Int8Array;
  readonly #bytes: number[] = [];
  #at = 0;

  constructor(text: string, alphabet: Alphabet) {
    this.#text = text;
    this.#values = values[alphabet];
  }

  decode(): Uint8Array<ArrayBuffer> {
    while (this.#group());
    return Uint8Array.from(this.#bytes);
  }

  /** Decodes four characters. False: the text is over. */
  #group(): boolean {
    const digits: number[] = [];
    while (digits.length < 4) {
      if (this.#at === this.#text.length) {
        if (digits.length === 0) return false;
        throw illegal(this.#at - digits.length);
      }
      const code = this.#text.charCodeAt(this.#at++);
      const value = this.#values[code] ?? -1;
      if (value >= 0) digits.push(value);
      else if (isLineEnd(code)) continue;
      else if (code !== padding) throw illegal(this.#at - 1);
      else {
        this.#pad(digits.length);
        this.#put(digits);
        return false;
      }
    }
    this.#put(digits);
    return true;
  }

  /** The first `=` of the text was read behind so many characters of its group: nothing but its fellow may follow. */
  #pad(digits: number): void {
    if (digits < 2) throw illegal(this.#at - 1);
    if (digits === 2) {
      this.#skipLineEnds();
      if (this.#at === this.#text.length) throw illegal(this.#at);
      if (this.#text.charCodeAt(this.#at) !== padding) throw illegal(this.#at - 1);
      this.#at++;
    }
    this.#skipLineEnds();
    if (this.#at < this.#text.length) throw illegal(this.#at);
  }

  #skipLineEnds(): void {
    while (isLineEnd(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #put([a = 0, b = 0, c, d]: readonly number[]): void {
    this.#bytes.push((a << 2) | (b >> 4));
    if (c !== undefined) this.#bytes.push(((b << 4) | (c >> 2)) & 0xff);
    if (c !== undefined && d !== undefined) this.#bytes.push(((c << 6) | d) & 0xff);
  }
}

const illegal = (at: number): Error => new Error(`illegal base64 data at input byte ${at}`);

/**
 * Decodes padded base64; line ends are skipped.
 *
 * @throws Error `illegal base64 data at input byte N`.
 */
export function decodeBase64(text: string, alphabet: Alphabet): Uint8Array<ArrayBuffer> {
  return new Decoder(text, alphabet).decode();
}

/** Encodes bytes as padded base64. */
export function encodeBase64(bytes: Uint8Array, alphabet: Alphabet): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const text = btoa(binary);
  return alphabet === "standard" ? text : text.replaceAll("+", "-").replaceAll("/", "_");
}
