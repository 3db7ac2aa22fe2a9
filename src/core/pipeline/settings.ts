import type { Config } from "../config/schema.ts";

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
    | "force_forwarded_proto_https"
    | "sanitize_forwarded_proto"
    | "hop_by_hop_headers_to_filter"
    | "http_rewrite"
    | "max_request_header_bytes"
    | "max_request_headers"
    | "max_response_headers"
    | "endpoint_timeout"
    | "sticky_session_cookie_names"
    | "sticky_sessions_for_auth_negotiate"
    | "empty_pool_response_code_503"
    | "healthcheck_user_agent"
    | "per_request_metrics_reporting"
    | "per_app_prometheus_http_metrics_reporting"
  > {
  readonly backends: Pick<Config["backends"], "max_attempts">;
  readonly logging: Pick<
    Config["logging"],
    "disable_log_forwarded_for" | "disable_log_source_ip" | "redact_query_params" | "extra_access_log_fields"
  >;
}

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
  readonly name: string;
  /** What stands before the value: ` name:"`. */
  readonly prefix: string;
}

const largestRequestHead = 1_048_576;
const b3Headers = ["X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "b3"];
const w3cHeaders = ["traceparent", "tracestate"];

/** The settings in the form that requests use: everything that can be worked out once is. */
export class CompiledSettings {
  readonly source: RouterSettings;
  readonly maxAttempts: number;
  /** Size at which a request is refused. */
  readonly maxRequestBytes: number;
  /** Milliseconds; 0: none. */
  readonly endpointTimeout: number;
  /** Lower-case names that a `Connection` header may not name. */
  readonly hopByHopFilter: ReadonlySet<string>;
  readonly stickyCookies: ReadonlySet<string>;
  readonly removedResponseHeaders: readonly string[];
  readonly addedResponseHeaders: readonly { readonly name: string; readonly value: string }[];
  readonly extraFields: readonly ExtraField[];
  readonly loggedHeaders: readonly LoggedHeader[];

  constructor(settings: RouterSettings) {
    this.source = settings;
    this.maxAttempts = Math.max(settings.backends.max_attempts, 1);
    const limit = settings.max_request_header_bytes;
    this.maxRequestBytes = limit < 1 ? largestRequestHead : Math.min(limit, largestRequestHead);
    this.endpointTimeout = Math.max(settings.endpoint_timeout, 0);
    this.hopByHopFilter = new Set(settings.hop_by_hop_headers_to_filter.map((name) => name.toLowerCase()));
    this.stickyCookies = new Set(settings.sticky_session_cookie_names);
    const responses = settings.http_rewrite.responses;
    this.removedResponseHeaders = [...responses.remove_headers.map((header) => header.name), "X-Cf-Proxy-Signature"];
    // A Content-Type never takes effect (data-plane §1.4.9).
    this.addedResponseHeaders = responses.add_headers_if_not_present.filter(
      (header) => header.name.toLowerCase() !== "content-type",
    );
    const wanted = new Set(settings.logging.extra_access_log_fields);
    this.extraFields = [...wanted].filter((name): name is ExtraField =>
      (extraFields as readonly string[]).includes(name),
    );
    this.loggedHeaders = loggedHeaders(settings);
  }
}

function loggedHeaders(settings: RouterSettings): LoggedHeader[] {
  const names = new Set(settings.extra_headers_to_log);
  if (settings.tracing.enable_zipkin) for (const name of b3Headers) names.add(name);
  if (settings.tracing.enable_w3c) for (const name of w3cHeaders) names.add(name);
  return [...names].map((name) => ({ name, prefix: ` ${name.toLowerCase().replaceAll("-", "_")}:"` }));
}
