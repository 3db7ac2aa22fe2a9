import type { Client, ClientTlsFacts, ExchangeObserver } from "../core/client.ts";
import type { RequestLike } from "../core/message.ts";
import type { NativePeer, NativeRequest } from "../runtime/interface/native-serving.ts";
import { HeaderLines } from "../wire/header-lines.ts";
import { CountedBody } from "./counted-body.ts";

/** What is known of TLS when only the URL says `https`. */
const someTls: ClientTlsFacts = {
  version: "",
  cipher: "",
  serverName: "",
  alpn: "",
  peerCertificates: [],
  verified: false,
};

/** Methods whose requests have a body even without a framing header, which HTTP/2 does not need. */
function mayCarryBody(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

function lowerAuthority(authority: string, scheme: string): string {
  const lower = authority.toLowerCase();
  const ending = scheme === "https" ? ":443" : ":80";
  return lower.endsWith(ending) ? lower.slice(0, -ending.length) : lower;
}

/** How a request came: from a server that can make its connection a WebSocket, or by a bare `fetch` handler. */
export type Entry = "server" | "fetch";

/** Index behind the authority of a URL that has one; `start` is its first character. */
function endOfAuthority(url: string, start: number): number {
  let end = start;
  while (end < url.length && url[end] !== "/" && url[end] !== "?" && url[end] !== "#") end++;
  return end;
}

function authorityOf(url: string): string {
  const scheme = url.indexOf("://");
  return scheme < 0 ? "" : url.slice(scheme + 3, endOfAuthority(url, scheme + 3));
}

/**
 * The request target (RFC 9112 §3.2) as far as a `url` still tells it: origin form, or absolute form when the URL names
 * another authority than Host does.
 */
export function targetOf(url: string, host: string | null): string {
  const scheme = url.indexOf("://");
  if (scheme < 0) return url;
  const start = scheme + 3;
  const end = endOfAuthority(url, start);
  if (host !== null) {
    const name = url.slice(0, scheme);
    if (lowerAuthority(url.slice(start, end), name) !== lowerAuthority(host, name)) return url;
  }
  return url[end] === "/" ? url.slice(end) : `/${url.slice(end)}`;
}

/** A request that came by a Fetch entry point, and the client it came from, as the core wants them. */
export class IncomingRequest implements RequestLike, Client {
  observer: ExchangeObserver | undefined = undefined;
  readonly method: string;
  readonly url: string;
  readonly headers: HeaderLines;
  readonly target: string;
  readonly tls: ClientTlsFacts | undefined;
  readonly takesTunnel: boolean;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly protocol: string;
  readonly #request: NativeRequest;
  readonly #body: CountedBody | undefined;

  constructor(request: NativeRequest, peer: NativePeer, entry: Entry) {
    this.#request = request;
    this.method = request.method;
    this.url = request.url;
    this.headers = HeaderLines.from(request.headers);
    const { headers } = this;
    // A `Request` that was made by hand has no Host but in its URL.
    if (entry === "fetch" && !headers.has("host")) headers.append("Host", authorityOf(request.url));
    this.target = peer.target ?? targetOf(request.url, headers.first("host"));
    this.tls = request.url.startsWith("https:") ? someTls : undefined;
    this.takesTunnel = entry === "server" && headers.first("upgrade")?.toLowerCase() === "websocket";
    this.remoteAddress = peer.remoteAddress;
    this.remotePort = peer.remotePort;
    this.localAddress = peer.localAddress;
    this.localPort = peer.localPort;
    this.protocol = peer.protocol;
    // Messages are bridged, not bytes: what the two sides would agree on does not pass.
    if (this.takesTunnel) headers.delete("sec-websocket-extensions");
    const body = this.#hasBody() ? request.body : null;
    if (body === null) {
      // Fetch has no bodies on GET and HEAD: one that is not there must not be announced.
      if (headers.first("content-length") !== "0") headers.delete("content-length");
      headers.delete("transfer-encoding");
    }
    this.#body = body === null ? undefined : new CountedBody(body);
  }

  get body(): RequestLike["body"] {
    return this.#body?.stream ?? null;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  /** Bytes of the body that were taken. */
  get bytesTaken(): number {
    return this.#body?.bytes ?? 0;
  }

  #hasBody(): boolean {
    const length = this.headers.first("content-length");
    if (length !== null) return length !== "0";
    return this.headers.has("transfer-encoding") || mayCarryBody(this.method);
  }
}
