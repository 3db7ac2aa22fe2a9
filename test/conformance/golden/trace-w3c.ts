import { type GoldenCase, logLine, message, okToClient, toMain } from "./case.ts";

const section = "data-plane §1.4.5";
const plain = { tracing: { enable_w3c: true } };
const tenant = { tracing: { enable_w3c: true, w3c_tenant_id: "acme" } };
const both = { tracing: { enable_w3c: true, enable_zipkin: true } };

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const idOfTrace = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
const parent = "00f067aa0ba902b7";
const started = "GET / HTTP/1.1";
const valid = `00-${trace}-${parent}-01`;

/** A valid traceparent: same trace, new parent (the first placeholder that binds it is in `traceparent`). */
function continued(
  name: string,
  received: string,
  states: readonly string[],
  tracestate: string,
  more: { config?: typeof tenant; id?: string; trace?: string; flags?: string } = {},
): GoldenCase {
  const { config = plain, id = idOfTrace, flags = "01" } = more;
  const sentOn = `00-${more.trace ?? trace}-{span}-${flags}`;
  return {
    name,
    section,
    config,
    send: message([started, "Host: a.b", `traceparent: ${received}`, ...states.map((state) => `tracestate: ${state}`)]),
    upstream: toMain(started, [`Traceparent: ${sentOn}`, `Tracestate: ${tracestate}`, `X-Vcap-Request-Id: ${id}`]),
    expect: okToClient().replace("{id}", id),
    log: logLine({ id, headers: `traceparent:"${sentOn}" tracestate:"${tracestate}"` }),
  };
}

/** Anything else: a trace of the router's own. */
function begun(
  name: string,
  sent: readonly string[],
  config: typeof plain | typeof tenant = plain,
  key = "gorouter",
): GoldenCase {
  const headers = ['traceparent:"00-{trace}-{traceEnd}-01"', `tracestate:"${key}={traceEnd}"`];
  return {
    name,
    section,
    config,
    send: message([started, "Host: a.b", ...sent]),
    upstream: toMain(started, [
      "Traceparent: 00-{trace}-{hex16}-01",
      `Tracestate: ${key}={traceEnd}`,
      "X-Vcap-Request-Id: {traceId}",
    ]),
    expect: okToClient().replace("{id}", "{traceId}"),
    log: logLine({ id: "{traceId}", headers: headers.join(" ") }),
  };
}

export const cases: readonly GoldenCase[] = [
  begun("nothing sent", []),
  begun("tracestate alone is replaced", ["tracestate: other=1"]),
  begun("traceparent that is too short", [`traceparent: 00-${trace}-${parent}-1`, "tracestate: other=1"]),
  begun("traceparent that is too long", [`traceparent: ${valid}-x`]),
  begun("traceparent with a trace id that is not hex", [`traceparent: 00-${"g".repeat(32)}-${parent}-01`]),
  begun("traceparent with a parent that is not hex", [`traceparent: 00-${trace}-${"g".repeat(16)}-01`]),
  begun("traceparent with flags that are not hex", [`traceparent: 00-${trace}-${parent}-0x`]),
  begun("traceparent with a version that is not hex", [`traceparent: 0x-${trace}-${parent}-01`]),
  begun("tenant", [], tenant, "acme@gorouter"),
  continued("valid", valid, [], "gorouter={span}"),
  continued("flags are kept", `00-${trace}-${parent}-00`, [], "gorouter={span}", { flags: "00" }),
  continued("upper case becomes lower", valid.toUpperCase(), [], "gorouter={span}"),
  continued("any version passes and becomes 00", `ff-${trace}-${parent}-01`, [], "gorouter={span}"),
  continued("separators are not looked at", `00x${trace}y${parent}z01`, [], "gorouter={span}"),
  continued("all-zero trace id passes; random request id", `00-${"0".repeat(32)}-${parent}-01`, [], "gorouter={span}", {
    trace: "0".repeat(32),
    id: "{id}",
  }),
  continued("tracestate: own entry first", valid, ["a=1,b=2"], "gorouter={span},a=1,b=2"),
  continued(
    "tracestate: entries trimmed, those without = dropped",
    valid,
    [" a=1 , junk,, b=2"],
    "gorouter={span},a=1,b=2",
  ),
  continued("tracestate: own key dropped", valid, ["a=1,gorouter=old,b=2"], "gorouter={span},a=1,b=2"),
  continued("tracestate: only the first line", valid, ["a=1", "b=2"], "gorouter={span},a=1"),
  continued("tracestate: too long is ignored as a whole", valid, [`a=${"x".repeat(2047)}`], "gorouter={span}"),
  continued(
    "tracestate: 2048 bytes are taken",
    valid,
    [`a=${"x".repeat(2046)}`],
    `gorouter={span},a=${"x".repeat(2046)}`,
  ),
  continued(
    "tenant: own key with tenant, the key without is another's",
    valid,
    ["acme@gorouter=old,gorouter=1"],
    "acme@gorouter={span},gorouter=1",
    {
      config: tenant,
    },
  ),
  {
    name: "with zipkin, b3 sent: the trace is b3's",
    section,
    config: both,
    send: message([started, "Host: a.b", `b3: ${trace}-${parent}`]),
    upstream: toMain(started, [
      `b3: ${trace}-${parent}`,
      `Traceparent: 00-${trace}-${parent}-01`,
      `Tracestate: gorouter=${parent}`,
      `X-Vcap-Request-Id: ${idOfTrace}`,
    ]),
    expect: okToClient().replace("{id}", idOfTrace),
    log: logLine({
      id: idOfTrace,
      headers: `x_b3_traceid:"-" x_b3_spanid:"-" x_b3_parentspanid:"-" b3:"${trace}-${parent}" traceparent:"00-${trace}-${parent}-01" tracestate:"gorouter=${parent}"`,
    }),
  },
  {
    name: "with zipkin, traceparent alone: B3 and the request id are another trace",
    section,
    config: both,
    send: message([started, "Host: a.b", `traceparent: ${valid}`]),
    upstream: toMain(started, [
      "X-B3-TraceId: {trace}",
      "X-B3-SpanId: {traceEnd}",
      "b3: {trace}-{traceEnd}",
      `Traceparent: 00-${trace}-{span}-01`,
      "Tracestate: gorouter={span}",
      "X-Vcap-Request-Id: {traceId}",
    ]),
    expect: okToClient().replace("{id}", "{traceId}"),
    log: logLine({
      id: "{traceId}",
      headers: `x_b3_traceid:"{trace}" x_b3_spanid:"{traceEnd}" x_b3_parentspanid:"-" b3:"{trace}-{traceEnd}" traceparent:"00-${trace}-{span}-01" tracestate:"gorouter={span}"`,
    }),
  },
];
