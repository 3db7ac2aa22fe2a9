import type { ExchangeEnd } from "../core/client.ts";
import { isTunnel, type Tunnel } from "../core/message.ts";
import type { NativePeer, NativeRequest, NativeResponse, NativeUpgrade } from "../runtime/interface/native-serving.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { Handler } from "../wire/server-options.ts";
import { dispose } from "../wire/server-result.ts";
import { ByteTunnel } from "../wire/tunnel.ts";
import { FramedSocket } from "./framed-socket.ts";
import { type Entry, IncomingRequest } from "./native-request.ts";
import { nativeResponse, plainResponse } from "./native-response.ts";
import { WebSocketBridge } from "./web-socket-bridge.ts";

/** What a Fetch entry point needs beside its handler. */
export interface EntryParts {
  readonly runtime: Pick<Runtime, "randomBytes" | "clock">;
  /** Hears what the handler threw, which the core never does. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** An exchange begins (1) or ends (-1). WebSockets end as exchanges when they begin. */
  readonly count?: (change: 1 | -1) => void;
  /** Holds the WebSockets that are open. */
  readonly webSockets?: Set<WebSocketBridge>;
}

/** Header lines that whoever answers the handshake writes by itself, lower case. */
const handshakeLines: ReadonlySet<string> = new Set([
  "connection",
  "upgrade",
  "date",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-protocol",
]);

/** One request through a Fetch entry point: the abort signal and the observer meet here. */
class NativeExchange {
  readonly request: IncomingRequest;
  readonly #parts: EntryParts;
  #gone = false;
  #finished = false;
  readonly #leave = (): void => {
    if (this.#finished) return;
    this.#gone = true;
    this.request.observer?.aborted("client-gone");
  };

  constructor(request: IncomingRequest, parts: EntryParts) {
    this.request = request;
    this.#parts = parts;
    parts.count?.(1);
    request.signal.addEventListener("abort", this.#leave);
  }

  async answer(handler: Handler): Promise<NativeResponse | NativeUpgrade> {
    const { request } = this;
    try {
      const result = await handler(request, request);
      request.signal.removeEventListener("abort", this.#leave);
      if (this.#gone) {
        dispose(result);
        this.#finish(0, "client-gone");
        return plainResponse(499, "");
      }
      if (isTunnel(result)) return this.#upgrade(result);
      return nativeResponse(result, request.method, (bytes, end) => this.#finish(bytes, end));
    } catch (error) {
      this.#parts.onError?.(error);
      this.#finish(0, "complete");
      return plainResponse(502, "");
    }
  }

  #upgrade(tunnel: Tunnel): NativeResponse | NativeUpgrade {
    if (!(tunnel instanceof ByteTunnel)) {
      tunnel.tunnel.destroy();
      throw new Error("switch protocols: the handler's tunnel has no byte stream");
    }
    this.#parts.count?.(-1);
    const headers: [string, string][] = [];
    for (const [name, value] of tunnel.headers)
      if (!handshakeLines.has(name.toLowerCase())) headers.push([name, value]);
    const { webSockets } = this.#parts;
    const bridge = new WebSocketBridge(() => {
      webSockets?.delete(bridge);
      this.#tell(0, "complete");
    });
    const back = new FramedSocket(tunnel, this.#parts.runtime, bridge.back);
    bridge.back.socket = back;
    return {
      headers,
      protocol: tunnel.headers.first("sec-websocket-protocol") ?? "",
      open: (front) => {
        bridge.front.socket = front;
        webSockets?.add(bridge);
        if (bridge.back.ended) front.destroy();
        // What the backend says at once must not reach a socket that has no handler yet.
        else this.#parts.runtime.clock.after(0, () => back.start(tunnel.early));
        return bridge.front;
      },
      failed: () => {
        back.destroy();
        this.#tell(0, "client-gone");
      },
    };
  }

  #finish(bytes: number, end: ExchangeEnd): void {
    if (this.#finished) return;
    this.#parts.count?.(-1);
    this.#tell(bytes, end);
  }

  #tell(bytes: number, end: ExchangeEnd): void {
    if (this.#finished) return;
    this.#finished = true;
    this.request.observer?.finished(this.request.bytesTaken, bytes, end);
  }
}

/**
 * Answers a request that came by a Fetch entry point: `Bun.serve`, `Deno.serve`, `node:http`, or a platform's own.
 * From a bare `fetch` handler the answer is always a response. Never rejects.
 */
export async function answerNative(
  handler: Handler,
  parts: EntryParts,
  request: NativeRequest,
  peer: NativePeer,
  entry: Entry,
): Promise<NativeResponse | NativeUpgrade> {
  // No Fetch server hands the connection over, and Fetch cannot name the target (README, "What each adapter loses").
  if (request.method === "CONNECT") return plainResponse(501, "501 Not Implemented: CONNECT needs the listener wire\n");
  let incoming: IncomingRequest;
  try {
    incoming = new IncomingRequest(request, peer, entry);
  } catch (error) {
    return plainResponse(400, `400 Bad Request: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  // As on the wire (data-plane §1.3): the question is for the server itself.
  if (incoming.target === "*" && incoming.method === "OPTIONS") return plainResponse(200, "");
  return await new NativeExchange(incoming, parts).answer(handler);
}
