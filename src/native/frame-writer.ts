/**
 * One final frame as a WebSocket client sends it (RFC 6455 §5.2, §5.3): masked with `mask`, which must be fresh and not
 * foreseeable. The payload is copied.
 */
export function clientFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Uint8Array {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const start = 2 + extended + 4;
  const frame = new Uint8Array(start + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  const view = new DataView(frame.buffer);
  if (extended === 2) view.setUint16(2, length);
  else if (extended === 8) view.setBigUint64(2, BigInt(length));
  frame.set(mask, 2 + extended);
  for (let i = 0; i < length; i++) frame[start + i] = payload[i]! ^ mask[i & 3]!;
  return frame;
}

/** Payload of a close frame (RFC 6455 §5.5.1); 1005 stands for one without code. The reason is cut to what fits. */
export function closePayload(code: number, reason: string): Uint8Array {
  if (code === 1005) return new Uint8Array();
  const payload = new Uint8Array(125);
  payload[0] = code >> 8;
  payload[1] = code & 0xff;
  // Stops at the last whole character.
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return payload.subarray(0, 2 + written);
}
