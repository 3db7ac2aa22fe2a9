import * as v from "valibot";
import { buckets, choice, duration, flag, integer, pem, text, texts } from "./field.ts";

/**
 * The configuration: every key of control-plane §1.2 and of §9, and our own (architecture §6). This schema is the one
 * source of types, defaults ("Binary" column), job defaults (`job` notes), the decoder, and docs/configuration.md.
 * Keys are spelled as in gorouter.yml; durations are milliseconds once decoded.
 */

const section = <T extends v.ObjectEntries>(entries: T) => v.optional(v.object(entries), () => ({}) as never);
const list = <T extends v.ObjectEntries>(entries: T, description: string) =>
  v.optional(v.pipe(v.array(v.object(entries)), v.description(description)), () => []);

const keyPair = {
  cert_chain: pem("Certificate chain, leaf first."),
  private_key: pem("Private key of the leaf certificate."),
};

const status = section({
  host: text("0.0.0.0", "Address of the deprecated varz component only; health listeners bind every address."),
  port: integer("uint16", 8080, "Plain health listener (`/health`)."),
  enable_nontls_health_checks: flag(true, "False: nothing listens on `status.port`."),
  enable_deprecated_varz_healthz_endpoints: flag(false, "Serve `/varz` and `/healthz` on `status.port`."),
  tls: section({
    port: integer("uint16", 8443, "TLS health listener; it exists only with a certificate."),
    certificate: pem("Certificate chain of the TLS health listener."),
    key: pem("Private key of the TLS health listener."),
  }),
  user: text("", "Basic-auth user of `/routes` and `/varz`.", { job: "router-status" }),
  pass: text("", "Basic-auth password of `/routes` and `/varz`."),
  routes: section({ port: integer("uint16", 8082, "`/routes` listener on 127.0.0.1.") }),
});

const natsHost = {
  hostname: text("", "Name or address of a NATS server."),
  port: integer("uint16", 0, "Its port."),
};

const nats = section({
  hosts: v.optional(v.pipe(v.array(v.object(natsHost)), v.description("NATS servers reached over TCP.")), () => [
    { hostname: "localhost", port: 4222 },
  ]),
  user: text("", "User for every server."),
  pass: text("", "Password for every server."),
  tls_enabled: flag(false, "Use TLS with a client certificate when the server demands TLS."),
  ca_certs: pem("Only trust anchors for the NATS servers."),
  cert_chain: pem("Client certificate chain."),
  private_key: pem("Client private key."),
  servers: texts([], "Servers as URLs (`ws://`, `wss://`, `nats://`, `tls://`); when given, `nats.hosts` is not used."),
  embedded: flag(false, "Run a small NATS server inside the router, on loopback.", { job: true }),
  embedded_port: integer("uint16", 4222, "TCP port of the embedded server on 127.0.0.1; 0 picks a free one."),
  embedded_websocket_port: integer("uint16", 4223, "WebSocket port of the embedded server on 127.0.0.1."),
  embedded_origins: texts([], "Values of `Origin` that may open a WebSocket to the embedded server."),
});

const logging = section({
  level: text("debug", "`debug`, `info`, `warn`, `error`; `dpanic`, `panic`, `fatal` write nothing.", { job: "info" }),
  format: section({
    timestamp: text("unix-epoch", "`rfc3339` for text; anything else means seconds since the epoch.", {
      job: "rfc3339",
    }),
  }),
  syslog: text("", "Prefix of log sources and APP-NAME of the access-log stream.", { job: "vcap.gorouter" }),
  syslog_addr: text("127.0.0.1:514", "Syslog server of the access log.", { job: "localhost:514" }),
  syslog_network: text(
    "udp",
    "`udp` or `tcp`, with an optional 4 or 6; `unix`: a stream socket, `syslog_addr` is its path.",
  ),
  syslog_truncate: integer("int", 0, "Largest size in bytes of an access-log message to syslog; 0: no limit."),
  loggregator_enabled: flag(false, "Send the access log to loggregator."),
  metron_address: text("localhost:3457", "UDP destination of envelope-v1 metrics and logs."),
  disable_log_forwarded_for: flag(false, 'Access log writes `"-"` for `x_forwarded_for`.'),
  disable_log_source_ip: flag(false, 'Access log writes `"-"` for the remote address.'),
  redact_query_params: choice(["none", "all", "hash"], "none", "How the access log treats query strings."),
  extra_access_log_fields: texts(
    [],
    "Any of `backend_time dial_time dns_time failed_attempts failed_attempts_time local_address tls_time`.",
  ),
});

