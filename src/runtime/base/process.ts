import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { availableParallelism, hostname, networkInterfaces } from "node:os";
import { basename } from "node:path";
import process from "node:process";
import type { Signal } from "../interface/processes.ts";
import { StreamError } from "../interface/stream-error.ts";

/** `Runtime.args`. */
export const args: readonly string[] = process.argv.slice(2);

/** `Runtime.programName`. */
export const programName: string = basename(process.argv[1] ?? process.argv0);

/** `Runtime.env`. */
export function env(name: string): string | undefined {
  return process.env[name];
}

/** `Runtime.onSignal`. */
export function onSignal(signal: Signal, callback: () => void): void {
  process.on(signal, callback);
}

/** `Runtime.onUncaught`. */
export function onUncaught(callback: (error: unknown) => void): void {
  process.on("uncaughtException", callback);
  process.on("unhandledRejection", callback);
}

/** `Runtime.exit`. */
export function exit(code: number): never {
  process.exit(code);
}

/** `Runtime.processId`. */
export const processId: number = process.pid;

/** `Runtime.hostName`. */
export function hostName(): string {
  return hostname();
}

/** `Runtime.residentBytes`. */
export function residentBytes(): number {
  return process.memoryUsage().rss;
}

/** `Runtime.cpuCount`. */
export function cpuCount(): number {
  return availableParallelism();
}

/** Name of the network interface of the default route, from the kernel's table; undefined when it cannot be read. */
function defaultInterface(): string | undefined {
  try {
    for (const line of readFileSync("/proc/net/route", "latin1").split("\n").slice(1)) {
      const [name, destination] = line.split("\t");
      if (destination === "00000000") return name;
    }
  } catch {
    // Not Linux, or no permission.
  }
  return undefined;
}

/** For a runtime whose UDP sockets do not tell their address (Deno): the default route's, else the first outside one. */
function interfaceAddress(): string | undefined {
  const interfaces = networkInterfaces();
  const preferred = interfaces[defaultInterface() ?? ""] ?? [];
  const all = [...preferred, ...Object.values(interfaces).flatMap((addresses) => addresses ?? [])];
  return all.find((address) => address.family === "IPv4" && !address.internal)?.address;
}

/** Without a route to anywhere; the text is Go's (control-plane §1.3, row 1). Not every runtime gives a code. */
function noOwnAddress(cause: unknown): StreamError {
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  const reason = code === "EHOSTUNREACH" ? "no route to host" : "network is unreachable";
  return new StreamError("unreachable", `dial udp 1.2.3.4:1: connect: ${reason}`, { syscall: "connect", cause });
}

/** `Runtime.localIp`: the source address the kernel picks for a UDP socket towards 1.2.3.4 port 1; nothing is sent. */
export function localIp(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    const failed = (error: unknown): void => {
      socket.close();
      reject(noOwnAddress(error));
    };
    socket.once("error", failed);
    try {
      // `@types/node` does not know that the callback is told of a failure.
      socket.connect(1, "1.2.3.4", (...[error]: readonly unknown[]) => {
        socket.off("error", failed);
        const address = error === undefined || error === null ? socket.address().address : "";
        const found = address === "0.0.0.0" ? interfaceAddress() : address;
        if (found === undefined || found === "") {
          failed(error);
          return;
        }
        socket.close();
        resolve(found);
      });
    } catch (error) {
      failed(error);
    }
  });
}
