/** What a router tells those who register routes; in `router.start` and as answer to `router.greet`. */
interface StartMessage {
  /** `<index>-<uuid>`, one per process. */
  readonly id: string;
  /** Address of the router. */
  readonly host: string;
  /** Seconds between two registrations that the router wishes for. */
  readonly registerIntervalSeconds: number;
  /** Seconds after which a route without registration is dropped. */
  readonly pruneThresholdSeconds: number;
}

/** The message as JSON, key order as on the wire upstream (control-plane §2.3). */
export function encodeStartMessage(message: StartMessage): string {
  return JSON.stringify({
    id: message.id,
    hosts: [message.host],
    minimumRegisterIntervalInSeconds: message.registerIntervalSeconds,
    pruneThresholdInSeconds: message.pruneThresholdSeconds,
  });
}

/** The register interval of a start message in seconds, or undefined when it holds none that can be used. */
export function registerIntervalOf(payload: Uint8Array): number | undefined {
  try {
    const message: unknown = JSON.parse(new TextDecoder().decode(payload));
    const seconds = (message as { minimumRegisterIntervalInSeconds?: unknown } | null)
      ?.minimumRegisterIntervalInSeconds;
    return typeof seconds === "number" && seconds > 0 ? seconds : undefined;
  } catch {
    return undefined;
  }
}
