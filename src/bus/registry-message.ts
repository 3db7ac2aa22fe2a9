import type { ProxyVersion } from "../core/routing/endpoint-kind.ts";
import type { TagSet } from "../core/routing/tag-set.ts";

/** A registry message (control-plane §2.4) after decoding; absent fields hold their zero value. */
export interface RegistryMessage {
  readonly host: string;
  readonly port: number;
  /** 0: none. Otherwise this port is used, with TLS. */
  readonly tlsPort: number;
  readonly uris: readonly string[];
  readonly app: string;
  readonly privateInstanceId: string;
  readonly privateInstanceIndex: string;
  readonly serverCertDomainSan: string;
  /** Null when the message had none. */
  readonly tags: TagSet | null;
  readonly staleThresholdSeconds: number;
  readonly isolationSegment: string;
  readonly availabilityZone: string;
  readonly routeServiceUrl: string;
  /** An integer of 64 bits as decimal text; empty: 0. A number of that size would be a bigint, which is dear to make. */
  readonly endpointUpdatedAtNs: string;
  readonly protocol: string;
  /** `options.loadbalancing`. */
  readonly loadBalancing: string;
  /** `options.hash_header` and `options.hash_balance` (control-plane §9.1). */
  readonly hashHeader: string;
  readonly hashBalance: number;
  /** `options.proxy_protocol`: connections to the endpoint begin with a PROXY header of that version. */
  readonly proxyProtocol: ProxyVersion | undefined;
  /** `options.without_endpoints`, of `router.reserve`: the route service is asked although nothing runs. */
  readonly withoutEndpoints: boolean;
}
