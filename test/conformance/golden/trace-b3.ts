import { type GoldenCase, logLine, message, okToClient, type ProgramLine, toMain } from "./case.ts";

const section = "data-plane §1.4.4";
const config = { tracing: { enable_zipkin: true } };

const trace = "463ac35c9f6413ad48485a3953bb6124";
const trace64 = "48485a3953bb6124";
const span = "a2fb4a1d1a96d312";
const parent = "0020000000000001";
const idOfTrace = "463ac35c-9f64-13ad-4848-5a3953bb6124";
const started = "GET / HTTP/1.1";

const headersLog = (traceId: string, spanId: string, parentId: string, b3: string): string =>
  `x_b3_traceid:"${traceId || "-"}" x_b3_spanid:"${spanId || "-"}" x_b3_parentspanid:"${parentId || "-"}" b3:"${b3 || "-"}"`;

interface Multi {
  readonly trace?: string;
  readonly span?: string;
  readonly parent?: string;
  readonly sampled?: string;
  readonly flags?: string;
}

const linesOf = (multi: Multi): string[] =>
  [
    ["X-B3-TraceId", multi.trace],
    ["X-B3-SpanId", multi.span],
    ["X-B3-ParentSpanId", multi.parent],
    ["X-B3-Sampled", multi.sampled],
    ["X-B3-Flags", multi.flags],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));

/** `sent` reaches the backend without a change and nothing is added; `id` is the request id, `{id}` a random one. */
function kept(
  name: string,
  b3: string,
  id = "{id}",
  more: Multi = {},
  logged: readonly ProgramLine[] = [],
): GoldenCase {
  const sent = [`b3: ${b3}`, ...linesOf(more)];
  return {
    name,
    section,
    config,
    send: message([started, "Host: a.b", ...sent]),
    upstream: toMain(started, [...sent, `X-Vcap-Request-Id: ${id}`]),
    expect: okToClient().replace("{id}", id),
    log: logLine({ id, headers: headersLog(more.trace ?? "", more.span ?? "", more.parent ?? "", b3) }),
    logged,
  };
}

/** Fresh ids are written, whatever was sent in their places. */
function fresh(
  name: string,
  sent: readonly string[],
  kept: readonly string[] = [],
  logged: readonly ProgramLine[] = [],
): GoldenCase {
  return {
    name,
    section,
    config,
    send: message([started, "Host: a.b", ...sent]),
    upstream: toMain(started, [
      ...kept,
      "X-B3-TraceId: {trace}",
      "b3: {trace}-{traceEnd}",
      "X-B3-SpanId: {traceEnd}",
      "X-Vcap-Request-Id: {traceId}",
    ]),
    expect: okToClient().replace("{id}", "{traceId}"),
    log: logLine({ id: "{traceId}", headers: headersLog("{trace}", "{traceEnd}", "", "{trace}-{traceEnd}") }),
    logged,
  };
}

/** `b3` is made of the multi headers, which stay. */
function single(name: string, multi: Multi, b3: string, id = "{id}", sentB3?: string): GoldenCase {
  const lines = linesOf(multi);
  return {
    name,
    section,
    config,
    send: message([started, "Host: a.b", ...lines, ...(sentB3 === undefined ? [] : [`b3: ${sentB3}`])]),
    upstream: toMain(started, [...lines, `b3: ${b3}`, `X-Vcap-Request-Id: ${id}`]),
    expect: okToClient().replace("{id}", id),
    log: logLine({ id, headers: headersLog(multi.trace ?? "", multi.span ?? "", multi.parent ?? "", b3) }),
  };
}

/** The multi headers do not parse: nothing is added. */
function untouched(name: string, multi: Multi): GoldenCase {
  const lines = linesOf(multi);
  return {
    name,
    section,
    config,
    send: message([started, "Host: a.b", ...lines]),
    upstream: toMain(started, lines),
    expect: okToClient(),
    log: logLine({ headers: headersLog(multi.trace ?? "", multi.span ?? "", multi.parent ?? "", "") }),
    logged: [{ message: "failed-to-parse-b3-trace-id", level: 1 }],
  };
}

const unparsed: ProgramLine = { message: "failed-to-parse-single-header", level: 3 };

