import type { Exchange } from "../exchange.ts";
import { firstValue, type MessageHeaders } from "../message.ts";
import { hasToken } from "./connection-tokens.ts";

function isPrintable(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

/**
 * Finds out whether the request asks for an upgrade, and for WebSocket (the two tests of data-plane §6.1). False when
 * the protocol it asks for cannot be passed on: the answer is row 22 of §2.1.
 */
export function readUpgrade(exchange: Exchange): boolean {
  const connection = exchange.headers.get("Connection");
  if (connection === null || connection === "") return true;
  const protocol = firstValue(exchange.headers, "Upgrade");
  if (protocol === null || protocol === "") return true;
  exchange.websocket = connection.toLowerCase().includes("upgrade") && protocol.toLowerCase() === "websocket";
  if (!hasToken(connection, "upgrade")) return true;
  exchange.upgrade = true;
  exchange.upgradeProtocol = protocol;
  return isPrintable(protocol);
}

/** Whether the request counts as WebSocket (the first test of data-plane §6.1). */
export function isWebSocket(headers: MessageHeaders): boolean {
  const connection = headers.get("Connection");
  if (connection === null || !connection.toLowerCase().includes("upgrade")) return false;
  return firstValue(headers, "Upgrade")?.toLowerCase() === "websocket";
}

/** Whether a 101 switches to what was asked for (data-plane §6.3). */
export function switchesAsAsked(exchange: Exchange, headers: MessageHeaders): boolean {
  if (!exchange.upgrade || !hasToken(headers.get("Connection") ?? "", "upgrade")) return false;
  return (firstValue(headers, "Upgrade") ?? "").toLowerCase() === exchange.upgradeProtocol.toLowerCase();
}
