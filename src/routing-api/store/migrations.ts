import { type Kysely, sql } from "kysely";
import { type Migration, type MigrationProvider, Migrator } from "kysely/migration";
import type { Flavour } from "./flavour.ts";
import type { Tables } from "./tables.ts";

function first({ types, tableEnd }: Flavour): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      const create = (name: string) => {
        const builder = db.schema.createTable(name).ifNotExists();
        return tableEnd === undefined ? builder : builder.modifyEnd(tableEnd);
      };
      await create("causeway_leases")
        .addColumn("identity", "char(64)", (column) => column.primaryKey())
        .addColumn("kind", "varchar(8)", (column) => column.notNull())
        .addColumn("json", types.long, (column) => column.notNull())
        .addColumn("tag_guid", "char(36)", (column) => column.notNull())
        .addColumn("tag_index", "bigint", (column) => column.notNull())
        .addColumn("partition_key", types.short, (column) => column.notNull())
        .addColumn("segment", types.short, (column) => column.notNull())
        .addColumn("sni_key", types.short, (column) => column.notNull())
        .addColumn("reserved", "smallint", (column) => column.notNull())
        .addColumn("created", "bigint", (column) => column.notNull())
        .addColumn("expires_at", "bigint")
        .execute();
      await db.schema.createIndex("causeway_leases_order").on("causeway_leases").columns(["kind", "created"]).execute();
      await db.schema.createIndex("causeway_leases_expiry").on("causeway_leases").column("expires_at").execute();
      await db.schema.createIndex("causeway_leases_partition").on("causeway_leases").column("partition_key").execute();
      await db.schema.createIndex("causeway_leases_sni").on("causeway_leases").column("sni_key").execute();
      await create("causeway_events")
        .addColumn("id", "bigint", (column) => column.primaryKey())
        .addColumn("kind", "varchar(8)", (column) => column.notNull())
        .addColumn("name", "varchar(8)", (column) => column.notNull())
        .addColumn("json", types.long, (column) => column.notNull())
        .addColumn("partition_key", types.short, (column) => column.notNull())
        .addColumn("segment", types.short, (column) => column.notNull())
        .addColumn("reserved", "smallint", (column) => column.notNull())
        .addColumn("at", "bigint", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("causeway_events_age").on("causeway_events").column("at").execute();
      await create("causeway_sequence")
        .addColumn("id", "integer", (column) => column.primaryKey())
        .addColumn("last", "bigint", (column) => column.notNull())
        .addColumn("floor", "bigint", (column) => column.notNull())
        .execute();
      await (db as Kysely<Tables>).insertInto("causeway_sequence").values({ id: 1, last: 0, floor: 0 }).execute();
      await routerGroups(db, create("router_groups"), types.short);
    },
  };
}

/** The table of the original stays as it is where there is one. */
async function routerGroups(
  db: Kysely<unknown>,
  table: ReturnType<Kysely<unknown>["schema"]["createTable"]>,
  short: Flavour["types"]["short"],
): Promise<void> {
  const existing = await db.introspection.getTables();
  if (existing.some(({ name }) => name === "router_groups")) return;
  const moment = (column: Parameters<Parameters<typeof table.addColumn>[2] & {}>[0]) =>
    column.notNull().defaultTo(sql`current_timestamp`);
  await table
    .addColumn("guid", "varchar(36)", (column) => column.primaryKey())
    .addColumn("created_at", "timestamp", moment)
    .addColumn("updated_at", "timestamp", moment)
    .addColumn("name", short, (column) => column.notNull())
    .addColumn("type", short, (column) => column.notNull())
    .addColumn("reservable_ports", short, (column) => column.notNull())
    .execute();
  await db.schema.createIndex("idx_rg_name").unique().on("router_groups").column("name").execute();
}

/**
 * Brings the tables up to date; several processes may do it at the same time. There is no way back: an older program
 * finds what it knows where it was.
 *
 * @throws Error of the database, or when it was made by a newer program.
 */
export async function migrate(db: Kysely<Tables>, flavour: Flavour): Promise<void> {
  const provider: MigrationProvider = { getMigrations: async () => ({ "001-leases": first(flavour) }) };
  const migrator = new Migrator({
    db,
    provider,
    migrationTableName: "causeway_migrations",
    migrationLockTableName: "causeway_migrations_lock",
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
