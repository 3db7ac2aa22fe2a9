import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import { TimeLimit } from "./time-limit.ts";

/** So many clients at a time are answered before their connection is closed; others are closed at once. */
const answeredAtOnce = 8;
/** How long a client may take to send its request, in milliseconds. */
const patience = 1000;

let answering = 0;

/**
 * Answers one client that cannot be served and closes its connection. The answer waits for the client's first bytes:
 * closing a socket with unread bytes in it sends RST, and the client would lose the answer.
 */
class TurnAway implements ByteStreamHandler {
  private readonly stream: ByteStream;
  private readonly answer: string;
  private readonly limit: TimeLimit;

  constructor(stream: ByteStream, answer: string) {
    this.stream = stream;
    this.answer = answer;
    this.limit = new TimeLimit(patience, () => stream.destroy());
    answering++;
  }

  data(): void {
    this.stream.writeText(this.answer);
    this.stream.end();
    // The rest of the request, if any, is not waited for.
    queueMicrotask(() => this.stream.destroy());
  }

  drained(): void {}

  ended(): void {
    this.stream.destroy();
  }

  closed(): void {
    this.limit.cancel();
    answering--;
  }
}

/** Closes the connection of a client that came when descriptors ran short, with `answer` where that is possible. */
export function turnAway(stream: ByteStream, answer: string | undefined): void {
  if (answer === undefined || answering >= answeredAtOnce) stream.destroy();
  else stream.handler = new TurnAway(stream, answer);
}