const routeServices = section({
  max_attempts: integer("int", 0, "Attempts per request to a route service; less than 1 acts as 1.", { job: 3 }),
  strict_signature_validation: flag(false, "Refuse invalid signatures on routes without route service, too."),
  ...keyPair,
  enable_websockets: flag(false, "Let WebSocket requests pass a route service.", { job: true }),
  without_endpoints: flag(false, "Ask the route service of a route that has no endpoint at the moment, too."),
  egress_block: texts(
    [],
    "Addresses that no service outside may have: `private`, `link-local`, `loopback`, an IP or a CIDR range.",
  ),
  egress_allow: texts(
    [],
    "Addresses that are allowed all the same; `169.254.169.254` and `fd00:ec2::254` need it always.",
  ),
});

const subject = {
  common_name: text("", "CN."),
  serial_number: text("", "Serial number."),
  country: texts([], "C."),
  organization: texts([], "O."),
  organizational_unit: texts([], "OU."),
  locality: texts([], "L."),
  province: texts([], "ST."),
  street_address: texts([], "Street."),
  postal_code: texts([], "Postal code."),
};

const meters = section({
  route_lookup_time_histogram_buckets: buckets(
    [10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000, 80_000, 90_000, 100_000],
    "Buckets of `route_lookup_time` in nanoseconds.",
  ),
  gorouter_time_histogram_buckets: buckets(
    [1, 2, 4, 6, 8, 10, 20, 40, 50, 100, 500, 1000],
    "Buckets of `gorouter_time` in seconds.",
  ),
  route_registration_latency_histogram_buckets: buckets(
    [0.1, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4],
    "Buckets of `route_registration_latency` in milliseconds.",
  ),
  routing_response_latency_histogram_buckets: buckets(
    [1, 2, 4, 6, 8, 10, 20, 40, 50, 100, 500, 1000],
    "Buckets of `latency` in milliseconds.",
  ),
  http_latency_histogram_buckets: buckets(
    [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6],
    "Buckets of `http_latency_seconds`.",
  ),
});

/** Certificate policies of `client_cert_validation`; the empty one only stands while `enable_ssl` is off. */
const clientCertValidation = ["", "none", "request", "require"] as const;

