/** Kinds of register messages: `plain` has host, port, one uri and an application id, `full` is what Diego sends. */
export type MessageKind = "plain" | "half" | "full";

function guid(number: number): string {
  return `${number.toString(16).padStart(8, "0")}-1c9b-4f6e-9a51-0123456789ab`;
}

/** Tags as Diego sends them. */
function tags(number: number): Record<string, string> {
  const app = guid(number);
  return {
    app_id: app,
    app_name: `app-${number}`,
    component: "route-emitter",
    instance_id: "0",
    organization_id: guid(number % 100),
    organization_name: `org-${number % 100}`,
    process_id: app,
    process_instance_id: guid(number + 1_000_000),
    process_type: "web",
    source_id: app,
    space_id: guid(number % 1000),
    space_name: `space-${number % 1000}`,
  };
}

/** Host of route `number`. */
export function hostOf(number: number): string {
  return `app-${number}.apps.example.com`;
}

/**
 * Message of route `number`, of 130 (`plain`), 500 (`half`: with TLS and a few tags) or 880 bytes (`full`: with twelve).
 * `staleSeconds`: when the route expires; 0: as the router's configuration says.
 */
export function registerMessage(kind: MessageKind, number: number, staleSeconds = 0): string {
  const host = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  const route = { host, uris: [hostOf(number)], app: guid(number) };
  const stale = staleSeconds > 0 ? { stale_threshold_in_seconds: staleSeconds } : {};
  if (kind === "plain") return JSON.stringify({ ...route, port: 8080, ...stale });
  const { component, organization_name, source_id, space_name } = tags(number);
  return JSON.stringify({
    ...route,
    port: 61_000,
    tls_port: 61_001,
    private_instance_id: guid(number + 1_000_000),
    private_instance_index: "0",
    server_cert_domain_san: guid(number + 1_000_000),
    isolation_segment: "",
    availability_zone: "z1",
    endpoint_updated_at_ns: 1_760_000_000_000_000_000 + number,
    tags: kind === "full" ? tags(number) : { component, organization_name, source_id, space_name },
  });
}

/** Messages of routes `first` to `first + count - 1`. */
export function messagesOf(kind: MessageKind, count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, number) => registerMessage(kind, first + number));
}
