/** The head of an HTTP/1.1 message as it came: first line, lines in order, look-up by name. */
export interface RawHead {
  readonly firstLine: string;
  /** Header lines as received, in order. */
  readonly lines: readonly string[];
  /** Value of the first line with that name, without regard to case; undefined when there is none. */
  header(name: string): string | undefined;
  /** Where the body starts. */
  readonly end: number;
}

/** Reads the head at the start of `text`; undefined while it is incomplete. */
export function readHead(text: string): RawHead | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [firstLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const header = (name: string): string | undefined =>
    lines
      .find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      ?.slice(name.length + 1)
      .trim();
  return { firstLine, lines, header, end: headEnd + 4 };
}

/** A body without its framing, and where it ended. */
export interface ReadBody {
  readonly body: string;
  /** Trailer lines as received. */
  readonly trailers: readonly string[];
  /** Sizes of the chunks, the last one (0) left out; empty for a body that was not chunked. */
  readonly chunks: readonly number[];
  readonly end: number;
}

/** Reads a chunked body that starts at `start`; undefined while it is incomplete. Fails on anything that is not regular. */
export function readChunked(text: string, start: number): ReadBody | undefined {
  let body = "";
  const chunks: number[] = [];
  for (let at = start; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const sizeText = text.slice(at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(sizeText)) throw new Error(`bad chunk size ${JSON.stringify(sizeText)}`);
    const size = Number.parseInt(sizeText, 16);
    if (size === 0) return readTrailers(text, lineEnd, body, chunks);
    const next = lineEnd + 2 + size + 2;
    if (text.length < next) return undefined;
    if (!text.startsWith("\r\n", next - 2)) throw new Error(`a chunk of ${size} bytes does not end in CR LF`);
    chunks.push(size);
    body += text.slice(lineEnd + 2, next - 2);
    at = next;
  }
}

function readTrailers(text: string, lineEnd: number, body: string, chunks: number[]): ReadBody | undefined {
  if (text.startsWith("\r\n", lineEnd + 2)) return { body, trailers: [], chunks, end: lineEnd + 4 };
  const end = text.indexOf("\r\n\r\n", lineEnd + 2);
  return end < 0 ? undefined : { body, trailers: text.slice(lineEnd + 2, end).split("\r\n"), chunks, end: end + 4 };
}

/** Reads a body of `length` bytes that starts at `start`; undefined while it is incomplete. */
export function readSized(text: string, start: number, length: number): ReadBody | undefined {
  const end = start + length;
  return text.length < end ? undefined : { body: text.slice(start, end), trailers: [], chunks: [], end };
}
