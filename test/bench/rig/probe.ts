import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { appHost, type Contender } from "./contender.ts";
import type { Scenario } from "./scenarios.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether the contender's listener for that transport leads to the app now. */
async function answers(contender: Contender, transport: Scenario["transport"]): Promise<boolean> {
  return await new Promise((resolve) => {
    const { httpPort, tlsPort } = contender;
    const socket: Socket =
      transport === "http"
        ? connectTcp(httpPort, "127.0.0.1")
        : connectTls({
            port: tlsPort,
            host: "127.0.0.1",
            servername: appHost,
            rejectUnauthorized: false,
            ALPNProtocols: [transport === "h2" ? "h2" : "http/1.1"],
          });
    const end = (found: boolean): void => {
      socket.destroy();
      resolve(found);
    };
    let text = "";
    socket.setTimeout(10_000, () => end(false));
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (transport !== "h2" && text.includes("\r\n\r\n")) end(text.startsWith("HTTP/1.1 200 "));
    });
    socket.on(transport === "http" ? "connect" : "secureConnect", () => {
      if (transport === "h2") end("alpnProtocol" in socket && socket.alpnProtocol === "h2");
      else socket.write(`GET / HTTP/1.1\r\nHost: ${appHost}\r\nConnection: close\r\n\r\n`);
    });
  });
}

/** Milliseconds that a program may take to start: seconds where the machine does nothing else, minutes at a load of 40. */
const startMs = 180_000;

/** Waits until the contender leads to the app; false after `timeoutMs`. */
export async function answersSoon(
  contender: Contender,
  transport: Scenario["transport"],
  timeoutMs = startMs,
): Promise<boolean> {
  for (const end = performance.now() + timeoutMs; performance.now() < end; await pause(100)) {
    if (await answers(contender, transport)) return true;
  }
  return false;
}
