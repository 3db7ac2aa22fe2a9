import type { DocumentNode } from "../../core/config/document.ts";
import { nearestName } from "../../core/config/nearest-name.ts";
import { Decoder, type Member, type Members } from "./decoder.ts";
import type {
  ConfigDocument,
  HealthCheckDocument,
  MessageBusServer,
  NatsTlsFiles,
  RouteDocument,
  RoutingApiDocument,
  StatusDocument,
} from "./document.ts";

/** Names of the members of `T` that hold a `V`. */
type Holding<T, V> = { [K in keyof T]-?: [V, T[K]] extends [T[K], V | undefined] ? K : never }[keyof T];

function text<T>(name: Holding<T, string>): Member<T> {
  return (decoder, node, target, path) => {
    (target as Record<PropertyKey, unknown>)[name] = decoder.text(node, path);
  };
}

function flag<T>(name: Holding<T, boolean>): Member<T> {
  return (decoder, node, target, path) => {
    (target as Record<PropertyKey, unknown>)[name] = decoder.flag(node, path);
  };
}

function integer<T>(name: Holding<T, number>, type: "uint16" | "int"): Member<T> {
  return (decoder, node, target, path) => {
    (target as Record<PropertyKey, unknown>)[name] = decoder.integer(node, path, type);
  };
}

function texts<T>(name: Holding<T, string[]>): Member<T> {
  return (decoder, node, target, path) => {
    (target as Record<PropertyKey, unknown>)[name] = decoder.texts(node, path);
  };
}

const serverMembers: Members<MessageBusServer> = {
  type: "MessageBusServerSchema",
  members: { host: text("host"), user: text("user"), password: text("password") },
};

const natsTlsMembers: Members<NatsTlsFiles> = {
  type: "ClientTLSConfigSchema",
  members: {
    enabled: flag("enabled"),
    cert_path: text("certPath"),
    key_path: text("keyPath"),
    ca_path: text("caPath"),
  },
};

const routingApiMembers: Members<RoutingApiDocument> = {
  type: "RoutingAPISchema",
  members: {
    api_url: text("apiUrl"),
    oauth_url: text("oauthUrl"),
    client_id: text("clientId"),
    client_secret: text("clientSecret"),
    ca_certs: text("caCerts"),
    skip_ssl_validation: flag("skipSslValidation"),
    client_cert_path: text("clientCertPath"),
    client_private_key_path: text("clientPrivateKeyPath"),
    server_ca_cert_path: text("serverCaCertPath"),
    max_ttl: text("maxTtl"),
  },
};

const statusMembers: Members<StatusDocument> = {
  type: "StatusSchema",
  members: { host: text("host"), port: integer("port", "uint16") },
};

const healthCheckMembers: Members<HealthCheckDocument> = {
  type: "HealthCheckSchema",
  members: { name: text("name"), script_path: text("scriptPath"), timeout: text("timeout") },
};

const optionsMembers: Members<{ loadbalancing: string }> = {
  type: "Options",
  members: { loadbalancing: text("loadbalancing") },
};

/** Keys that the BOSH job leaves in the file although they are its own (route-registrar §14). */
const jobOnly: Member<RouteDocument> = () => {};

const routeMembers: Members<RouteDocument> = {
  type: "RouteSchema",
  members: {
    type: text("type"),
    name: text("name"),
    host: text("host"),
    port: integer("port", "uint16"),
    tls_port: integer("tlsPort", "uint16"),
    sni_port: integer("sniPort", "uint16"),
    protocol: text("protocol"),
    tags(decoder, node, target, path) {
      target.tags = decoder.textMap(node, path);
    },
    uris: texts("uris"),
    route_service_url: text("routeServiceUrl"),
    server_cert_domain_san: text("serverCertDomainSan"),
    sni_routable_san: text("sniRoutableSan"),
    sni_rewrite_san: text("sniRewriteSan"),
    terminate_frontend_tls: flag("terminateFrontendTls"),
    enable_backend_tls: flag("enableBackendTls"),
    alpns: texts("alpns"),
    router_group: text("routerGroup"),
    external_port: integer("externalPort", "uint16"),
    registration_interval: text("registrationInterval"),
    health_check(decoder, node, target, path) {
      target.healthCheck = { name: "", scriptPath: "", timeout: "" };
      decoder.object(node, healthCheckMembers, target.healthCheck, path);
    },
    options(decoder, node, target, path) {
      target.options = { loadbalancing: "" };
      decoder.object(node, optionsMembers, target.options, path);
    },
    prepend_instance_index: jobOnly,
    server_cert_domain_name_modifier: jobOnly,
  },
};

