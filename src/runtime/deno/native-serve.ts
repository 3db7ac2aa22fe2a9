import { plainAddress, showAddress } from "../base/address.ts";
import { StandardWebSocket } from "../base/standard-web-socket.ts";
import { streamError } from "../base/stream-error.ts";
import type { ListenOptions } from "../interface/listening.ts";
import type { NativeHandler, NativeListener } from "../interface/native-serving.ts";

interface NetAddress {
  readonly hostname: string;
  readonly port: number;
}

interface RequestInfo {
  readonly remoteAddr: NetAddress;
  /** Settles when the answer is out, or its client gone. */
  readonly completed: Promise<void>;
}

/** What is used of Deno's own interface; its types are not among ours. */
interface DenoNative {
  serve(
    options: {
      hostname?: string;
      port: number;
      automaticCompression: boolean;
      signal: AbortSignal;
      onListen(): void;
      onError(): Response;
    },
    handler: (request: Request, info: RequestInfo) => Promise<Response>,
  ): { readonly addr: NetAddress; readonly finished: Promise<void>; shutdown(): Promise<void> };
  upgradeWebSocket(
    request: Request,
    options: { idleTimeout: number; protocol?: string },
  ): { socket: WebSocket; response: Response };
}

/** Deno names its errors by class where the others have codes. */
const codes: Readonly<Record<string, string>> = { AddrInUse: "EADDRINUSE", PermissionDenied: "EACCES" };

/** `Runtime.serveNative` by `Deno.serve`. */
export async function serveDeno(
  { host, port = 0 }: Pick<ListenOptions, "host" | "port">,
  handler: NativeHandler,
): Promise<NativeListener> {
  const { Deno: deno } = globalThis as unknown as { Deno: DenoNative };
  const cut = new AbortController();
  let server: ReturnType<DenoNative["serve"]>;
  const underWay = new Set<Promise<void>>();
  const answer = async (request: Request, { remoteAddr, completed }: RequestInfo): Promise<Response> => {
    const over = completed.catch(() => {}).then(() => void underWay.delete(over));
    underWay.add(over);
    const result = await handler(request, {
      remoteAddress: plainAddress(remoteAddr.hostname),
      remotePort: remoteAddr.port,
      localAddress: host ?? "",
      localPort: server.addr.port,
      target: undefined,
      protocol: "HTTP/1.1",
    });
    if ("status" in result) return new Response(result.body, result);
    try {
      const { protocol } = result;
      const { socket, response } = deno.upgradeWebSocket(request, { idleTimeout: 0, ...(protocol && { protocol }) });
      for (const [name, value] of result.headers) response.headers.append(name, value);
      socket.addEventListener("open", () => {
        const front = new StandardWebSocket(socket);
        front.serve(result.open(front));
      });
      return response;
    } catch {
      result.failed();
      return new Response(null, { status: 400 });
    }
  };
  try {
    server = deno.serve(
      {
        ...(host ? { hostname: host } : {}),
        port,
        automaticCompression: false,
        signal: cut.signal,
        onListen() {},
        onError: () => new Response(null, { status: 502 }),
      },
      answer,
    );
  } catch (error) {
    const { name, message } = error as Error;
    throw streamError({ code: codes[name], message }, `listen on ${showAddress({ host, port })}`, "listen");
  }
  return {
    host: host || server.addr.hostname,
    port: server.addr.port,
    async close() {
      // Its promise waits for the last request; the port is free at once.
      void server.shutdown();
    },
    async drained() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    async destroy() {
      cut.abort();
      await server.finished;
    },
  };
}
