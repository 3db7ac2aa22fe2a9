import type { RoutingApiConfig } from "../../routing-api/config/load.ts";
import type { Flavour } from "../../routing-api/store/flavour.ts";
import { SqlStore } from "../../routing-api/store/sql-store.ts";
import type { Store } from "../../routing-api/store/store.ts";
import type { Runtime } from "../../runtime/interface.ts";

/** The database that the configuration names. Drivers are loaded only where they are needed. */
async function flavourOf({ sqldb }: RoutingApiConfig, onError: (error: Error) => void): Promise<Flavour> {
  if (sqldb.type === "sqlite") {
    const { sqlite } = await import("../../routing-api/store/sqlite.ts");
    try {
      return sqlite(sqldb.file);
    } catch (error) {
      throw new Error(`cannot open sqldb.file ${JSON.stringify(sqldb.file)}: ${(error as Error).message}`);
    }
  }
  const postgres = sqldb.type === "postgres";
  const server = {
    host: sqldb.host,
    port: sqldb.port || (postgres ? 5432 : 3306),
    database: sqldb.schema,
    user: sqldb.username,
    password: sqldb.password,
    authority: sqldb.ca_cert,
    skipName: sqldb.skip_hostname_validation === true,
    maxConnections: sqldb.max_open_connections ?? 0,
    maxIdle: sqldb.max_idle_connections ?? 0,
    lifetimeSeconds: sqldb.connections_max_lifetime_seconds ?? 0,
  };
  if (postgres) return (await import("../../routing-api/store/postgres.ts")).postgres(server, onError);
  return (await import("../../routing-api/store/mysql.ts")).mysql(server);
}

/**
 * The store that the configuration names; `onError` hears of connections that break while nobody uses them.
 *
 * @throws Error when an SQLite file cannot be opened.
 */
export async function openStore(
  config: RoutingApiConfig,
  { clock, uuid }: Pick<Runtime, "clock" | "uuid">,
  onError: (error: Error) => void,
): Promise<Store> {
  return new SqlStore(await flavourOf(config, onError), {
    uuid: () => uuid(),
    heartbeatEvents: config.heartbeat_events === true,
    soon: (ms) => new Promise((resolve) => clock.after(ms, resolve)),
  });
}
