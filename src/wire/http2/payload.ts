import {
  ConnectionError,
  defaultFrameSize,
  ENABLE_PUSH,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  INITIAL_WINDOW_SIZE,
  largestFrameSize,
  largestWindow,
  MAX_FRAME_SIZE,
  PROTOCOL_ERROR,
} from "./protocol.ts";

/** Four bytes of a frame's payload as a number. */
export function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** The same without the first bit, which is reserved in stream numbers and windows. */
export function uint31(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) & largestWindow;
}

/**
 * The settings of a SETTINGS frame that is no acknowledgement, in their order; those nobody knows too (RFC 9113 §6.5).
 *
 * @throws ConnectionError for a broken entry, and for a value that its setting cannot have (§6.5.2).
 */
export function readSettings(payload: Uint8Array): (readonly [id: number, value: number])[] {
  if (payload.length % 6 !== 0) throw new ConnectionError(FRAME_SIZE_ERROR, "SETTINGS has a broken entry");
  const settings: (readonly [number, number])[] = [];
  for (let at = 0; at < payload.length; at += 6) {
    const id = (payload[at]! << 8) | payload[at + 1]!;
    const value = uint32(payload, at + 2);
    checkSetting(id, value);
    settings.push([id, value]);
  }
  return settings;
}

function checkSetting(id: number, value: number): void {
  if (id === ENABLE_PUSH && value > 1) throw new ConnectionError(PROTOCOL_ERROR, `ENABLE_PUSH is ${value}`);
  if (id === MAX_FRAME_SIZE && (value < defaultFrameSize || value > largestFrameSize)) {
    throw new ConnectionError(PROTOCOL_ERROR, `MAX_FRAME_SIZE is ${value}`);
  }
  if (id === INITIAL_WINDOW_SIZE && value > largestWindow) {
    throw new ConnectionError(FLOW_CONTROL_ERROR, `INITIAL_WINDOW_SIZE is ${value}`);
  }
}
