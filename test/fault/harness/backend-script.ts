/**
 * A backend as a process of its own, so that it can be killed and so that its work does not disturb the clients.
 * Started by `backend-process.ts`; says its port on standard output.
 *
 *   GET /small        2 bytes
 *   GET /bytes/N      N bytes of the pattern
 *   POST /digest      length and SHA-256 of the body it got
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { patternChunks } from "./pattern.ts";

const server = createServer((request, response) => {
  const { url = "" } = request;
  if (url === "/digest") {
    const hash = createHash("sha256");
    let length = 0;
    request.on("data", (bytes: Buffer) => {
      length += bytes.length;
      hash.update(bytes);
    });
    request.on("end", () => response.end(`${length} ${hash.digest("hex")}`));
    return;
  }
  if (url.startsWith("/bytes/")) {
    const length = Number(url.slice(7));
    response.setHeader("Content-Length", length);
    Readable.from(patternChunks(length)).pipe(response);
    return;
  }
  response.end("ok");
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" ? address?.port : 0);
});
