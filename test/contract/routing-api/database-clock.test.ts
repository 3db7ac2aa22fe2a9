import assert from "node:assert/strict";
import { it } from "node:test";
import { Kysely, sql } from "kysely";
import { mysql } from "../../../src/routing-api/store/mysql.ts";
import type { Tables } from "../../../src/routing-api/store/tables.ts";
import { startMariadb } from "../../fixtures/databases.ts";
import { withServers } from "./stores.ts";

if (withServers) {
  it("MariaDB's clock does not jump when its time zone leaves summer time", async () => {
    const database = await startMariadb("CET-1CEST,M3.5.0,M10.5.0/3");
    const { dialect, now } = mysql(database.server);
    const db = new Kysely<Tables>({ dialect });
    try {
      const shown: number[] = [];
      // 02:30 is twice on that night: half an hour before and behind the change, and an hour later.
      const moments = ["2025-10-26T00:30:00.250Z", "2025-10-26T01:30:00.250Z", "2025-10-26T02:30:00.250Z"].map(
        Date.parse,
      );
      await db.connection().execute(async (connection) => {
        for (const moment of moments) {
          await sql`set timestamp = ${sql.lit(moment / 1000)}`.execute(connection);
          const { rows } = await sql<{ now: number }>`select ${now} as now`.execute(connection);
          shown.push(rows[0]!.now);
        }
      });
      assert.deepEqual(shown, moments);
    } finally {
      await db.destroy();
      await database.stop();
    }
  });
}
