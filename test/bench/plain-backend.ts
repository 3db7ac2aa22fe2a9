/**
 * The app behind the contenders on a machine without nginx: `bun plain-backend.ts PORT`. Keep-alive, pipelining,
 * bodies by Content-Length or chunked (a proxy may have made them so).
 */
import { createServer } from "node:net";
import { fileSizes, smallBody } from "./rig/backend.ts";

function response(body: string | Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body as string)]);
}

const small = response(smallBody);
const files = new Map(Object.entries(fileSizes).map(([name, size]) => [`/f/${name}`, response(Buffer.alloc(size, 7))]));

/** Length of the first complete request in `text`, its head being `head` bytes long; 0 while it is incomplete. */
function requestLength(text: string, head: number): number {
  const fields = text.slice(0, head).toLowerCase();
  if (fields.includes("\r\ntransfer-encoding: chunked")) {
    const end = text.indexOf("0\r\n\r\n", head);
    return end < 0 ? 0 : end + 5;
  }
  const length = head + Number(/\r\ncontent-length: (\d+)/.exec(fields)?.[1] ?? 0);
  return text.length >= length ? length : 0;
}

createServer((socket) => {
  let text = "";
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
    for (;;) {
      const head = text.indexOf("\r\n\r\n") + 4;
      const length = head < 4 ? 0 : requestLength(text, head);
      if (length === 0) return;
      socket.write(files.get(text.split(" ", 2)[1]!) ?? small);
      const close = /\r\nconnection: close\r\n/i.test(text.slice(0, head));
      text = text.slice(length);
      if (close) socket.end();
    }
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
