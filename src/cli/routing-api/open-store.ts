import type { RoutingApiConfig } from "../../routing-api/config/load.ts";
import { SqlStore } from "../../routing-api/store/sql-store.ts";
import type { Store } from "../../routing-api/store/store.ts";

/**
 * The store that the configuration names. Drivers are loaded only where they are needed.
 *
 * @throws Error when the database cannot be opened.
 */
export async function openStore(config: RoutingApiConfig, uuid: () => string): Promise<Store> {
  const options = { uuid, heartbeatEvents: config.heartbeat_events === true };
  const { sqlite } = await import("../../routing-api/store/sqlite.ts");
  try {
    return new SqlStore(sqlite(config.sqldb.file), options);
  } catch (error) {
    throw new Error(`cannot open sqldb.file ${JSON.stringify(config.sqldb.file)}: ${(error as Error).message}`);
  }
}
