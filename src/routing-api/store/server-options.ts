/** How a database server is reached (`sqldb`; routing-api §3, §12). */
export interface DatabaseServer {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Authority, PEM; empty: no TLS. */
  readonly authority: string;
  /** The certificate's name does not matter. */
  readonly skipName: boolean;
  /** Most connections; 0: the driver's bound. */
  readonly maxConnections: number;
  /** Most idle ones that are kept; 0: the driver's bound. MySQL only. */
  readonly maxIdle: number;
  /** Seconds that a connection is used at most; 0: for ever. PostgreSQL only. */
  readonly lifetimeSeconds: number;
}

/** TLS towards the server, as both drivers take it. */
export function databaseTls({ authority, skipName }: DatabaseServer) {
  if (authority === "") return undefined;
  return {
    ca: authority,
    rejectUnauthorized: true,
    ...(skipName && { checkServerIdentity: (): undefined => undefined }),
  };
}
