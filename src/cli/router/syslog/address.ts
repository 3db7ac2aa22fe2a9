import type { StreamError, StreamErrorKind } from "../../../runtime/interface/stream-error.ts";

/** Where the access log's syslog server is (control-plane §1.2, `logging.syslog_network` and `syslog_addr`). */
export interface SyslogAddress {
  /** As configured: it stands in error texts. */
  readonly network: string;
  /** `host:port`, or a path. */
  readonly address: string;
  readonly kind: "tcp" | "udp" | "unix";
  /** Empty for `unix`. */
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6 | undefined;
}

const hostPort = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/;

/**
 * Reads network and address. Texts of errors are Go's; `unix` is ours.
 *
 * @throws Error with the text for the start failure.
 */
export function parseSyslogAddress(network: string, address: string): SyslogAddress {
  if (network === "unix") {
    if (address === "") throw new Error("dial unix: missing address");
    return { network, address, kind: "unix", host: "", port: 0, family: undefined };
  }
  const kind = network.startsWith("tcp") ? "tcp" : network.startsWith("udp") ? "udp" : undefined;
  if (kind === undefined) throw new Error(`syslog: invalid network: ${network}`);
  const version = network.slice(3);
  if (version !== "" && version !== "4" && version !== "6") {
    throw new Error(`dial ${network}: unknown network ${network}`);
  }
  if (address === "") throw new Error(`dial ${network}: missing address`);
  const parts = hostPort.exec(address);
  if (parts === null) {
    const fault = address.includes(":") ? "too many colons in address" : "missing port in address";
    throw new Error(`dial ${network}: address ${address}: ${fault}`);
  }
  const [, bracketed, plain, portText = ""] = parts;
  const port = portText === "" ? 0 : Number(portText);
  if (!/^\d*$/.test(portText)) throw new Error(`dial ${network}: lookup ${network}/${portText}: unknown port`);
  if (port > 65535) throw new Error(`dial ${network}: address ${portText}: invalid port`);
  const family = version === "4" ? 4 : version === "6" ? 6 : undefined;
  const local = family === 6 ? "::1" : "127.0.0.1";
  return { network, address, kind, host: (bracketed ?? plain ?? "") || local, port, family };
}

const reasons: Partial<Record<StreamErrorKind, string>> = {
  refused: "connection refused",
  unreachable: "no route to host",
  reset: "connection reset by peer",
  "broken-pipe": "broken pipe",
  permission: "permission denied",
  descriptors: "too many open files",
};

/** Why the server cannot be reached, in the words operators know. */
export function dialErrorText({ network, address, host }: SyslogAddress, error: StreamError): string {
  if (error.kind === "name-not-found") return `dial ${network}: lookup ${host}: no such host`;
  if (error.kind === "timed-out") return `dial ${network} ${address}: i/o timeout`;
  if (error.code === "ENOENT") return `dial ${network} ${address}: connect: no such file or directory`;
  return `dial ${network} ${address}: connect: ${reasons[error.kind] ?? error.message}`;
}

/** Why records cannot be sent, in the same manner; undefined: the server closed the connection. */
export function writeErrorText({ network, address }: SyslogAddress, error: StreamError | undefined): string {
  if (error?.code === "EMSGSIZE") return `write ${network} ${address}: write: message too long`;
  const reason = error === undefined ? "the server closed the connection" : (reasons[error.kind] ?? error.message);
  return `write ${network} ${address}: write: ${reason}`;
}
