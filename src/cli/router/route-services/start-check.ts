import type { Config } from "../../../core/config/schema.ts";
import type { Logger } from "../../../core/observe/log.ts";
import { hairpinEntryFault } from "../../../core/route-service/hairpin-hosts.ts";
import { egressPolicy } from "../../../wire/egress-policy.ts";
import { StartFailure } from "../start-failure.ts";

/**
 * Looks at the lists of route services before anything is opened, and says what an operator should know of them.
 *
 * @throws StartFailure for an entry that cannot be used, of hosts (control-plane §1.2) or addresses.
 */
export function checkRouteServices(config: Config, logger: Logger): void {
  for (const entry of config.route_services_hairpinning_allowlist) {
    const error = hairpinEntryFault(entry);
    if (error !== undefined) throw new StartFailure("allowlist-entry-invalid", { error }, "", true);
  }
  const { egress_block, egress_allow } = config.route_services;
  try {
    egressPolicy(egress_block, egress_allow);
  } catch (error) {
    throw new StartFailure("route-services-egress-list-invalid", { error: (error as Error).message });
  }
  if (config.route_services_secret === "" || egress_block.length > 0) return;
  const advice =
    "route services may be at any address but those of cloud metadata; unless some are inside your network, " +
    "set route_services.egress_block: [private, link-local, loopback]";
  logger.info("route-services-egress-open", { advice });
}