function emptyRoute(): RouteDocument {
  return {
    type: "",
    name: "",
    host: "",
    port: undefined,
    tlsPort: undefined,
    sniPort: undefined,
    protocol: "",
    tags: undefined,
    uris: undefined,
    routeServiceUrl: "",
    serverCertDomainSan: "",
    sniRoutableSan: "",
    sniRewriteSan: "",
    terminateFrontendTls: false,
    enableBackendTls: false,
    alpns: [],
    routerGroup: "",
    externalPort: undefined,
    registrationInterval: "",
    healthCheck: undefined,
    options: undefined,
  };
}

const routes: Member<{ routes: RouteDocument[] }> = (decoder, node, target, path) => {
  target.routes = decoder.list(node, path, "config.RouteSchema", (item) => {
    const route = emptyRoute();
    decoder.object(item, routeMembers, route, path);
    return route;
  });
};

const configMembers: Members<ConfigDocument> = {
  type: "ConfigSchema",
  members: {
    message_bus_servers(decoder, node, target, path) {
      target.messageBusServers = decoder.list(node, path, "config.MessageBusServerSchema", (item) => {
        const server = { host: "", user: "", password: "" };
        decoder.object(item, serverMembers, server, path);
        return server;
      });
    },
    host: text("host"),
    availability_zone: text("availabilityZone"),
    routes,
    dynamic_config_globs: texts("dynamicConfigGlobs"),
    unregistration_message_limit: integer("unregistrationMessageLimit", "int"),
    nats_mtls_config(decoder, node, target, path) {
      decoder.object(node, natsTlsMembers, target.natsTls, path);
    },
    routing_api(decoder, node, target, path) {
      target.routingApi = {
        apiUrl: "",
        oauthUrl: "",
        clientId: "",
        clientSecret: "",
        caCerts: "",
        skipSslValidation: false,
        clientCertPath: "",
        clientPrivateKeyPath: "",
        serverCaCertPath: "",
        maxTtl: "",
      };
      decoder.object(node, routingApiMembers, target.routingApi, path);
    },
    status(decoder, node, target, path) {
      target.status = { host: "127.0.0.1", port: undefined };
      decoder.object(node, statusMembers, target.status, path);
    },
  },
};

/** What a document holds, and a sentence for each key that nobody knows. */
export interface Decoded<T> {
  readonly value: T;
  readonly warnings: readonly string[];
}

function decoded<T>(decoder: Decoder, value: T): Decoded<T> {
  decoder.finish();
  const warnings = decoder.unknown.map(({ path, key, known }) => {
    const nearest = nearestName(key, known);
    return `unknown key "${path}" is ignored${nearest === undefined ? "" : `; did you mean "${nearest}"?`}`;
  });
  return { value, warnings };
}

/** Decodes the configuration file. @throws DecodeError */
export function decodeConfig(format: "json" | "yaml", node: DocumentNode | undefined): Decoded<ConfigDocument> {
  const decoder = new Decoder(format);
  const config: ConfigDocument = {
    messageBusServers: [],
    host: "",
    availabilityZone: "",
    routes: [],
    dynamicConfigGlobs: [],
    unregistrationMessageLimit: undefined,
    natsTls: { enabled: false, certPath: "", keyPath: "", caPath: "" },
    routingApi: undefined,
    status: undefined,
  };
  if (node !== undefined) decoder.object(node, configMembers, config, "");
  return decoded(decoder, config);
}

/** Decodes a dynamic configuration file: the top-level key `routes` (route-registrar §12). @throws DecodeError */
export function decodeRoutesFile(node: DocumentNode | undefined): Decoded<RouteDocument[]> {
  const decoder = new Decoder("yaml");
  const file = { routes: [] as RouteDocument[] };
  if (node !== undefined) decoder.object(node, { type: "RoutesFile", members: { routes } }, file, "");
  return decoded(decoder, file.routes);
}
