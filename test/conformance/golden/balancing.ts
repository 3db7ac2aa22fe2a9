import {
  errorPage,
  type GoldenCase,
  type GoldenExchange,
  type GoldenRoute,
  logLine,
  message,
  ownLogLine,
} from "./case.ts";

const local = { zone: "z1", balancing_algorithm_az_preference: "locally-optimistic", backends: { max_attempts: 3 } };
const ask = message(["GET / HTTP/1.1", "Host: x.com"]);
const answer = message(["HTTP/1.1 200 OK", "Content-Length: 2", "X-Vcap-Request-Id: {id}", "Date: {date}"], "ok");

const at = (zone: string, backend: string, more: Partial<GoldenRoute> = {}, fields: object = {}): GoldenRoute => ({
  uris: ["x.com"],
  backend,
  fields: { app: "app-guid", availability_zone: zone, ...fields },
  ...more,
});

/** A request that the backend of that name serves. */
const served = (backend: string, more: Partial<GoldenExchange> = {}): GoldenExchange => ({
  send: ask,
  upstream: [{ at: backend }],
  expect: answer,
  log: logLine({ host: "x.com", backend: `{backend:${backend}}`, index: "-", instance: "-" }),
  ...more,
});

/** Requests one after the other, all of them served by that backend whatever the turn. */
const always = (
  name: string,
  section: string,
  config: GoldenCase["config"],
  routes: readonly GoldenRoute[],
  backend: string,
  first: Partial<GoldenExchange> = {},
): GoldenCase => ({
  name,
  section,
  ...(config && { config }),
  routes,
  ...served(backend, first),
  next: Array.from({ length: 3 }, () => served(backend)),
});

const limitReached = errorPage(
  "503 Service Unavailable",
  "Connection Limit Reached",
  undefined,
  "Requested route ('x.com') has reached the connection limit.",
);

const chosen = (options: object) => ({ options });

export const cases: readonly GoldenCase[] = [
  always("only local endpoints", "data-plane §3.5", local, [at("z1", "near"), at("z2", "far")], "near"),
  always(
    "only local endpoints, registered last",
    "data-plane §3.5",
    local,
    [at("z2", "far"), at("z3", "farther"), at("z1", "near")],
    "near",
  ),
  always(
    "least-connection: only local endpoints",
    "data-plane §3.6",
    { ...local, balancing_algorithm: "least-connection" },
    [at("z1", "near"), at("z2", "far")],
    "near",
  ),
  always(
    "an empty zone is a zone",
    "data-plane §3.5",
    { ...local, zone: "" },
    [at("z2", "far"), at("", "near")],
    "near",
  ),
  always("no local endpoint: all", "data-plane §3.5", local, [at("z2", "far")], "far"),
  always(
    "the local endpoint is dead: the others from the second attempt on, then it is marked",
    "data-plane §3.5, §4.1",
    local,
    [at("z1", "dead", { refuses: true }), at("z2", "far")],
    "far",
    { logged: [{ message: "backend-endpoint-failed" }, { message: "endpoint-marked-as-ineligible" }] },
  ),
  {
    name: "a negative max_conns: every pool is overloaded",
    section: "data-plane §3.2",
    config: { backends: { max_conns: -1 } },
    routes: [at("", "one"), at("", "two")],
    send: ask,
    expect: limitReached,
    log: ownLogLine({
      host: "x.com",
      request: "GET / HTTP/1.1",
      status: 503,
      out: 85,
      routerError: "Connection Limit Reached",
    }),
    logged: [
      { message: "connection-limit-reached", level: 1 },
      { message: "status", level: 1 },
    ],
  },
  always(
    "max_conns 1, one request after the other",
    "data-plane §3.2",
    { backends: { max_conns: 1 } },
    [at("", "one")],
    "one",
  ),
  always(
    "options.loadbalancing: least-connection",
    "data-plane §3.1",
    undefined,
    [at("", "one", {}, chosen({ loadbalancing: "least-connection" }))],
    "one",
    { logged: [{ message: "endpoint-iterator-with-least-connection-lb-algo", level: 0 }] },
  ),
  always(
    "options.loadbalancing: an unknown name",
    "data-plane §3.1",
    undefined,
    [at("", "one", {}, chosen({ loadbalancing: "fastest" }))],
    "one",
    { logged: [{ message: "endpoint-iterator-with-round-robin-lb-algo", level: 0 }] },
  ),
  always(
    "options.loadbalancing: empty",
    "data-plane §3.1",
    undefined,
    [at("", "one", {}, chosen({ loadbalancing: "" }))],
    "one",
  ),
  always(
    "a dead endpoint beside a good one: round-robin",
    "data-plane §3.3",
    { backends: { max_attempts: 3 } },
    [at("", "dead", { refuses: true }), at("", "good")],
    "good",
  ),
  always(
    "a dead endpoint beside a good one: least-connection never ends in it",
    "data-plane §3.6",
    { backends: { max_attempts: 3 }, balancing_algorithm: "least-connection" },
    [at("", "dead", { refuses: true }), at("", "good")],
    "good",
  ),
];
