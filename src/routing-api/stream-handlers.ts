import { deferred } from "../core/deferred.ts";
import { type Api, type Call, type Handler, queryOf } from "./api.ts";
import { openEventStream, type StreamStart } from "./event-stream.ts";
import type { LeaseKind } from "./lease.ts";
import { filterOf } from "./lease-handlers.ts";

/**
 * Where a stream begins: behind the event that the reader saw last (`Last-Event-ID`), when that can still be told; else
 * with a snapshot. A reader that names none and asks for none gets what happens from now on, as upstream.
 */
async function startOf({ store }: Api, { request }: Call): Promise<StreamStart> {
  const seenText = request.headers.get("Last-Event-ID");
  const { last, floor } = await store.position();
  if (seenText === null && queryOf(request).get("snapshot") !== "true") return { position: last, snapshot: false };
  const seen = seenText !== null && /^\d{1,15}$/.test(seenText) ? Number(seenText) : -1;
  return seen >= floor && seen <= last ? { position: seen, snapshot: false } : { position: last, snapshot: true };
}

const stream =
  (kind: LeaseKind, gauge: "httpSubscriptions" | "tcpSubscriptions", session: string): Handler =>
  async (api, call) => {
    const grant = await api.authenticate(call.request.headers.get("Authorization"));
    const filter = filterOf(kind, grant, call.request);
    const start = await startOf(api, call);
    api.metrics[gauge]++;
    const over = deferred<void>();
    let open = true;
    const ended = (): void => {
      if (open) api.metrics[gauge]--;
      open = false;
      over.resolve();
    };
    const cut = (waitingEvents: number): void => {
      api.metrics.slowReaders++;
      call.log.part(session).error("slow-reader-cut", "the reader does not keep up with events", { waitingEvents });
    };
    try {
      const body = await openEventStream(api, start, filter, { ended, cut });
      call.lasts(over.promise);
      return new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>, {
        headers: {
          "Content-Type": "text/event-stream; charset=utf-8",
          "Cache-Control": "no-cache, no-store, must-revalidate",
        },
      });
    } catch (error) {
      ended();
      throw error;
    }
  };

/** Event streams (routing-api §9). */
export const httpStream: Handler = stream("http", "httpSubscriptions", "event-stream-handler");
export const tcpStream: Handler = stream("tcp", "tcpSubscriptions", "tcp-event-stream-handler");
