import { Failure } from "../forwarding/failure.ts";
import type { BackendResponse, Transport } from "../forwarding/transport.ts";
import { Endpoint } from "../routing/endpoint.ts";
import { routeKeyPath } from "../routing/uri.ts";
import { parseUrl } from "./go-url.ts";

/** What the access log, metrics and debugging headers know of a request that went to a service: no instance (§8.6). */
export class NoInstance extends Endpoint {
  constructor() {
    super({ host: "", port: 0 });
  }

  override get address(): string {
    return "";
  }
}

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443, ws: 80, wss: 443 };

/** A route service, as its URL names it. */
export interface Service {
  /** Without user information: for log lines. */
  readonly shown: string;
  /** `Host` of requests to it, and what is looked up in the own table. */
  readonly host: string;
  /** Percent-encoded path by which it is looked up in the own table. */
  readonly path: string;
  /** Request target: path and query of the URL. */
  readonly target: string;
  /** Where it is dialled; undefined: `fault` says why it cannot be. */
  readonly endpoint: Endpoint | undefined;
  readonly fault: string;
}

/** The way to one service: directly, or through the own table. */
export interface ServiceWay {
  readonly service: Service;
  readonly transport: Transport;
  readonly endpoint: Endpoint;
}

/** To a service that nobody can dial: every attempt fails with these words, as one that found no connection (§4.6). */
export class Undiallable implements Transport {
  readonly #fault: string;

  constructor(fault: string) {
    this.#fault = fault;
  }

  async send(): Promise<BackendResponse> {
    throw new Failure("dial", "backend", "always", this.#fault);
  }

  forget(): void {}
}

/**
 * Reads a route service URL; exactly its path and query are what the service is asked for (data-plane §8.3).
 *
 * @throws Error when it is none (row 19 of §2.1).
 */
export function parseService(url: string): Service {
  const { scheme, host, path, query } = parseUrl(url, false);
  const encoded = routeKeyPath(path);
  const target = (encoded === "" ? "/" : encoded) + (query === undefined ? "" : `?${query}`);
  const shown = `${scheme}://${host}${path}${query === undefined ? "" : `?${query}`}`;
  const common = { shown, host, path: encoded, target };
  const defaultPort = defaultPorts[scheme];
  if (defaultPort === undefined) {
    return { ...common, endpoint: undefined, fault: `unsupported protocol scheme ${JSON.stringify(scheme)}` };
  }
  if (host === "") return { ...common, endpoint: undefined, fault: "http: no Host in request URL" };
  const colon = host.lastIndexOf(":");
  const hasPort = colon > host.lastIndexOf("]");
  const name = hasPort ? host.slice(0, colon) : host;
  const port = hasPort && colon + 1 < host.length ? Number(host.slice(colon + 1)) : defaultPort;
  if (port > 65_535) return { ...common, endpoint: undefined, fault: `dial tcp: address ${port}: invalid port` };
  const endpoint = new Endpoint({ host: name, port, tls: defaultPort === 443, routeServiceUrl: shown });
  return { ...common, endpoint, fault: "" };
}
