/** A configuration as it is written (route-registrar §4): undefined where a key is absent or null. */
export interface ConfigDocument {
  messageBusServers: MessageBusServer[];
  host: string;
  availabilityZone: string;
  routes: RouteDocument[];
  dynamicConfigGlobs: string[];
  unregistrationMessageLimit: number | undefined;
  natsTls: NatsTlsFiles;
  routingApi: RoutingApiDocument | undefined;
  /** Our addition: where health and metrics are served. */
  status: StatusDocument | undefined;
}

/** A NATS server; `host` is `name:port`, or an URL with one of the schemes nats, tls, ws, wss. */
export interface MessageBusServer {
  host: string;
  user: string;
  password: string;
}

/** `nats_mtls_config` (route-registrar §4.3). */
export interface NatsTlsFiles {
  enabled: boolean;
  certPath: string;
  keyPath: string;
  caPath: string;
}

/** `routing_api` (route-registrar §4.4). */
export interface RoutingApiDocument {
  apiUrl: string;
  oauthUrl: string;
  clientId: string;
  clientSecret: string;
  caCerts: string;
  skipSslValidation: boolean;
  clientCertPath: string;
  clientPrivateKeyPath: string;
  serverCaCertPath: string;
  maxTtl: string;
}

export interface StatusDocument {
  host: string;
  port: number | undefined;
}

/** One of `routes` (route-registrar §4.5, §15). */
export interface RouteDocument {
  type: string;
  name: string;
  host: string;
  port: number | undefined;
  tlsPort: number | undefined;
  sniPort: number | undefined;
  protocol: string;
  tags: ReadonlyMap<string, string> | undefined;
  uris: string[] | undefined;
  routeServiceUrl: string;
  serverCertDomainSan: string;
  sniRoutableSan: string;
  sniRewriteSan: string;
  terminateFrontendTls: boolean;
  enableBackendTls: boolean;
  alpns: string[];
  routerGroup: string;
  externalPort: number | undefined;
  registrationInterval: string;
  healthCheck: HealthCheckDocument | undefined;
  options: { loadbalancing: string } | undefined;
}

export interface HealthCheckDocument {
  name: string;
  scriptPath: string;
  timeout: string;
}
