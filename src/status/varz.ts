import type { RequestMetrics } from "../core/observe/metrics.ts";
import type { ComponentSamples, RequestSamples } from "../core/observe/request-samples.ts";
import { compareBytewise } from "../core/routing/uri.ts";
import { goJson } from "./json-answer.ts";

/** What `/varz` shows beside what is counted. */
export interface VarzFacts {
  readonly index: number;
  /** `<index>-<uuid>`. */
  readonly uuid: string;
  readonly user: string;
  readonly pass: string;
  /** Where the component listens. */
  readonly host: string;
  readonly cores: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** CPU seconds of the latest second, and the largest resident set so far in KiB; 0 before the first look. */
  readonly cpu: number;
  readonly memKiB: number;
  /** Distinct endpoint addresses, and pools. */
  readonly endpoints: number;
  readonly pools: number;
  /** Milliseconds since the latest registration; -1: never. */
  readonly sinceLastUpdateMs: number;
  /** Milliseconds since 1970, and on the clock that never jumps. */
  readonly now: number;
  readonly monotonic: number;
}

/** Go's longest duration in milliseconds: what "never" is here. */
const neverMs = 9_223_372_036_854;
const two = (value: number): string => String(value).padStart(2, "0");

/** `2006-01-02 15:04:05 -0700`, local time. */
function varzTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

/** `0d:3h:22m:31s`. */
function varzUptime(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  return `${days}d:${hours}h:${minutes}m:${seconds % 60}s`;
}

function latencyOf(sample: RequestSamples["latency"]): object {
  const parts = [0.5, 0.75, 0.9, 0.95, 0.99];
  const values = sample.percentiles(parts);
  const named = parts.map((part, index) => [String(Math.round(part * 100)), values[index]]);
  return { ...Object.fromEntries(named), samples: 1, value: 5e-7 };
}

function componentOf(samples: ComponentSamples): object {
  const [ok, redirected, refused, failed, other] = samples.responses;
  return {
    latency: latencyOf(samples.latency),
    rate: samples.rates,
    requests: samples.requests,
    responses_2xx: ok,
    responses_3xx: redirected,
    responses_4xx: refused,
    responses_5xx: failed,
    responses_xxx: other,
  };
}

/** By component, in bytewise order of the names; an object would put those that are numbers in front. */
function componentsJson(components: RequestSamples["components"]): string {
  const members = [...components]
    .sort(([a], [b]) => compareBytewise(a, b))
    .map(([name, samples]) => `${JSON.stringify(name)}:${JSON.stringify(componentOf(samples))}`);
  return `{"component":{${members.join(",")}}}`;
}

/** The object of `/varz` (control-plane §4.4) as JSON, keys in bytewise order, without line end. */
export function varzJson(facts: VarzFacts, requests: RequestMetrics, samples: RequestSamples): string {
  const top = samples.apps.top(10, facts.monotonic);
  const before = {
    bad_gateways: requests.badGateways,
    bad_requests: requests.rejectedRequests,
    cpu: facts.cpu,
    credentials: [facts.user, facts.pass],
    droplets: facts.endpoints,
    host: facts.host,
    index: facts.index,
    latency: latencyOf(samples.latency),
    log_counts: {},
    mem: facts.memKiB,
    ms_since_last_registry_update: facts.sinceLastUpdateMs < 0 ? neverMs : Math.trunc(facts.sinceLastUpdateMs),
    num_cores: facts.cores,
    rate: samples.meter.rates,
    requests: requests.totalRequests,
    requests_per_sec: samples.meter.rates[0],
    responses_2xx: requests.responses2xx,
    responses_3xx: requests.responses3xx,
    responses_4xx: requests.responses4xx,
    responses_5xx: requests.responses5xx,
    responses_xxx: requests.responsesXxx,
    start: varzTime(facts.startedAt),
  };
  const behind = {
    top10_app_requests: top.map(({ applicationId, requests: rpm }) => ({
      application_id: applicationId,
      rpm,
      rps: Math.floor(rpm / 60),
    })),
    type: "Router",
    uptime: varzUptime(facts.now - facts.startedAt),
    urls: facts.pools,
    uuid: facts.uuid,
  };
  const tags = componentsJson(samples.components);
  return goJson(`${JSON.stringify(before).slice(0, -1)},"tags":${tags},${JSON.stringify(behind).slice(1)}`);
}
