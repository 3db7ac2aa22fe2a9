import type { Logger } from "../../core/observe/log.ts";

/** Where a listener is bound. */
interface Bound {
  readonly host: string;
  readonly port: number;
}

/** Says where the router listens without TLS (control-plane §8.2); undefined: nowhere. `log`: with source `router`. */
export function logHttpListener(log: Logger, http: Bound | undefined): void {
  if (http === undefined) log.info("tcp-listener-disabled");
  else log.info("tcp-listener-started", addressData(http));
}

/** The same of the listener with TLS. */
export function logHttpsListener(log: Logger, https: Bound | undefined): void {
  if (https === undefined) log.info("tls-listener-not-enabled");
  else log.info("tls-listener-started", addressData(https));
}

/** An address as Go shows a `net.TCPAddr`. */
function addressData({ host, port }: Bound): { readonly address: object } {
  return { address: { IP: host, Port: port, Zone: "" } };
}
