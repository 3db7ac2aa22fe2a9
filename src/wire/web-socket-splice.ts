import type { ByteStream } from "../runtime/interface/byte-stream.ts";
import { FrameCounter } from "./frame-counter.ts";
import type { ConnectionHost } from "./server-options.ts";
import { Splice, SpliceEnd, type SpliceOwner } from "./server-splice.ts";
import type { TimerWheel } from "./timer-wheel.ts";
import type { ByteTunnel } from "./tunnel.ts";

/** Head and payload of a close frame with code 1001, going away (RFC 6455 §5.5.1, §7.4.1); to be masked for a server. */
const closeHead = [0x88, 2] as const;
const goingAway = [0x03, 0xe9] as const;

/** Milliseconds that both ends have, once told, to answer with their own close frames. */
const answerMs = 2000;

function closeFrame(mask: Uint8Array | undefined): Uint8Array {
  const [head, length] = closeHead;
  const [high, low] = goingAway;
  if (mask === undefined) return Uint8Array.of(head, length, high, low);
  const [a, b, c, d] = mask as unknown as [number, number, number, number];
  return Uint8Array.of(head, length | 0x80, a, b, c, d, high ^ a, low ^ b);
}

/** Whether a tunnel speaks WebSocket (RFC 6455 §4.2.2). */
function isWebSocket(tunnel: ByteTunnel): boolean {
  return tunnel.status === 101 && tunnel.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** One direction of a WebSocket: copies as any tunnel, and can end with a close frame of ours between two frames. */
class FramedEnd extends SpliceEnd {
  readonly frames: FrameCounter;
  /** Our close frame is written: whatever still comes is only looked at for the sender's own. */
  said = false;
  /** Our close frame, while it waits for the end of a frame. */
  #frame: Uint8Array | undefined;

  constructor(splice: WebSocketSplice, from: ByteStream, to: ByteStream, masked: boolean) {
    super(splice, from, to);
    this.frames = new FrameCounter(masked);
  }

  override data(bytes: Uint8Array): void {
    if (this.said) {
      this.frames.pass(bytes);
      (this.splice as WebSocketSplice).answered();
    } else if (this.#frame === undefined) {
      this.frames.pass(bytes);
      super.data(bytes);
    } else this.#passFrame(this.#frame, bytes);
  }

  /** Writes our close frame, now or as soon as the frame on its way has ended. */
  say(frame: Uint8Array): void {
    this.#frame = frame;
    if (!this.frames.between) return;
    this.said = true;
    this.to.write(frame);
    this.from.resume();
  }

  #passFrame(frame: Uint8Array, bytes: Uint8Array): void {
    const end = this.frames.passFrame(bytes);
    super.data(end < 0 ? bytes : bytes.subarray(0, end));
    if (end < 0) return;
    this.say(frame);
    this.frames.pass(bytes.subarray(end));
    (this.splice as WebSocketSplice).answered();
  }
}

/**
 * A tunnel that speaks WebSocket: follows its frames by their heads, so that both ends can be told when the server goes
 * away. Bytes that turn out to be no frames are copied as in any tunnel, and then nobody is told.
 */
export class WebSocketSplice extends Splice {
  readonly #out: FramedEnd;
  readonly #back: FramedEnd;
  #leaving = false;
  #waiting = false;

  constructor(near: ByteStream, tunnel: ByteTunnel, wheel: TimerWheel, owner: SpliceOwner) {
    super(near, tunnel.tunnel, wheel, owner);
    this.#out = new FramedEnd(this, near, tunnel.tunnel, true);
    this.#back = new FramedEnd(this, tunnel.tunnel, near, false);
    near.handler = this.#out;
    tunnel.tunnel.handler = this.#back;
    this.#back.frames.pass(tunnel.early);
  }

  override pass(bytes: Uint8Array): void {
    this.#out.frames.pass(bytes);
    super.pass(bytes);
  }

  /** Tells both ends; one that has begun to close by itself is left to it. `mask` makes a masking key. */
  farewell(mask: () => Uint8Array): void {
    const { frames: out } = this.#out;
    const { frames: back } = this.#back;
    if (this.closing || this.#leaving || out.closing || back.closing || out.broken || back.broken) return;
    this.#leaving = true;
    this.#back.say(closeFrame(undefined));
    this.#out.say(closeFrame(mask()));
    this.answered();
  }

  /** Looks whether both ends were told, which starts the time they have, and whether both have answered. */
  answered(): void {
    if (this.closing || !this.#out.said || !this.#back.said) return;
    if (this.#out.frames.closing && this.#back.frames.closing) {
      this.close();
    } else if (!this.#waiting) {
      this.#waiting = true;
      this.wheel.arm(this, answerMs);
    }
  }

  override expired(): void {
    if (this.closing) super.expired();
    else this.close();
  }
}

/** Copies between a client's stream and a backend that switched protocols. */
export function spliceFor(
  near: ByteStream,
  tunnel: ByteTunnel,
  host: Pick<ConnectionHost, "options" | "wheel">,
  owner: SpliceOwner,
): Splice {
  const framed = host.options.webSocketFarewell === true && isWebSocket(tunnel);
  return framed
    ? new WebSocketSplice(near, tunnel, host.wheel, owner)
    : new Splice(near, tunnel.tunnel, host.wheel, owner);
}