export const ConfigSchema = v.object({
  // Listening, identity, process
  port: integer("uint16", 8081, "Plain HTTP listener on every address; 0 picks a free port."),
  listen_host: text("", "Address of the main ports and the health listener; empty: every address.", {
    job: "127.0.0.1",
  }),
  disable_http: flag(false, "No plain HTTP listener; needs `enable_ssl`."),
  enable_ssl: flag(false, "TLS listener."),
  ssl_port: integer("uint16", 443, "TLS listener port."),
  enable_http2: flag(true, "HTTP/2 on the TLS listeners and to backends registered with `protocol: http2`."),
  enable_h2c: flag(
    false,
    "With `enable_http2`: HTTP/2 without TLS (prior knowledge) on the plain port, and to plain `protocol: http2` backends.",
  ),
  enable_http1_concurrent_read_write: flag(false, "Full duplex for HTTP/1 requests."),
  enable_proxy: flag(false, "PROXY protocol, version 1 or 2, on the main listeners; the header may be absent."),
  proxy_protocol: section({
    trusted: texts([], "IP addresses and ranges whose PROXY headers count; empty: all."),
  }),
  index: integer("uint", 0, "Number of this router among its siblings."),
  zone: text("", "Own availability zone, for `balancing_algorithm_az_preference: locally-optimistic`."),
  go_max_procs: integer("int", -1, "Cores to use with `workers: auto`; -1: all."),
  workers: v.optional(
    v.pipe(
      v.union([v.pipe(v.number(), v.integer(), v.minValue(1)), v.literal("auto")]),
      v.description("Processes that serve requests; `auto` follows `go_max_procs`."),
      v.metadata({ type: "workers" }),
    ),
    1,
  ),
  listener: choice(["wire", "native"], "wire", "`wire`: our own HTTP/1.1 on sockets; `native`: the runtime's server."),
  debug_addr: text("", "`host:port` of the debug server; empty: none."),
  pid_file: text("", "Accepted and never used; no pid file is written."),
  trace_key: text("", "Value of `X-Vcap-Trace` that adds debugging headers to the response.", { job: "22" }),
  secure_cookies: flag(false, "Add `Secure` to the sticky-session cookie."),
  status,
  nats,
  nats_client_ping_interval: duration("20s", "NATS PING interval."),
  logging,
  access_log: section({
    file: text("", "Access log file; empty: none.", { holds: "path" }),
    stdout: flag(false, "Write the access log to standard output."),
    enable_streaming: flag(false, "Write the access log to syslog."),
    format: choice(["text", "json"], "text", "`json`: one object per line."),
    log_aborted: flag(false, "Log requests, too, whose response was cut midway, or that ended in a panic."),
  }),
  tracing: section({
    enable_zipkin: flag(false, "B3 headers."),
    enable_w3c: flag(false, "`traceparent` and `tracestate`."),
    w3c_tenant_id: text("", "Prefix of the `tracestate` key: `tenant@gorouter`."),
  }),
  extra_headers_to_log: texts([], "Request headers appended to access log lines."),

  // Client TLS
  tls_pem: list(
    {
      ...keyPair,
      cert_chain_file: text("", "File with the chain, in place of `cert_chain`; a change is taken within 2 s.", {
        holds: "path",
      }),
      private_key_file: text("", "File with the key, in place of `private_key`.", { holds: "path" }),
    },
    "Certificates, chosen by server name; the first is the fallback.",
  ),
  cipher_suites: text("", "Suites for TLS up to 1.2, joined by `:`; needed with `enable_ssl`.", {
    job: "ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  }),
  min_tls_version: choice(["", "TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"], "", "Lowest TLS version; empty: TLSv1.2.", {
    job: "TLSv1.2",
  }),
  max_tls_version: choice(["", "TLSv1.2", "TLSv1.3"], "", "Highest TLS version; empty: TLSv1.2.", { job: "TLSv1.2" }),
  client_cert_validation: choice(
    clientCertValidation,
    "",
    "`none`: do not ask; `request`: verify when given; `require`. Must be set with `enable_ssl`.",
    { job: "request" },
  ),
  client_ca_certs: pem("Authorities that client certificates are verified against."),
  only_trust_client_ca_certs: flag(false, "Do not trust the system's authorities for client certificates."),
  enable_verify_client_certificate_metadata: flag(false, "Apply `verify_client_certificate_metadata`."),
  verify_client_certificate_metadata: list(
    {
      issuer_in_chain: section(subject),
      valid_cert_subjects: list(subject, "Subjects that are let in."),
    },
    "For each certificate authority, the subjects of client certificates that are let in.",
  ),
  tls_handshake_timeout: duration("10s", "TLS handshake to backends."),
  ca_certs: texts([], "PEM texts added to the system's authorities for backends and route services."),
  skip_ssl_validation: flag(false, "Do not verify the certificates of route services."),
  domains: list(
    {
      domain: text("", "Server name, exact or `*.domain`."),
      ca_certs: pem("Authorities for client certificates on this domain."),
      forwarded_client_cert: choice(
        ["always_forward", "forward", "sanitize_set"],
        "sanitize_set",
        "`X-Forwarded-Client-Cert` on this domain.",
      ),
      xfcc_format: choice(["raw", "envoy"], "raw", "Form of the header's value."),
    },
    "Client-certificate policy by server name.",
  ),

  // Headers and forwarding
  forwarded_client_cert: choice(
    ["always_forward", "forward", "sanitize_set"],
    "always_forward",
    "What happens to `X-Forwarded-Client-Cert`.",
  ),
  xfcc_format: choice(
    ["raw", "envoy"],
    "raw",
    'Value that `sanitize_set` sets: the certificate in base64, or `Hash=…;Subject="…"` as Envoy writes it.',
  ),
  force_forwarded_proto_https: flag(false, "`X-Forwarded-Proto: https` always."),
  sanitize_forwarded_proto: flag(false, "Overwrite `X-Forwarded-Proto` with the actual scheme."),
  hop_by_hop_headers_to_filter: texts([], "Names removed from a request's `Connection` header.", [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "B3",
    "X-B3",
    "X-B3-SpanID",
    "X-B3-TraceID",
    "X-Request-Start",
    "X-Forwarded-Client-Cert",
  ]),
  http_rewrite: section({
    responses: section({
      add_headers_if_not_present: list(
        { name: text("", "Header name."), value: text("", "Header value.") },
        "Headers added to responses that lack them.",
      ),
      remove_headers: list({ name: text("", "Header name.") }, "Headers removed from responses."),
    }),
  }),
  html_error_template_file: text("", "Template of HTML error pages.", { holds: "path" }),
  max_request_header_bytes: integer("int", 0, "Largest request head; 0 and more than 1048576 mean 1048576."),
  max_response_header_bytes: integer("int", 0, "Largest response head of a backend; 0: 10 MiB."),
  max_request_headers: integer("int", 0, "Most header lines of a request; 0: no limit."),
  max_response_headers: integer("int", 0, "Most header lines of a response; 0: no limit."),

  connect: section({
    enabled: flag(false, "CONNECT to one of `connect.routes` opens a tunnel to an endpoint of the route."),
    routes: texts([], "Hosts for which that holds: a host or `*.domain`, without port; no others."),
  }),

  // Backends, balancing, sessions
  backends: section({
    max_conns: integer("int64", 0, "Requests in flight per endpoint; 0: no limit.", { job: 500 }),
    max_attempts: integer("int", 0, "Attempts per request; less than 1 acts as 1.", { job: 3 }),
    ...keyPair,
  }),
  endpoint_timeout: duration("60s", "Whole backend round trip; 0 or less: none.", "900s"),
  http_1_endpoint_timeout: duration("0s", "`endpoint_timeout` for HTTP/1 backends, when not 0."),
  http_2_endpoint_timeout: duration("0s", "`endpoint_timeout` for HTTP/2 backends, when not 0."),
  endpoint_dial_timeout: duration("5s", "TCP connect to a backend."),
  websocket_dial_timeout: duration("0s", "The same for upgrades; 0: `endpoint_dial_timeout`."),
  endpoint_keep_alive_probe_interval: duration(
    "1s",
    "TCP keep-alive probes to backends, in whole seconds; 0: every 15 s, negative: none.",
  ),
  disable_keep_alives: flag(true, "Do not reuse connections to backends.", { job: false }),
  max_idle_conns: integer("int", 100, "Idle connections over all backends; 0: no limit, negative: none."),
  max_idle_conns_per_host: integer("int", 2, "Idle connections per backend; 0: 2, negative: none.", { job: 100 }),
  keep_alive_100_continue_requests: flag(false, "Reuse connections of requests with `Expect: 100-continue`."),
  balancing_algorithm: choice(["round-robin", "least-connection"], "round-robin", "Default of new pools."),
  balancing_algorithm_az_preference: choice(
    ["none", "locally-optimistic"],
    "none",
    "`locally-optimistic`: the first attempt prefers endpoints of the own zone.",
  ),
  sticky_session_cookie_names: texts(["JSESSIONID"], "Response cookies that make a session sticky."),
  sticky_sessions_for_auth_negotiate: flag(false, "Make `Authorization: Negotiate` sessions sticky."),
  sticky_session_meta_cookie: flag(
    false,
    "Keep attributes of sticky cookies, a positive Max-Age too, in `__VCAP_ID_META__`; know `__Host-` names.",
  ),
  empty_pool_response_code_503: flag(false, "503 instead of 404 for a route that lost its endpoints.", { job: true }),
  empty_pool_timeout: duration("0s", "How long such a route is kept."),

  // Route services
  route_services_secret: text("", "Secret of signatures; empty: route services are off."),
  route_services_secret_decrypt_only: text("", "Previous secret, for verifying only."),
  route_services_timeout: duration("60s", "How long a signature is valid."),
  route_services_recommend_https: flag(false, "`https` in the forwarded URL.", { job: true }),
  route_services_hairpinning: flag(false, "Look route services up in the own table first."),
  route_services_hairpinning_allowlist: texts([], "Hosts for which that holds: `name.domain` or `*.domain`."),
  route_services_internal_server_port: integer(
    "uint16",
    7070,
    "TLS listener on 127.0.0.1 for internal route services.",
  ),
  route_services: routeServices,

  // Registry, timing, draining
  prune_stale_droplets_interval: duration("30s", "Prune cycle; 0 or less: never."),
  droplet_stale_threshold: duration("120s", "Default and longest life of a registration."),
  start_response_delay_interval: duration("5s", "Sleep before the main ports open.", "0s"),
  suspend_pruning_if_nats_unavailable: flag(false, "Do not prune while NATS is away.", { job: true }),
  publish_active_apps_interval: duration("0s", "Period of `router.active_apps`; 0: off."),
  publish_start_message_interval: duration("30s", "Accepted and never used."),
  load_balancer_healthy_threshold: duration("0s", "Checked to be no less than 0, never used.", "20s"),
  healthcheck_user_agent: text("HTTP-Monitor/1.1", "`User-Agent` of health checks on the main ports."),
  healthcheck_poll_interval: duration("10s", "Accepted and never used."),
  healthcheck_timeout: duration("5s", "Accepted and never used."),
  drain_wait: duration("0s", "From the drain signal to closing the listeners.", "20s"),
  drain_timeout: duration("0s", "Longest drain after that; 0: `endpoint_timeout`.", "900s"),
  websocket_close_on_drain: flag(true, "Draining sends a close frame (1001) to open WebSockets, over `drain_wait`."),
  frontend_idle_timeout: duration("900s", "Idle keep-alive time of client connections."),
  read_header_timeout: duration("0s", "Longest time for a request head; 0: none."),
  route_latency_metric_muzzle_duration: duration("20s", "Registration latency is not measured before.", "30s"),
  isolation_segments: texts([], "Isolation segments served here."),
  routing_table_sharding_mode: choice(
    ["all", "segments", "shared-and-segments"],
    "all",
    "Which registrations are taken.",
  ),

  // Routing API and UAA
  routing_api: section({
    uri: text("", "Routing API, scheme included and without port; the feature is on with both."),
    port: integer("int", 0, "Its port."),
    auth_disabled: flag(false, "Send no token."),
    optional: flag(false, "Ours: start without the Routing API and UAA where they are not there, and keep trying."),
    embedded: flag(
      false,
      "Ours: a Routing API inside the router, for programs of this machine, without tokens. Without a `nats` section there is no NATS then.",
    ),
    embedded_port: integer("uint16", 3000, "Its port on 127.0.0.1; 0 picks a free one."),
    embedded_file: text(
      "",
      "SQLite file of its routes, which outlive the process; empty: that of `causeway routing-api`, `routing-api.sqlite` in the working directory.",
      { holds: "path" },
    ),
    embedded_max_ttl: duration("8760h", "Longest life of a route without renewal, and that of one that names none."),
    embedded_config: text(
      "",
      "Configuration file of `causeway routing-api` for it (listeners, tokens, TLS, databases); the three keys above do nothing then.",
      { holds: "path" },
    ),
    ca_certs: pem("Trust anchors for the Routing API."),
    ...keyPair,
  }),
  oauth: section({
    token_endpoint: text("", "Host of UAA."),
    port: integer("uint16", 0, "Its TLS port."),
    skip_ssl_validation: flag(false, "Do not verify UAA's certificate."),
    client_name: text("", "OAuth client."),
    client_secret: text("", "Its secret."),
    ca_certs: text("", "File with trust anchors for UAA.", { holds: "path" }),
  }),
  token_fetcher_max_retries: integer("uint32", 3, "Attempts to get a token after the first."),
  token_fetcher_retry_interval: duration("5s", "Time between them."),
  token_fetcher_expiration_buffer_time: integer("int64", 30, "Seconds before its end that a token is renewed."),

  // Metrics
  prometheus: section({
    enabled: flag(false, "Prometheus endpoint."),
    port: integer("uint16", 0, "Its port; 0 picks a free one."),
    cert_path: text("", "Certificate file; with it, TLS and client certificates.", { holds: "path" }),
    key_path: text("", "Private key file.", { holds: "path" }),
    ca_path: text("", "Trust anchors for its clients.", { holds: "path" }),
    meters,
  }),
  per_request_metrics_reporting: flag(true, "Report `latency`, `gorouter_time` and `route_lookup_time`."),
  per_app_prometheus_http_metrics_reporting: flag(false, "Report `http_latency_seconds` per app."),
  enable_envelope_v1_metrics: flag(true, "Emit envelope-v1 metrics to `logging.metron_address`.", { job: false }),
  send_http_start_stop_server_event: flag(true, "HttpStartStop envelopes, server side."),
  send_http_start_stop_client_event: flag(true, "HttpStartStop envelopes, client side."),
});

/** A complete configuration; durations in milliseconds. */
export type Config = v.InferOutput<typeof ConfigSchema>;
