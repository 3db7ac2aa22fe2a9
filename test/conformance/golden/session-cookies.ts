import { type GoldenCase, type GoldenRoute, logLine, message } from "./case.ts";
import { failed, failedLine, instance, refused } from "./failed-attempt.ts";

const writing = "data-plane §3.8";
const reading = "data-plane §3.7";
const context: GoldenRoute = {
  uris: ["x.com/ctx"],
  fields: { app: "app-guid", private_instance_id: "ib", private_instance_index: "0" },
};
const negotiate = { sticky_sessions_for_auth_negotiate: true };
const plainCookie = "__VCAP_ID__=ib; Path=/ctx; HttpOnly";

/** What a case about the session cookie of an answer varies; the request is a GET of `x.com/ctx` served by instance `ib`. */
interface Writing {
  readonly name: string;
  readonly section?: string;
  readonly config?: GoldenCase["config"];
  readonly route?: GoldenRoute;
  /** Request lines behind Host. */
  readonly asks?: readonly string[];
  /** Lines of the backend's answer. */
  readonly sets?: readonly string[];
  readonly status?: string;
  /** The line added; none without. */
  readonly adds?: string;
  readonly instance?: string;
  readonly path?: string;
}

function writes(one: Writing): GoldenCase {
  const status = one.status ?? "200 OK";
  const sets = one.sets ?? [];
  const path = one.path ?? "/ctx";
  return {
    name: one.name,
    section: one.section ?? writing,
    ...(one.config && { config: one.config }),
    routes: [one.route ?? context],
    send: message([`GET ${path} HTTP/1.1`, "Host: x.com", ...(one.asks ?? [])]),
    reply: message([`HTTP/1.1 ${status}`, ...sets, "Content-Length: 2"], "ok"),
    upstream: [{}],
    expect: message(
      [
        `HTTP/1.1 ${status}`,
        ...sets,
        ...(one.adds === undefined ? [] : [`Set-Cookie: ${one.adds}`]),
        "Content-Length: 2",
        "X-Vcap-Request-Id: {id}",
        "Date: {date}",
      ],
      "ok",
    ),
    log: logLine({
      host: "x.com",
      request: `GET ${path} HTTP/1.1`,
      status: Number(status.slice(0, 3)),
      instance: one.instance ?? "ib",
    }),
  };
}

