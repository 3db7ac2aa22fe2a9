import type { Config } from "../config/schema.ts";
import { fieldValue } from "../forwarding/endpoint-headers.ts";
import { HostPatterns } from "../routing/host-patterns.ts";

/** What the request path needs of the configuration, under the keys of gorouter.yml; durations in milliseconds. */
export interface RouterSettings
  extends Pick<
    Config,
    | "enable_http2"
    | "trace_key"
    | "secure_cookies"
    | "tracing"
    | "extra_headers_to_log"
    | "forwarded_client_cert"
    | "xfcc_format"
    | "force_forwarded_proto_https"
    | "sanitize_forwarded_proto"
    | "hop_by_hop_headers_to_filter"
    | "http_rewrite"
    | "max_request_header_bytes"
    | "max_request_headers"
    | "max_response_headers"
    | "endpoint_timeout"
    | "http_1_endpoint_timeout"
    | "http_2_endpoint_timeout"
    | "keep_alive_100_continue_requests"
    | "connect"
    | "sticky_session_cookie_names"
    | "sticky_sessions_for_auth_negotiate"
    | "sticky_session_meta_cookie"
    | "empty_pool_response_code_503"
    | "healthcheck_user_agent"
    | "per_request_metrics_reporting"
    | "per_app_prometheus_http_metrics_reporting"
    | "route_services_secret"
    | "route_services_secret_decrypt_only"
    | "route_services_timeout"
    | "route_services_recommend_https"
    | "route_services_hairpinning"
    | "route_services_hairpinning_allowlist"
  > {
  readonly backends: Pick<Config["backends"], "max_attempts">;
  readonly route_services: Pick<
    Config["route_services"],
    "max_attempts" | "strict_signature_validation" | "enable_websockets" | "without_endpoints"
  >;
  readonly access_log: Pick<Config["access_log"], "format" | "log_aborted">;
  readonly logging: Pick<
    Config["logging"],
    "disable_log_forwarded_for" | "disable_log_source_ip" | "redact_query_params" | "extra_access_log_fields"
  >;
}

/** Field names (RFC 9110 §5.6.2). */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A configured field name as lines of the router's own are spelled: `x-xss-protection` is `X-Xss-Protection` (data-plane §5.2). */
const spelled = (name: string): string => name.toLowerCase().replace(/(^|-)[a-z]/g, (initial) => initial.toUpperCase());

/** Fields that `logging.extra_access_log_fields` knows (data-plane §9.3). */
const extraFields = [
  "backend_time",
  "dial_time",
  "dns_time",
  "failed_attempts",
  "failed_attempts_time",
  "local_address",
  "tls_time",
] as const;
export type ExtraField = (typeof extraFields)[number];

/** A header whose first value is appended to access log lines. */
interface LoggedHeader {
  /** Empty: never has a value. */
  readonly name: string;
  /** What stands before the value: ` name:"`. */
  readonly prefix: string;
  /** The name as lines print it: lower case, `_` for `-`. */
  readonly field: string;
}

/** Bound of `max_request_header_bytes`: larger values act like it (data-plane §1.4.12). */
export const largestRequestHead = 1_048_576;
const b3Headers = ["X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "b3"];
const w3cHeaders = ["traceparent", "tracestate"];

/** The settings in the form that requests use: everything that can be worked out once is. */
export class CompiledSettings {
  readonly source: RouterSettings;
  readonly maxAttempts: number;
  /** Attempts per request to a route service. */
  readonly maxServiceAttempts: number;
  /** Of route services, milliseconds; 0: none. */
  readonly serviceTimeout: number;
  /** Signatures matter on routes without a route service, too. */
  readonly readsSignatures: boolean;
  /** Size at which a request is refused. */
  readonly maxRequestBytes: number;
  /** Of HTTP/1 backends, milliseconds; 0: none (data-plane §4.7, §12). */
  readonly endpointTimeout: number;
  /** The same of HTTP/2 backends. */
  readonly http2EndpointTimeout: number;
  /** Lower-case names that a `Connection` header may not name. */
  readonly hopByHopFilter: ReadonlySet<string>;
  /** Hosts to which CONNECT makes a tunnel. */
  readonly connectRoutes: HostPatterns;
  readonly stickyCookies: ReadonlySet<string>;
  readonly removedResponseHeaders: readonly string[];
  readonly addedResponseHeaders: readonly { readonly name: string; readonly value: string }[];
  readonly extraFields: readonly ExtraField[];
  readonly loggedHeaders: readonly LoggedHeader[];
  /** `access_log.format` is `json`. */
  readonly jsonAccessLog: boolean;

  constructor(settings: RouterSettings) {
    this.source = settings;
    this.maxAttempts = Math.max(settings.backends.max_attempts, 1);
    this.maxServiceAttempts = Math.max(settings.route_services.max_attempts, 1);
    this.serviceTimeout = Math.max(settings.endpoint_timeout, 0);
    this.readsSignatures = settings.route_services_secret !== "" || settings.route_services.strict_signature_validation;
    const limit = settings.max_request_header_bytes;
    this.maxRequestBytes = limit < 1 ? largestRequestHead : Math.min(limit, largestRequestHead);
    this.endpointTimeout = Math.max(settings.http_1_endpoint_timeout || settings.endpoint_timeout, 0);
    this.http2EndpointTimeout = Math.max(settings.http_2_endpoint_timeout || settings.endpoint_timeout, 0);
    this.hopByHopFilter = new Set(settings.hop_by_hop_headers_to_filter.map((name) => name.toLowerCase()));
    this.connectRoutes = new HostPatterns(settings.connect.routes);
    const names = settings.sticky_session_cookie_names;
    const hosted = settings.sticky_session_meta_cookie ? names.map((name) => `__Host-${name}`) : [];
    this.stickyCookies = new Set([...names, ...hosted]);
    const responses = settings.http_rewrite.responses;
    // A name that is no token is no field's name, and must not fail each response.
    const removed = responses.remove_headers.map(({ name }) => name).filter((name) => token.test(name));
    this.removedResponseHeaders = [...removed, "X-Cf-Proxy-Signature"];
    // A Content-Type never takes effect (data-plane §1.4.9).
    this.addedResponseHeaders = responses.add_headers_if_not_present
      .filter(({ name }) => token.test(name) && name.toLowerCase() !== "content-type")
      .map(({ name, value }) => ({ name: spelled(name), value: fieldValue(value) }));
    const wanted = new Set(settings.logging.extra_access_log_fields);
    this.extraFields = [...wanted].filter((name): name is ExtraField =>
      (extraFields as readonly string[]).includes(name),
    );
    this.loggedHeaders = loggedHeaders(settings);
    this.jsonAccessLog = settings.access_log.format === "json";
  }
}

/** What says where a message goes and how it is framed is no header any more when lines are written: always `"-"`. */
const notLogged = ["host", "transfer-encoding", "trailer"];

function loggedHeaders(settings: RouterSettings): LoggedHeader[] {
  const names = new Set(settings.extra_headers_to_log);
  if (settings.tracing.enable_zipkin) for (const name of b3Headers) names.add(name);
  if (settings.tracing.enable_w3c) for (const name of w3cHeaders) names.add(name);
  return [...names].map((name) => {
    const field = name.toLowerCase().replaceAll("-", "_");
    return { name: notLogged.includes(name.toLowerCase()) ? "" : name, field, prefix: ` ${field}:"` };
  });
}
