/** The app behind `connections.ts`: answers each request, and each upgrade with 101. `node upgrade-backend.ts PORT` */
import { createServer } from "node:net";
import process from "node:process";

const accepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
const key = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const plain = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

createServer((socket) => {
  let head = "";
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => {
    head += text;
    if (!head.includes("\r\n\r\n")) return;
    socket.write(/^upgrade: websocket/im.test(head) ? accepted + key : plain);
    head = "";
  });
  socket.on("error", () => {});
}).listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
