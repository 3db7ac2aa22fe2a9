/** Randomness, given to the core as a parameter so that tests can foresee it. */
export interface RandomSource {
  /** A version 4 UUID (RFC 9562), lower case. */
  uuid(): string;
  bytes(length: number): Uint8Array;
}
