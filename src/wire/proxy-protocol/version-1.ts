import ipaddr from "ipaddr.js";
import { type ProxyAddress, type ProxyHeader, ProxyHeaderError } from "./header.ts";

/** The text of an IP in the one form that logs show; undefined: it is none. */
function ipText(text: string): string | undefined {
  const dotted = /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text) && ipaddr.IPv4.isValid(text);
  if (!dotted && (text.includes("%") || !ipaddr.IPv6.isValid(text))) return undefined;
  return ipaddr.process(text).toString();
}

/** Ports are any integer (data-plane §6.6). */
function portOf(text: string): number | undefined {
  return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function address(ip: string, port: string): ProxyAddress {
  const parsed = ipText(ip);
  if (parsed === undefined) throw new ProxyHeaderError(`${JSON.stringify(ip)} is no IP address`);
  const number = portOf(port);
  if (number === undefined) throw new ProxyHeaderError(`${JSON.stringify(port)} is no port`);
  return { address: parsed, port: number };
}

/**
 * Reads the line of a version 1 header, without its line end: `PROXY TCP4 SRC DST SPORT DPORT`. Family and kind of
 * address are not compared, as upstream does not (data-plane §6.6).
 *
 * @throws ProxyHeaderError
 */
export function readVersion1(line: string): ProxyHeader {
  const fields = line.split(" ");
  const [, family = "", source = "", destination = "", sourcePort = "", destinationPort = ""] = fields;
  if (fields.length !== 6) throw new ProxyHeaderError(`the line has ${fields.length} fields instead of 6`);
  if (family !== "TCP4" && family !== "TCP6")
    throw new ProxyHeaderError(`${JSON.stringify(family)} is no TCP4 or TCP6`);
  return {
    version: 1,
    source: address(source, sourcePort),
    destination: address(destination, destinationPort),
    tlvs: [],
  };
}
