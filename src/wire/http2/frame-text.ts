import {
  ACK,
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "./protocol.ts";

/**
 * Frames as text, one character per byte: that is what `ByteStream.writeText` takes, and the runtimes join and write
 * short text at less cost than bytes that are put together one by one.
 */

/** Four bytes, the highest bit cleared as it is reserved nearly everywhere. */
function uint31(value: number): string {
  return String.fromCharCode((value >>> 24) & 0x7f, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** A frame header (RFC 9113 §4.1). */
export function frameHeader(length: number, type: number, flags: number, stream: number): string {
  return String.fromCharCode(
    (length >>> 16) & 0xff,
    (length >>> 8) & 0xff,
    length & 0xff,
    type,
    flags,
    (stream >>> 24) & 0x7f,
    (stream >>> 16) & 0xff,
    (stream >>> 8) & 0xff,
    stream & 0xff,
  );
}

/** A header block in as many frames as it takes (RFC 9113 §6.2, §6.10). */
export function headersFrames(stream: number, block: string, last: boolean, maxFrame: number): string {
  const end = last ? END_STREAM : 0;
  if (block.length <= maxFrame) return frameHeader(block.length, HEADERS, end | END_HEADERS, stream) + block;
  let text = frameHeader(maxFrame, HEADERS, end, stream) + block.slice(0, maxFrame);
  for (let at = maxFrame; at < block.length; at += maxFrame) {
    const piece = block.slice(at, at + maxFrame);
    const flags = at + maxFrame >= block.length ? END_HEADERS : 0;
    text += frameHeader(piece.length, CONTINUATION, flags, stream) + piece;
  }
  return text;
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): string {
  let text = frameHeader(settings.length * 6, SETTINGS, 0, 0);
  for (const [id, value] of settings) text += String.fromCharCode(id >>> 8, id & 0xff) + uint31(value);
  return text;
}

export const settingsAck: string = frameHeader(0, SETTINGS, ACK, 0);

export function windowUpdateFrame(stream: number, increment: number): string {
  return frameHeader(4, WINDOW_UPDATE, 0, stream) + uint31(increment);
}

export function resetFrame(stream: number, code: number): string {
  return frameHeader(4, RST_STREAM, 0, stream) + uint31(code);
}

/** `last`: the last stream of the peer's that is, or may have been, worked on (RFC 9113 §6.8). */
export function goAwayFrame(last: number, code: number): string {
  return frameHeader(8, GOAWAY, 0, 0) + uint31(last) + uint31(code);
}

/** `payload`: eight bytes. */
export function pingFrame(payload: string, ack: boolean): string {
  return frameHeader(8, PING, ack ? ACK : 0, 0) + payload;
}