const written: readonly Writing[] = [
  // The worked examples.
  {
    name: "a sticky cookie brings the session cookie",
    section: "data-plane §13.4",
    sets: ["Set-Cookie: JSESSIONID=1"],
    adds: plainCookie,
  },
  {
    name: "all attributes of the sticky cookie",
    section: "data-plane §13.4",
    sets: [
      "Set-Cookie: JSESSIONID=1; Path=/foo; Max-Age=100; Expires=Wed, 01 Jan 2031 01:00:00 GMT; Secure; HttpOnly; SameSite=None; Partitioned; Domain=x.com",
    ],
    adds: "__VCAP_ID__=ib; Path=/ctx; Expires=Wed, 01 Jan 2031 01:00:00 GMT; HttpOnly; Secure; SameSite=None; Partitioned",
  },
  {
    name: "a negative Max-Age",
    section: "data-plane §13.4",
    sets: ["Set-Cookie: JSESSIONID=1; Max-Age=-1"],
    adds: "__VCAP_ID__=ib; Path=/ctx; Max-Age=0; HttpOnly",
  },
  {
    name: "an unknown SameSite",
    section: "data-plane §13.4",
    sets: ["Set-Cookie: JSESSIONID=1; SameSite=foo"],
    adds: plainCookie,
  },
  { name: "names have a case", section: "data-plane §13.4", sets: ["Set-Cookie: jsessionid=1"] },
  {
    name: "a backend's own session cookie",
    section: "data-plane §13.4",
    sets: ["Set-Cookie: __VCAP_ID__=zz", "Set-Cookie: JSESSIONID=1"],
  },
  {
    name: "an instance that is gone",
    section: "data-plane §13.4",
    asks: ["Cookie: JSESSIONID=1; __VCAP_ID__=gone"],
    adds: plainCookie,
  },
  {
    name: "Negotiate",
    section: "data-plane §13.4",
    config: negotiate,
    status: "401 Unauthorized",
    sets: ["WWW-Authenticate: Negotiate"],
    adds: "__VCAP_ID__=ib; Path=/ctx; Max-Age=60; HttpOnly; SameSite=Strict",
  },
  // Attributes.
  {
    name: "Max-Age 0",
    sets: ["Set-Cookie: JSESSIONID=1; Max-Age=0"],
    adds: "__VCAP_ID__=ib; Path=/ctx; Max-Age=0; HttpOnly",
  },
  { name: "a positive Max-Age is dropped", sets: ["Set-Cookie: JSESSIONID=1; Max-Age=100"], adds: plainCookie },
  { name: "Max-Age without a number", sets: ["Set-Cookie: JSESSIONID=1; Max-Age=soon"], adds: plainCookie },
  {
    name: "Expires with dashes",
    sets: ["Set-Cookie: JSESSIONID=1; Expires=Wed, 01-Jan-2031 01:00:00 GMT"],
    adds: "__VCAP_ID__=ib; Path=/ctx; Expires=Wed, 01 Jan 2031 01:00:00 GMT; HttpOnly",
  },
  {
    name: "Expires in another zone's letters",
    sets: ["Set-Cookie: JSESSIONID=1; Expires=Wed, 01 Jan 2031 01:00:00 UTC"],
    adds: "__VCAP_ID__=ib; Path=/ctx; Expires=Wed, 01 Jan 2031 01:00:00 GMT; HttpOnly",
  },
  {
    name: "Expires with a year of two digits",
    sets: ["Set-Cookie: JSESSIONID=1; Expires=Wed, 01-Jan-31 01:00:00 GMT"],
    adds: plainCookie,
  },
  {
    name: "Expires with a numeric zone",
    sets: ["Set-Cookie: JSESSIONID=1; Expires=Wed, 01 Jan 2031 01:00:00 +0100"],
    adds: plainCookie,
  },
  {
    name: "Expires before 1601",
    sets: ["Set-Cookie: JSESSIONID=1; Expires=Mon, 01 Jan 1600 01:00:00 GMT"],
    adds: plainCookie,
  },
  { name: "Expires that is no date", sets: ["Set-Cookie: JSESSIONID=1; Expires=tomorrow"], adds: plainCookie },
  { name: "Secure", sets: ["Set-Cookie: JSESSIONID=1; secure"], adds: `${plainCookie}; Secure` },
  { name: "SameSite=lax", sets: ["Set-Cookie: JSESSIONID=1; samesite=lax"], adds: `${plainCookie}; SameSite=Lax` },
  {
    name: "SameSite=STRICT",
    sets: ["Set-Cookie: JSESSIONID=1; SameSite=STRICT"],
    adds: `${plainCookie}; SameSite=Strict`,
  },
  { name: "an empty SameSite", sets: ["Set-Cookie: JSESSIONID=1; SameSite="], adds: plainCookie },
  { name: "Partitioned", sets: ["Set-Cookie: JSESSIONID=1; Partitioned"], adds: `${plainCookie}; Partitioned` },
  {
    name: "the first of two sticky cookies decides",
    sets: ["Set-Cookie: JSESSIONID=1; Secure", "Set-Cookie: JSESSIONID=2; SameSite=Lax"],
    adds: `${plainCookie}; Secure`,
  },
  { name: "behind other cookies", sets: ["Set-Cookie: a=1", "Set-Cookie: JSESSIONID=2"], adds: plainCookie },
  { name: "no sticky cookie", sets: ["Set-Cookie: a=1; Secure"] },
  // When.
  { name: "the request is where it belongs", asks: ["Cookie: JSESSIONID=1; __VCAP_ID__=ib"] },
  {
    name: "again, when the sticky cookie is set again",
    asks: ["Cookie: JSESSIONID=1; __VCAP_ID__=ib"],
    sets: ["Set-Cookie: JSESSIONID=2"],
    adds: plainCookie,
  },
  { name: "the address instead of the id", asks: ["Cookie: JSESSIONID=1; __VCAP_ID__={backend}"], adds: plainCookie },
  { name: "a session cookie alone says nothing", section: reading, asks: ["Cookie: __VCAP_ID__=gone"] },
  { name: "an empty session cookie counts as none", section: reading, asks: ["Cookie: JSESSIONID=1; __VCAP_ID__="] },
  { name: "another case of the sticky cookie", section: reading, asks: ["Cookie: jsessionid=1; __VCAP_ID__=gone"] },
  {
    name: "an empty sticky cookie counts",
    section: reading,
    asks: ["Cookie: JSESSIONID=; __VCAP_ID__=gone"],
    adds: plainCookie,
  },
  {
    name: "cookies in two lines",
    section: reading,
    asks: ["Cookie: JSESSIONID=1", "Cookie: __VCAP_ID__=gone"],
    adds: plainCookie,
  },
  {
    name: "Authorization: Negotiate says nothing without the option",
    section: reading,
    asks: ["Authorization: Negotiate abc", "Cookie: __VCAP_ID__=gone"],
  },
  {
    name: "on an error of the backend",
    status: "500 Internal Server Error",
    sets: ["Set-Cookie: JSESSIONID=1"],
    adds: plainCookie,
  },
  { name: "on 404", status: "404 Not Found", sets: ["Set-Cookie: JSESSIONID=1"], adds: plainCookie },
  {
    name: "both headers of a route service leg",
    asks: ["X-CF-Proxy-Signature: s", "X-CF-Forwarded-Url: u"],
    sets: ["Set-Cookie: JSESSIONID=1"],
  },
  {
    name: "one of those headers",
    asks: ["X-CF-Proxy-Signature: s"],
    sets: ["Set-Cookie: JSESSIONID=1"],
    adds: plainCookie,
  },
  // Names and values.
  {
    name: "other names of sticky cookies",
    config: { sticky_session_cookie_names: ["FOO", "Bar"] },
    sets: ["Set-Cookie: Bar=1"],
    adds: plainCookie,
  },
  {
    name: "JSESSIONID when it is not among them",
    config: { sticky_session_cookie_names: ["FOO", "Bar"] },
    sets: ["Set-Cookie: JSESSIONID=1"],
  },
  {
    name: "secure_cookies, copied attributes",
    config: { secure_cookies: true },
    sets: ["Set-Cookie: JSESSIONID=1"],
    adds: `${plainCookie}; Secure`,
  },
  {
    name: "secure_cookies, an instance that is gone",
    config: { secure_cookies: true },
    asks: ["Cookie: JSESSIONID=1; __VCAP_ID__=gone"],
    adds: `${plainCookie}; Secure`,
  },
  {
    name: "secure_cookies, Negotiate",
    config: { secure_cookies: true, ...negotiate },
    sets: ["WWW-Authenticate: negotiate abc"],
    adds: "__VCAP_ID__=ib; Path=/ctx; Max-Age=60; HttpOnly; Secure; SameSite=Strict",
  },
  {
    name: "Negotiate wins over a sticky cookie",
    config: negotiate,
    sets: ["WWW-Authenticate: NEGOTIATE", "Set-Cookie: JSESSIONID=1; Secure"],
    adds: "__VCAP_ID__=ib; Path=/ctx; Max-Age=60; HttpOnly; SameSite=Strict",
  },
  {
    name: "Negotiate, where the request is where it belongs",
    config: negotiate,
    asks: ["Authorization: negotiate abc", "Cookie: __VCAP_ID__=ib"],
    sets: ["WWW-Authenticate: Negotiate"],
  },
  {
    name: "Negotiate in the second line only",
    config: negotiate,
    sets: ["WWW-Authenticate: Basic", "WWW-Authenticate: Negotiate"],
  },
  {
    name: "no path",
    route: { uris: ["x.com"], fields: { app: "app-guid", private_instance_id: "ib", private_instance_index: "0" } },
    sets: ["Set-Cookie: JSESSIONID=1"],
    adds: "__VCAP_ID__=ib; Path=/; HttpOnly",
  },
  {
    name: "the path as registered",
    route: {
      uris: ["x.com/Ctx/Sub"],
      fields: { app: "app-guid", private_instance_id: "ib", private_instance_index: "0" },
    },
    path: "/ctx/sub/more",
    sets: ["Set-Cookie: JSESSIONID=1"],
    adds: "__VCAP_ID__=ib; Path=/Ctx/Sub; HttpOnly",
  },
  {
    name: "no instance id",
    route: { uris: ["x.com/ctx"], fields: { app: "app-guid", private_instance_index: "0" } },
    sets: ["Set-Cookie: JSESSIONID=1"],
    instance: "-",
  },
  {
    name: "an instance id with a blank is quoted",
    route: {
      uris: ["x.com/ctx"],
      fields: { app: "app-guid", private_instance_id: "i b", private_instance_index: "0" },
    },
    sets: ["Set-Cookie: JSESSIONID=1"],
    adds: '__VCAP_ID__="i b"; Path=/ctx; HttpOnly',
    instance: "i b",
  },
  {
    name: "an instance id with a comma is quoted",
    route: {
      uris: ["x.com/ctx"],
      fields: { app: "app-guid", private_instance_id: "i,b", private_instance_index: "0" },
    },
    sets: ["Set-Cookie: JSESSIONID=1"],
    adds: '__VCAP_ID__="i,b"; Path=/ctx; HttpOnly',
    instance: "i,b",
  },
  {
    name: "bytes that a cookie cannot have are removed",
    route: {
      uris: ["x.com/ctx"],
      fields: { app: "app-guid", private_instance_id: 'i;\\"b', private_instance_index: "0" },
    },
    sets: ["Set-Cookie: JSESSIONID=1"],
    adds: "__VCAP_ID__=ib; Path=/ctx; HttpOnly",
    instance: 'i;\\\\\\"b',
  },
];

export const cases: readonly GoldenCase[] = [
  ...written.map(writes),
  {
    name: "a router's own error never has the cookie",
    section: writing,
    routes: [{ uris: ["x.com"], backend: "dead", refuses: true, fields: instance("ib", "0") }],
    send: message(["GET / HTTP/1.1", "Host: x.com", "Cookie: JSESSIONID=1; __VCAP_ID__=gone"]),
    expect: failed(refused),
    log: failedLine(refused, {
      host: "x.com",
      backend: "{backend:dead}",
      instance: "ib",
    }),
  },
];
