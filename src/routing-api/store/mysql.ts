import { MysqlDialect, sql } from "kysely";
import { createPool } from "mysql2";
import type { Flavour } from "./flavour.ts";
import { type DatabaseServer, databaseTls } from "./server-options.ts";

/** MySQL and MariaDB. Nothing is dialled before the first statement. */
export function mysql(server: DatabaseServer): Flavour {
  const tls = databaseTls(server);
  const pool = createPool({
    host: server.host,
    port: server.port,
    database: server.database,
    user: server.user,
    password: server.password,
    connectTimeout: 5000,
    charset: "utf8mb4",
    ...(tls !== undefined && { ssl: tls }),
    ...(server.maxConnections > 0 && { connectionLimit: server.maxConnections }),
    ...(server.maxIdle > 0 && { maxIdle: server.maxIdle }),
  });
  return {
    name: "mysql",
    dialect: new MysqlDialect({ pool }),
    // Not by the server's local time, which jumps twice a year: an hour's jump would end every lease.
    now: sql<number>`(timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000)`,
    types: { long: sql`longtext`, short: sql`varchar(255)` },
    // Names that differ in case are different names.
    tableEnd: sql`character set utf8mb4 collate utf8mb4_bin`,
    rowsPerStatement: 500,
  };
}
