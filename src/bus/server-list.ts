/** One NATS server, as configured or as announced by the cluster. */
export interface BusServer {
  /** `tcp` for `nats://` and `tls://`, `websocket` for `ws://` and `wss://`. */
  readonly transport: "tcp" | "websocket";
  /** `tls://`, `wss://`: the connection must be encrypted. */
  readonly secure: boolean;
  /** Without brackets. */
  readonly hostname: string;
  /** What its certificate has to name: the host, but for an announced IP address the name of who announced it, as nats.go. */
  readonly serverName: string;
  readonly port: number;
  /** Path and query of a WebSocket URL, at least `/`; empty for TCP. */
  readonly path: string;
  readonly user: string;
  readonly pass: string;
  /** Two authentication errors of the same kind in a row make a server useless (control-plane §2.1, Closed). */
  lastAuthError: string;
}

/** Who the servers are; the part of the configuration's `nats` section that says so. */
export interface ServerListOptions {
  readonly hosts: readonly { readonly hostname: string; readonly port: number }[];
  /** URLs of the schemes `nats`, `tls`, `ws`, `wss`; they may carry user info. When given, `hosts` is not used. */
  readonly servers?: readonly string[];
  readonly user: string;
  readonly pass: string;
}

const schemes: Readonly<Record<string, { transport: BusServer["transport"]; secure: boolean; port: number }>> = {
  nats: { transport: "tcp", secure: false, port: 4222 },
  tls: { transport: "tcp", secure: true, port: 4222 },
  ws: { transport: "websocket", secure: false, port: 80 },
  wss: { transport: "websocket", secure: true, port: 443 },
};

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function parseServer(text: string, user: string, pass: string): BusServer {
  const wrong = (reason: string): Error =>
    new Error(
      `cannot use nats server "${text.replace(/\/\/[^/]*@/, "//***@")}": ${reason}; write nats://, tls://, ws:// or wss:// and host:port`,
    );
  const separator = text.indexOf("://");
  const scheme = schemes[text.slice(0, separator).toLowerCase()];
  if (separator < 0 || scheme === undefined) throw wrong("its scheme is unknown");
  let url: URL;
  try {
    // http: what the URL standard does for schemes it does not know differs between runtimes.
    url = new URL(`http${text.slice(separator)}`);
  } catch {
    throw wrong("it is no URL");
  }
  // `:80` is http's default port, which `URL` hides.
  const port =
    url.port !== "" ? Number(url.port) : /:80$/.test(text.slice(separator + 3).split(/[/?#]/)[0]!) ? 80 : scheme.port;
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const own = url.username !== "" || url.password !== "";
  return {
    transport: scheme.transport,
    secure: scheme.secure,
    hostname,
    serverName: hostname,
    port,
    path: scheme.transport === "websocket" ? url.pathname + url.search : "",
    user: own ? decodeURIComponent(url.username) : user,
    pass: own ? decodeURIComponent(url.password) : pass,
    lastAuthError: "",
  };
}

/**
 * The servers to connect to, in random order (control-plane §2.1). It rotates as nats.go's pool does: the server just
 * left goes to the end. Announced servers inherit transport, TLS and credentials of the configured ones; where those
 * are of mixed kinds announcements are ignored, since nothing says how to reach them.
 */
export class ServerList {
  readonly #servers: BusServer[];
  readonly #configured: readonly BusServer[];
  readonly #homogeneous: boolean;

  /** `random` gives numbers in [0, 1). Throws an `Error` for an URL that cannot be used. */
  constructor(options: ServerListOptions, random: () => number) {
    const { user, pass, servers = [] } = options;
    const list =
      servers.length > 0
        ? servers.map((text) => parseServer(text, user, pass))
        : // Go takes a host without a name for this machine.
          options.hosts.map(({ hostname, port }) =>
            parseServer(`nats://${hostPort(hostname || "localhost", port)}`, user, pass),
          );
    for (let i = list.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    this.#servers = list;
    this.#configured = [...list];
    const first = list[0];
    this.#homogeneous = list.every((one) => one.transport === first?.transport && one.secure === first.secure);
  }

  get size(): number {
    return this.#servers.length;
  }

  all(): readonly BusServer[] {
    return [...this.#servers];
  }

  /** Puts a server that was tried or lost at the end. */
  rotate(server: BusServer): void {
    const index = this.#servers.indexOf(server);
    if (index < 0) return;
    this.#servers.splice(index, 1);
    this.#servers.push(server);
  }

  first(): BusServer | undefined {
    return this.#servers[0];
  }

  remove(server: BusServer): void {
    const index = this.#servers.indexOf(server);
    if (index >= 0) this.#servers.splice(index, 1);
  }

  /** Takes over the `connect_urls` (host:port each) that `from` announced, and forgets those no longer announced. */
  announced(urls: readonly string[], from: BusServer): void {
    if (!this.#homogeneous || urls.length === 0) return;
    const known = new Set(this.#servers.map((one) => hostPort(one.hostname, one.port)));
    const fresh = new Set(urls);
    for (const url of fresh) {
      if (known.has(url)) continue;
      const colon = url.lastIndexOf(":");
      const port = Number(url.slice(colon + 1));
      const hostname = url.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
      const serverName = /^[\d.]+$|:/.test(hostname) ? from.serverName : hostname;
      if (colon > 0 && Number.isInteger(port)) {
        this.#servers.push({ ...from, hostname, serverName, port, lastAuthError: "" });
      }
    }
    for (const one of this.all()) {
      if (one !== from && !this.#configured.includes(one) && !fresh.has(hostPort(one.hostname, one.port)))
        this.remove(one);
    }
  }
}
