import type { NativePeer } from "../runtime/interface/native-serving.ts";

/** De-facto word of X-Forwarded-For for an address that is not known. */
const unknown = "unknown";

interface Address {
  readonly address?: unknown;
  readonly hostname?: unknown;
  readonly remoteAddress?: unknown;
  readonly port?: unknown;
  readonly remotePort?: unknown;
}

/** What platforms hand to a Fetch handler beside the request. */
interface Environment extends Address {
  /** Bun: the server. */
  readonly requestIP?: (request: Request) => Address | null;
  /** Deno: facts of the request. */
  readonly remoteAddr?: Address;
  /** Our own wire server (`FetchEnvironment`). */
  readonly client?: Address;
  /** hono on Node. */
  readonly incoming?: { readonly socket?: Address };
}

function addressOf(request: Request, environment: Environment): Address | null | undefined {
  if (typeof environment.requestIP === "function") return environment.requestIP(request);
  return environment.remoteAddr ?? environment.client ?? environment.incoming?.socket ?? environment;
}

/**
 * The client of a request, from what the platform hands over with it: Bun's server, Deno's `info`, hono's `c.env`, or
 * an object with `remoteAddress` and `remotePort`. An unknown address is `unknown`.
 */
export function peerOf(request: Request, environment: unknown): NativePeer {
  const given = typeof environment === "object" && environment !== null ? (environment as Environment) : {};
  const from = addressOf(request, given) ?? {};
  const address = from.address ?? from.hostname ?? from.remoteAddress;
  const port = from.port ?? from.remotePort;
  return {
    remoteAddress: typeof address === "string" && address !== "" ? address : unknown,
    remotePort: typeof port === "number" ? port : 0,
    localAddress: "",
    localPort: 0,
    target: undefined,
    protocol: "HTTP/1.1",
  };
}
