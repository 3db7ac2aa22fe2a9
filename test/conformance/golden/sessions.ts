import { type GoldenCase, logLine, message, type ProgramLine, type UpstreamMessage } from "./case.ts";
import { failed, failedLine, pair, refused } from "./failed-attempt.ts";

const section = "data-plane §3.7";
const negotiate = { sticky_sessions_for_auth_negotiate: true };
const toOther: readonly UpstreamMessage[] = [{ at: "other" }];

/** Three requests with these lines go to instance `ib` of two, whatever the turn. */
function reads(
  name: string,
  lines: readonly string[],
  more: { config?: GoldenCase["config"]; adds?: string } = {},
): GoldenCase {
  const exchange = {
    send: message(["GET / HTTP/1.1", "Host: x.com", ...lines]),
    upstream: toOther,
    expect: message(
      [
        "HTTP/1.1 200 OK",
        "Content-Length: 2",
        ...(more.adds === undefined ? [] : [`Set-Cookie: ${more.adds}`]),
        "X-Vcap-Request-Id: {id}",
        "Date: {date}",
      ],
      "ok",
    ),
    log: logLine({ host: "x.com", backend: "{backend:other}", index: "1", instance: "ib" }),
  };
  return {
    name,
    section,
    ...(more.config && { config: more.config }),
    routes: pair,
    ...exchange,
    next: [exchange, exchange],
  };
}

const line = (text: string): ProgramLine => ({ message: text, level: 3 });

export const cases: readonly GoldenCase[] = [
  reads("a sticky cookie and the instance", ["Cookie: JSESSIONID=1; __VCAP_ID__=ib"]),
  reads("in the other order, among others", ["Cookie: a=b; __VCAP_ID__=ib; JSESSIONID=x; c"]),
  reads("in two lines", ["Cookie: __VCAP_ID__=ib", "Cookie: JSESSIONID=x"]),
  reads("quoted", ['Cookie: JSESSIONID=1; __VCAP_ID__="ib"']),
  reads("without blanks", ["Cookie: JSESSIONID=1;__VCAP_ID__=ib"]),
  reads(
    "the address instead of the id; the cookie is made right",
    ["Cookie: JSESSIONID=1; __VCAP_ID__={backend:other}"],
    {
      adds: "__VCAP_ID__=ib; Path=/; HttpOnly",
    },
  ),
  reads("must stick: Authorization: Negotiate", ["Authorization: nEgOtIaTe abc", "Cookie: __VCAP_ID__=ib"], {
    config: negotiate,
  }),
  reads("must stick: the scheme is a prefix", ["Authorization: Negotiated", "Cookie: __VCAP_ID__=ib"], {
    config: negotiate,
  }),
  {
    name: "must stick: an instance that is gone",
    section,
    config: negotiate,
    routes: pair,
    send: message(["GET / HTTP/1.1", "Host: x.com", "Authorization: Negotiate abc", "Cookie: __VCAP_ID__=gone"]),
    expect: failed("No endpoints available"),
    log: failedLine("No endpoints available", {
      host: "x.com",
      backend: "-",
      app: "-",
      index: "-",
      instance: "-",
      gorouterTime: "0.000000",
    }),
    logged: [
      { message: "endpoint-missing-but-request-must-be-sticky", level: 0 },
      { message: "select-endpoint-failed", level: 3, data: '{"host":"x.com","error":"No endpoints available"}' },
    ],
  },
  {
    name: "may stick: a dead instance is left for another, and the cookie says so",
    section,
    config: { backends: { max_attempts: 3 } },
    routes: [pair[0]!, { ...pair[1]!, backend: "dead", refuses: true }],
    send: message(["GET / HTTP/1.1", "Host: x.com", "Cookie: JSESSIONID=1; __VCAP_ID__=ib"]),
    upstream: [{}],
    expect: message(
      [
        "HTTP/1.1 200 OK",
        "Content-Length: 2",
        "Set-Cookie: __VCAP_ID__=ia; Path=/; HttpOnly",
        "X-Vcap-Request-Id: {id}",
        "Date: {date}",
      ],
      "ok",
    ),
    log: logLine({ host: "x.com", instance: "ia" }),
    logged: [
      { message: "endpoint-missing-choosing-alternate", level: 0 },
      line("backend-endpoint-failed"),
      line("endpoint-marked-as-ineligible"),
    ],
  },
  {
    name: "must stick: a dead instance is tried again until the stop rule, and nothing else",
    section: "data-plane §3.7, §4.1",
    config: { backends: { max_attempts: 5 }, ...negotiate },
    routes: [pair[0]!, { ...pair[1]!, backend: "dead", refuses: true }],
    send: message(["GET / HTTP/1.1", "Host: x.com", "Authorization: Negotiate abc", "Cookie: __VCAP_ID__=ib"]),
    expect: failed(refused),
    log: failedLine(refused, {
      host: "x.com",
      backend: "{backend:dead}",
      index: "1",
      instance: "ib",
    }),
    logged: [
      line("backend-endpoint-failed"),
      line("endpoint-marked-as-ineligible"),
      line("backend-endpoint-failed"),
      line("endpoint-marked-as-ineligible"),
    ],
  },
];
