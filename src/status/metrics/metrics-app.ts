import { Hono } from "hono";
import { likeGoMux } from "../mux.ts";
import type { Family } from "./text-format.ts";
import { metricsText } from "./text-format.ts";

const contentType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
/** Up to here Go knows the length when it writes the head; above it sends chunks. */
const bufferedBytes = 2048;

/** Whether a client takes gzip (RFC 9110 §12.5.3); an explicit weight of 0 says no. */
function takesGzip(accepted: string | null): boolean {
  for (const part of (accepted ?? "").split(",")) {
    const [coding = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    if (coding !== "gzip" && coding !== "*") continue;
    return !parameters.some((text) => /^q=0(\.0*)?$/.test(text));
  }
  return false;
}

async function compressed(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** The Prometheus listener (control-plane §4.5): `/metrics`, any method. */
export function metricsApp(families: () => readonly Family[] | Promise<readonly Family[]>): Hono {
  const app = new Hono({ strict: true });
  likeGoMux(app);
  app.all("/metrics", async (context) => {
    const text = new TextEncoder().encode(metricsText(await families()));
    const gzip = takesGzip(context.req.raw.headers.get("Accept-Encoding"));
    const body = gzip ? await compressed(text) : text;
    return new Response(body, {
      headers: {
        "Content-Type": contentType,
        ...(gzip && { "Content-Encoding": "gzip" }),
        ...(body.length <= bufferedBytes && { "Content-Length": String(body.length) }),
      },
    });
  });
  return app;
}
