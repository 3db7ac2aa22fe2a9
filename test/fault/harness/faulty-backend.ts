import { createServer, type Socket } from "node:net";

/** What a faulty backend does: on a connection, and on each piece of a request whose head is complete. */
export interface Fault {
  connected?(socket: Socket): void;
  /** A request has come, at least its head. */
  asked?(socket: Socket): void;
}

/** A backend of raw sockets that does one thing wrong. */
export interface FaultyBackend {
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Connections that the router has not closed yet. */
  readonly open: number;
  /** All that came in, connection behind connection. */
  readonly received: string;
  /** Requests begun so far. */
  readonly requests: number;
  stop(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1. Connections may be closed on one side: the fault decides about its own. */
export async function startFaultyBackend(fault: Fault): Promise<FaultyBackend> {
  const sockets = new Set<Socket>();
  const received: string[] = [];
  let accepted = 0;
  let requests = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const at = accepted++;
    let heads = 1;
    received[at] = "";
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => {
      received[at] += bytes.toString("latin1");
      for (const all = received[at]!.split("\r\n\r\n").length; heads < all; heads++) {
        requests++;
        fault.asked?.(socket);
      }
    });
    fault.connected?.(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" ? address!.port : 0,
    get accepted() {
      return accepted;
    },
    get open() {
      return sockets.size;
    },
    get received() {
      return received.join("");
    },
    get requests() {
      return requests;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Writes `text`, then does the rest when the kernel has it: so a reset does not overtake the bytes. */
export function say(socket: Socket, text: string, then: () => void = () => {}): void {
  socket.write(Buffer.from(text, "latin1"), then);
}
