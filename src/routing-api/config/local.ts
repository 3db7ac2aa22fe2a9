import * as v from "valibot";
import { ConfigSchema, withDurations } from "./document.ts";
import type { RoutingApiConfig } from "./load.ts";

/** What can be chosen of an API for the programs of one machine. */
interface LocalChoices {
  /** Plain port on 127.0.0.1; 0 picks a free one. */
  readonly port: number;
  /** SQLite file; empty: the default of a Routing API of its own. */
  readonly file: string;
  /** Milliseconds: upper bound and default of leases. */
  readonly maxTtlMs: number;
}

/** The configuration of an API that only the programs of this machine use, without tokens, in an SQLite file. */
export function localConfig({ port, file, maxTtlMs }: LocalChoices): RoutingApiConfig {
  const {
    router_groups: _,
    reserved_system_component_ports: __,
    ...config
  } = v.parse(ConfigSchema, {
    api: { http_enabled: true, listen_port: port },
    listen_host: "127.0.0.1",
    sqldb: file === "" ? {} : { file },
  });
  return { ...withDurations(config), max_ttl: maxTtlMs, groups: [], reservedPorts: [], mtls: false, inert: [] };
}
