import type { Transaction } from "kysely";
import { processError } from "../api-error.ts";
import type { Lease } from "../lease.ts";
import { type TcpLease, terminatesFrontendTls } from "../tcp-route.ts";
import { chunks } from "./chunks.ts";
import type { Flavour } from "./flavour.ts";
import { groupsOf } from "./group-table.ts";
import type { Tables } from "./tables.ts";

/**
 * Rules 9 and 10 of routing-api §7.2, which ask what is stored. `now` in milliseconds of the database's clock.
 *
 * @throws ApiError the first fault, in the order of the mappings.
 */
export async function checkTcpLeases(
  trx: Transaction<Tables>,
  { rowsPerStatement }: Flavour,
  leases: readonly Lease[],
  now: number,
): Promise<void> {
  const mappings = leases.filter((lease): lease is TcpLease => lease.kind === "tcp");
  if (mappings.length === 0) return;
  const groups = new Set((await groupsOf(trx)).map(({ guid }) => guid));
  const sniKeys = [...new Set(mappings.map(({ sniKey }) => sniKey).filter((key) => key !== ""))];
  const stored: { sni_key: string; json: string }[] = [];
  for (const part of chunks(sniKeys, rowsPerStatement)) {
    const live = trx
      .selectFrom("causeway_leases")
      .select(["sni_key", "json"])
      .where("sni_key", "in", part)
      .where("expires_at", ">", now);
    stored.push(...(await live.execute()));
  }
  for (const { group, sniKey, terminateFrontendTls } of mappings) {
    if (!groups.has(group)) throw processError(`router_group_guid: ${group} not found`);
    const conflict = stored.some(
      (row) => row.sni_key === sniKey && terminatesFrontendTls(row.json) !== terminateFrontendTls,
    );
    if (conflict) throw processError(`terminate_frontend_tls: ${terminateFrontendTls} not allowed`);
  }
}
