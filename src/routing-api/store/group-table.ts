import { type Kysely, sql, type Transaction } from "kysely";
import type { RouterGroup } from "../router-group.ts";
import type { Tables } from "./tables.ts";

/** All groups, by name. */
export async function groupsOf(db: Kysely<Tables>): Promise<RouterGroup[]> {
  const rows = await db.selectFrom("router_groups").selectAll().orderBy("name").execute();
  return rows.map(({ guid, name, type, reservable_ports }) => ({
    guid,
    name,
    type,
    reservablePorts: reservable_ports ?? "",
  }));
}

/** Adds groups while there are none at all. */
export async function seedGroups(trx: Transaction<Tables>, groups: readonly RouterGroup[]): Promise<void> {
  const some = await trx.selectFrom("router_groups").select("guid").limit(1).execute();
  if (some.length > 0 || groups.length === 0) return;
  await trx.insertInto("router_groups").values(groups.map(groupRow)).execute();
}

/** As `Store.addGroup`. */
export async function addGroup(
  trx: Transaction<Tables>,
  group: RouterGroup,
  check: (all: readonly RouterGroup[]) => void,
): Promise<{ readonly group: RouterGroup; readonly added: boolean }> {
  const all = await groupsOf(trx);
  const known = all.find(({ name, type }) => name === group.name && type === group.type);
  if (known !== undefined) return { group: known, added: false };
  check([...all, group]);
  await trx.insertInto("router_groups").values(groupRow(group)).execute();
  return { group, added: true };
}

/** As `Store.changeGroup`. */
export async function changeGroup(
  trx: Transaction<Tables>,
  guid: string,
  reservablePorts: string,
  check: (changed: RouterGroup) => void,
): Promise<RouterGroup | undefined> {
  const group = (await groupsOf(trx)).find((one) => one.guid === guid);
  if (group === undefined || group.reservablePorts === reservablePorts) return group;
  const changed = { ...group, reservablePorts };
  check(changed);
  await trx
    .updateTable("router_groups")
    .set({ reservable_ports: reservablePorts, updated_at: sql<string>`current_timestamp` })
    .where("guid", "=", guid)
    .execute();
  return changed;
}

/** False: there is none. */
export async function removeGroup(db: Kysely<Tables>, guid: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom("router_groups").where("guid", "=", guid).executeTakeFirst();
  return numDeletedRows > 0n;
}

function groupRow({ guid, name, type, reservablePorts }: RouterGroup) {
  return { guid, name, type, reservable_ports: reservablePorts };
}