export const cases: readonly GoldenCase[] = [
  kept("b3 of a 128-bit trace", `${trace}-${span}`, idOfTrace),
  kept("b3, sampled", `${trace}-${span}-1`, idOfTrace),
  kept("b3, not sampled", `${trace}-${span}-0`, idOfTrace),
  kept("b3, debug", `${trace}-${span}-d`, idOfTrace),
  kept("b3 with parent", `${trace}-${span}-1-${parent}`, idOfTrace),
  kept("b3 with upper-case hex: id in lower case", `${trace.toUpperCase()}-${span.toUpperCase()}`, idOfTrace),
  kept("b3 of a 64-bit trace: random id", `${trace64}-${span}`),
  kept("b3 of a 64-bit trace with parent", `${trace64}-${span}-d-${parent}`),
  kept("b3 of a 128-bit trace whose high half is zero", `${"0".repeat(16)}${trace64}-${span}`),
  kept("b3 of 0", "0"),
  kept("b3 of 1", "1"),
  kept("b3 of d", "d"),
  kept("b3 whose trace id is no UUID: random id", `463ac35c9f64f3ad48485a3953bb6124-${span}`),
  kept("separators behind the first are not looked at", `${trace}-${span}x1x${parent}`, idOfTrace),
  kept("b3 wins over multi headers, which stay", `${trace}-${span}`, idOfTrace, { trace: trace64, span: parent }),
  kept("128-bit trace with a cut span: kept, and the parser's panic is logged", `${trace}-a2fb`, "{id}", {}, [
    { message: "panic-check", level: 3 },
  ]),
  kept("128-bit trace without span", `${trace}-`, "{id}", {}, [{ message: "panic-check", level: 3 }]),
  fresh("nothing sent", []),
  fresh("b3 of length 16 does not parse", [`b3: ${trace64}`], [], [unparsed]),
  fresh("b3 of length 32 does not parse", [`b3: ${trace}`], [], [unparsed]),
  fresh("b3 of another short length does not parse", ["b3: abc"], [], [unparsed]),
  fresh("b3 of another letter does not parse", ["b3: x"], [], [unparsed]),
  fresh("b3 that is not hex does not parse", [`b3: ${"g".repeat(32)}-${span}`], [], [unparsed]),
  fresh("b3 with something else behind the span does not parse", [`b3: ${trace}-${span}-x`], [], [unparsed]),
  fresh("b3 with a short parent does not parse", [`b3: ${trace}-${span}-1-abcd`], [], [unparsed]),
  fresh("empty b3 counts as none", ["b3:"]),
  fresh("trace id alone is overwritten", [`X-B3-TraceId: ${trace}`]),
  fresh("span id alone is overwritten", [`X-B3-SpanId: ${span}`]),
  fresh("empty span id counts as none", [`X-B3-TraceId: ${trace}`, "X-B3-SpanId:"]),
  {
    ...fresh(
      "parent and sampling alone stay",
      [`X-B3-ParentSpanId: ${parent}`, "X-B3-Sampled: 1"],
      [`X-B3-ParentSpanId: ${parent}`, "X-B3-Sampled: 1"],
    ),
    log: logLine({ id: "{traceId}", headers: headersLog("{trace}", "{traceEnd}", parent, "{trace}-{traceEnd}") }),
  },
  single("multi headers", { trace, span }, `${trace}-${span}`, idOfTrace),
  single("multi headers, 64-bit trace", { trace: trace64, span }, `${trace64}-${span}`),
  single("multi headers, high half zero", { trace: `${"0".repeat(16)}${trace64}`, span }, `${trace64}-${span}`),
  single("short ids are padded", { trace: "bad", span: "cafe" }, "0000000000000bad-000000000000cafe"),
  single("sampled 1", { trace, span, sampled: "1" }, `${trace}-${span}-1`, idOfTrace),
  single("sampled true", { trace, span, sampled: "TRUE" }, `${trace}-${span}-1`, idOfTrace),
  single("sampled 0", { trace, span, sampled: "0" }, `${trace}-${span}-0`, idOfTrace),
  single("sampled false", { trace, span, sampled: "false" }, `${trace}-${span}-0`, idOfTrace),
  single(
    "flags 1 is debug, sampling forgotten",
    { trace, span, sampled: "0", flags: "1" },
    `${trace}-${span}-d`,
    idOfTrace,
  ),
  single("other flags are ignored", { trace, span, sampled: "1", flags: "2" }, `${trace}-${span}-1`, idOfTrace),
  single("parent", { trace, span, sampled: "1", parent }, `${trace}-${span}-1-${parent}`, idOfTrace),
  single("zero trace id: sampling alone", { trace: "0", span, sampled: "1" }, "1"),
  single("zero span id without sampling: empty b3", { trace, span: "0" }, "", idOfTrace),
  single("upper-case ids: b3 in lower case", { trace: trace.toUpperCase(), span }, `${trace}-${span}`, idOfTrace),
  single(
    "b3 that does not parse is overwritten by the multi headers",
    { trace, span },
    `${trace}-${span}`,
    idOfTrace,
    "bad",
  ),
  untouched("trace id that is not hex", { trace: "xyz", span }),
  untouched("trace id that is too long", { trace: `1${trace}`, span }),
  untouched("span id that is not hex", { trace, span: "xyz" }),
  untouched("parent that is not hex", { trace, span, parent: "xyz" }),
  untouched("sampling that is no truth value", { trace, span, sampled: "yes" }),
];
