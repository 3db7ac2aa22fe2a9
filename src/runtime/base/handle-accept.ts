import type { Server } from "node:net";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { ListenOptions } from "../interface/listening.ts";
import { descriptorOpened, roomToAccept } from "./descriptors.ts";
import { HandleStream } from "./handle-stream.ts";
import type { HandleAddress, ListenHandle, TcpBindings } from "./tcp-handle.ts";
import { turnAway } from "./turn-away.ts";

/** Has a server that listens hand over its clients as streams on handles; `node:net` hears of them no more. */
export function acceptHandles(
  server: Server,
  bindings: TcpBindings,
  options: ListenOptions,
  accept: (stream: ByteStream) => ByteStreamHandler,
): void {
  const listening = (server as unknown as { readonly _handle: ListenHandle })._handle;
  listening.onconnection = (status, handle) => {
    // An error concerns one accept call; the listener goes on.
    if (status !== 0 || handle === undefined) return;
    const room = roomToAccept();
    descriptorOpened();
    handle.setNoDelay(true);
    const remote: HandleAddress = {};
    handle.getpeername(remote);
    const stream = new HandleStream(handle, bindings, remote);
    if (room) stream.handler = accept(stream);
    else turnAway(stream, options.excess);
  };
  bindings.setupListenWrap?.(listening);
}
