import { PostgresDialect, sql } from "kysely";
import pg from "pg";
import type { Flavour } from "./flavour.ts";
import { type DatabaseServer, databaseTls } from "./server-options.ts";

/** `int8`, which the driver gives as text because it may be too long; ours are ids and milliseconds. */
const int8 = 20;

/** PostgreSQL. Nothing is dialled before the first statement. `onError` hears of idle connections that broke. */
export function postgres(server: DatabaseServer, onError: (error: Error) => void): Flavour {
  const pool = new pg.Pool({
    host: server.host,
    port: server.port,
    database: server.database,
    user: server.user,
    password: server.password,
    ssl: databaseTls(server) ?? false,
    connectionTimeoutMillis: 5000,
    ...(server.maxConnections > 0 && { max: server.maxConnections }),
    ...(server.lifetimeSeconds > 0 && { maxLifetimeSeconds: server.lifetimeSeconds }),
    types: {
      getTypeParser: ((id: number, format?: "text" | "binary") =>
        id === int8 ? Number : pg.types.getTypeParser(id, format as "text")) as typeof pg.types.getTypeParser,
    },
  });
  // Without a listener the process would end.
  pool.on("error", onError);
  return {
    name: "postgres",
    dialect: new PostgresDialect({ pool }),
    now: sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
    types: { long: sql`text`, short: sql`text` },
    tableEnd: undefined,
    rowsPerStatement: 500,
  };
}
