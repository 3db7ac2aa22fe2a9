import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { sql } from "kysely";
import type { Flavour } from "../../../src/routing-api/store/flavour.ts";
import { mysql } from "../../../src/routing-api/store/mysql.ts";
import { postgres } from "../../../src/routing-api/store/postgres.ts";
import { SqlStore } from "../../../src/routing-api/store/sql-store.ts";
import { sqlite } from "../../../src/routing-api/store/sqlite.ts";
import { startMariadb, startPostgres } from "../../fixtures/databases.ts";

/**
 * A database to test the store on. `open` may be called several times, for as many processes on one database; SQLite is
 * for one process, and its busy time-out would block the very thread that is to let go: there it is the same store.
 */
export interface StoreBench {
  /** How far the database's clock is ahead, in milliseconds; may be moved. */
  aheadMs: number;
  open(): SqlStore;
  stop(): Promise<void>;
}

const options = {
  uuid: () => randomUUID() as string,
  heartbeatEvents: false,
  soon: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
};

/** The flavour with its clock moved as the bench says. */
function ahead(flavour: Flavour, bench: Pick<StoreBench, "aheadMs">): Flavour {
  return {
    ...flavour,
    get now() {
      return sql<number>`${flavour.now} + ${sql.lit(bench.aheadMs)}`;
    },
  };
}

async function sqliteBench(): Promise<StoreBench> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-store-"));
  const bench: StoreBench = {
    aheadMs: 0,
    open: () => store,
    async stop() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  const store = new SqlStore(ahead(sqlite(join(folder, "routes.sqlite")), bench), options);
  return bench;
}

const serverBench =
  (start: typeof startPostgres, flavour: (server: Parameters<typeof mysql>[0]) => Flavour) =>
  async (): Promise<StoreBench> => {
    const database = await start();
    const stores: SqlStore[] = [];
    const bench: StoreBench = {
      aheadMs: 0,
      open() {
        const store = new SqlStore(ahead(flavour(database.server), bench), options);
        stores.push(store);
        return store;
      },
      async stop() {
        for (const store of stores) await store.close();
        await database.stop();
      },
    };
    return bench;
  };

/** Database servers belong to this run: with `--all`, on Bun. */
export const withServers: boolean = process.env["CAUSEWAY_ALL"] === "1" && "Bun" in globalThis;

/** The databases of this run: SQLite, and servers where they belong to it. */
export const benches: readonly (readonly [name: string, start: () => Promise<StoreBench>])[] = [
  ["SQLite", sqliteBench],
  ...(withServers
    ? ([
        [
          "PostgreSQL",
          serverBench(startPostgres, (server) =>
            // The server ends before the last idle connection has said goodbye.
            postgres(server, () => undefined),
          ),
        ],
        ["MariaDB", serverBench(() => startMariadb(), mysql)],
      ] as const)
    : []),
];
