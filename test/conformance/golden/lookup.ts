import { errorPage, type GoldenCase, logLine, message, okToClient, ownLogLine, toMain } from "./case.ts";

const section = "data-plane §1.4.11";
const uncached = "no-cache, no-store";
const guid = "01234567-89ab-cdef-0123-456789abcdef";

/** Answered by an error page; `request` of the log line defaults to a plain GET. */
function answered(
  name: string,
  lines: readonly string[],
  page: { status: string; error: string; cache: string | undefined; text: string },
  log: { host?: string; request?: string } = {},
  of = "data-plane §2.1",
): GoldenCase {
  const { status, error, cache, text } = page;
  return {
    name,
    section: of,
    send: message(lines),
    expect: errorPage(status, error, cache, text),
    log: ownLogLine({
      status: Number(status.slice(0, 3)),
      out: status.length + 2 + text.length + 1,
      routerError: error,
      ...log,
    }),
  };
}

const unknownRoute = (host: string) => ({
  status: "404 Not Found",
  error: "unknown_route",
  cache: uncached,
  text: `Requested route ('${host}') does not exist.`,
});
const emptyHost = {
  status: "400 Bad Request",
  error: "empty_host",
  cache: "public,max-age=2",
  text: "Request had empty Host header",
};
const badInstance = (kind: "App" | "Process") => ({
  status: "400 Bad Request",
  error: `invalid_cf_${kind.toLowerCase()}_instance_header`,
  cache: uncached,
  text: `Invalid X-CF-${kind}-Instance Header`,
});
const noInstance = (text: string) => ({ status: "400 Bad Request", error: "unknown_route", cache: uncached, text });

/** A route with these URIs answers a request. */
function routed(
  name: string,
  uris: readonly string[],
  target: string,
  host: string,
  log: { request?: string } = {},
): GoldenCase {
  const request = `GET ${target} HTTP/1.1`;
  return {
    name,
    section,
    routes: [
      { uris, backend: "own", fields: { app: "own-app", private_instance_id: "own-id", private_instance_index: "3" } },
    ],
    send: message([request, `Host: ${host}`]),
    upstream: [
      {
        at: "own",
        message: message([
          request,
          `Host: ${host}`,
          "X-Cf-Applicationid: own-app",
          "X-Cf-Instanceid: own-id",
          "X-Cf-Instanceindex: 3",
          "X-Forwarded-For: 127.0.0.1",
          "X-Forwarded-Proto: http",
          "X-Request-Start: {ms}",
          "X-Vcap-Request-Id: {id}",
        ]),
      },
    ],
    expect: okToClient(),
    log: logLine({ host, request, backend: "{backend:own}", app: "own-app", index: "3", instance: "own-id", ...log }),
  };
}

/** A route with these URIs does not answer a request. */
function notRouted(name: string, uris: readonly string[], target: string, host: string, logged = target): GoldenCase {
  return {
    ...answered(
      name,
      [`GET ${target} HTTP/1.1`, `Host: ${host}`],
      unknownRoute(host),
      { host, request: `GET ${logged} HTTP/1.1` },
      section,
    ),
    routes: [{ uris, backend: "own" }],
  };
}

const instances = [
  {
    uris: ["inst.x"],
    backend: "i0",
    fields: { app: guid, private_instance_id: "p0", private_instance_index: "0", tags: { process_id: guid } },
  },
  {
    uris: ["inst.x"],
    backend: "i1",
    fields: { app: guid, private_instance_id: "p1", private_instance_index: "1", tags: { process_id: guid } },
  },
];

/** A request for instance 1 of `inst.x`, by these lines. */
function instance(name: string, lines: readonly string[], kept: readonly string[] = []): GoldenCase {
  return {
    name,
    section,
    routes: instances,
    send: message(["GET / HTTP/1.1", "Host: inst.x", ...lines]),
    upstream: [
      {
        at: "i1",
        message: message([
          "GET / HTTP/1.1",
          "Host: inst.x",
          ...kept,
          `X-Cf-Applicationid: ${guid}`,
          "X-Cf-Instanceid: p1",
          "X-Cf-Instanceindex: 1",
          "X-Forwarded-For: 127.0.0.1",
          "X-Forwarded-Proto: http",
          "X-Request-Start: {ms}",
          "X-Vcap-Request-Id: {id}",
        ]),
      },
    ],
    expect: okToClient(),
    log: logLine({ host: "inst.x", backend: "{backend:i1}", app: guid, index: "1", instance: "p1" }),
  };
}

const malformed = (name: string, kind: "App" | "Process", value: string): GoldenCase => ({
  ...answered(name, ["GET / HTTP/1.1", "Host: a.b", `X-CF-${kind}-Instance: ${value}`], badInstance(kind), {}, section),
  logged: [
    { message: `invalid-${kind.toLowerCase()}-instance-header`, level: 3 },
    { message: "status", level: 1 },
  ],
});

export const cases: readonly GoldenCase[] = [
  answered("unknown host", ["GET /x HTTP/1.1", "Host: nope.com"], unknownRoute("nope.com"), {
    host: "nope.com",
    request: "GET /x HTTP/1.1",
  }),
  answered("unknown host, port in the text", ["GET / HTTP/1.1", "Host: nope.com:8080"], unknownRoute("nope.com:8080"), {
    host: "nope.com:8080",
  }),
  answered("unknown host, spelling and quotes kept", ["GET / HTTP/1.1", "Host: NoPe'.com"], unknownRoute("NoPe'.com"), {
    host: "NoPe'.com",
  }),
  answered("empty Host", ["GET / HTTP/1.1", "Host:"], emptyHost, { host: "" }),
  answered("Host with a port alone is an unknown route", ["GET / HTTP/1.1", "Host: :80"], unknownRoute(":80"), {
    host: ":80",
  }),
  answered("Host is the peer's address", ["GET / HTTP/1.1", "Host: 127.0.0.1"], emptyHost, { host: "127.0.0.1" }),
  answered("Host is the peer's address, with port", ["GET / HTTP/1.1", "Host: 127.0.0.1:99"], emptyHost, {
    host: "127.0.0.1:99",
  }),
  answered("Host is another address", ["GET / HTTP/1.1", "Host: 127.0.0.2"], unknownRoute("127.0.0.2"), {
    host: "127.0.0.2",
  }),
  {
    ...answered("HTTP/1.0 without Host", ["GET /x HTTP/1.0"], emptyHost, { host: "", request: "GET /x HTTP/1.0" }),
    section: "data-plane §13.2",
    expect: errorPage("400 Bad Request", "empty_host", "public,max-age=2", emptyHost.text).replace(
      "HTTP/1.1",
      "HTTP/1.0",
    ),
    closes: true,
  },
  {
    ...answered("empty Host of an absolute-form target", ["GET http:///x HTTP/1.1", "Host: a.b"], emptyHost, {
      host: "",
      request: "GET /x HTTP/1.1",
    }),
    section: "data-plane §1.3",
  },
  malformed("app instance without index", "App", guid),
  malformed("app instance with upper-case hex", "App", `${guid.toUpperCase()}:0`),
  malformed("app instance with an index that is no number", "App", `${guid}:x`),
  malformed("app instance with a short guid", "App", "0123-45:0"),
  malformed("app instance with something behind", "App", `${guid}:0 `.concat("x")),
  malformed("process instance with upper-case hex", "Process", guid.toUpperCase()),
  malformed("process instance with an empty index", "Process", `${guid}:`),
  malformed("process instance that is no guid", "Process", "web"),
  answered(
    "app instance of an unknown host",
    ["GET / HTTP/1.1", "Host: nope.com", `X-CF-App-Instance: ${guid}:0`],
    noInstance(`Requested instance ('0') with guid ('${guid}') does not exist for route ('nope.com')`),
    { host: "nope.com" },
  ),
  answered(
    "app instance that is not there",
    ["GET / HTTP/1.1", "Host: a.b", `X-CF-App-Instance: ${guid}:7`],
    noInstance(`Requested instance ('7') with guid ('${guid}') does not exist for route ('a.b')`),
  ),
  answered(
    "process instance with index that is not there",
    ["GET / HTTP/1.1", "Host: a.b", `X-CF-Process-Instance: ${guid}:2`],
    noInstance(`Requested instance ('2') with process guid ('${guid}') does not exist for route ('a.b')`),
  ),
  answered(
    "process that is not there",
    ["GET / HTTP/1.1", "Host: a.b", `X-CF-Process-Instance: ${guid}`],
    noInstance(`Requested instance with process guid ('${guid}') does not exist for route ('a.b')`),
  ),
  answered(
    "both instance headers: looked up by app, told by process",
    ["GET / HTTP/1.1", "Host: a.b", `X-CF-App-Instance: ${guid}:7`, `X-CF-Process-Instance: ${guid}:2`],
    noInstance(`Requested instance ('2') with process guid ('${guid}') does not exist for route ('a.b')`),
  ),
  answered(
    "both instance headers, that of the process malformed",
    ["GET / HTTP/1.1", "Host: a.b", `X-CF-App-Instance: ${guid}:7`, "X-CF-Process-Instance: web"],
    noInstance("Requested instance with process guid ('') does not exist for route ('a.b')"),
  ),
  {
    ...answered(
      "a malformed instance is logged as UTF-8, and bytes that are none as such (control-plane §6.1)",
      ["GET / HTTP/1.1", "Host: a.b", "X-CF-App-Instance: <\xc3\xa9\xff\xe2\x82>"],
      badInstance("App"),
    ),
    logged: [
      {
        message: "invalid-app-instance-header",
        level: 3,
        data: '{"trace-id":"{hex32}","span-id":"{hex16}","error":"Incorrect X-CF-APP-INSTANCE header : <é\ufffd\ufffd\ufffd>"}',
      },
    ],
  },
  instance("app instance", [`X-CF-App-Instance: ${guid}:1`]),
  instance("app instance, header name in lower case", [`x-cf-app-instance: ${guid}:1`]),
  instance("process instance, header kept", [`X-CF-Process-Instance: ${guid}:1`], [`X-CF-Process-Instance: ${guid}:1`]),
  instance(
    "app instance before process instance",
    [`X-CF-App-Instance: ${guid}:1`, `X-CF-Process-Instance: ${guid}:0`],
    [`X-CF-Process-Instance: ${guid}:0`],
  ),
  instance(
    "empty app instance counts as none",
    ["X-CF-App-Instance:", `X-CF-Process-Instance: ${guid}:1`],
    [`X-CF-Process-Instance: ${guid}:1`],
  ),
  routed("host without regard to case", ["Case.X"], "/", "cASE.x"),
  routed("port of Host does not matter", ["port.x"], "/", "port.x:1234"),
  routed("path without regard to case", ["path.x/Foo"], "/fOO/b", "path.x"),
  routed("trailing slash of the route does not matter", ["slash.x/p/"], "/p", "slash.x"),
  routed("trailing slash of the request does not matter", ["slash.x/p"], "/p/", "slash.x"),
  routed("query does not matter", ["query.x/p"], "/p?a=/q", "query.x"),
  notRouted("whole segments only", ["seg.x/foo"], "/foobar", "seg.x"),
  notRouted("dot segments are not resolved", ["dot.x/a"], "/b/../a", "dot.x"),
  notRouted("double slashes are significant", ["double.x/a/b"], "/a//b", "double.x"),
  notRouted("escapes are not decoded", ["esc.x/p"], "/%70", "esc.x"),
  routed("escaped slash is no separator", ["escaped.x/a%2Fb"], "/a%2Fb", "escaped.x"),
  notRouted("escaped slash is no separator", ["escaped.x/a/b"], "/a%2Fb", "escaped.x"),
  routed(
    "a raw byte has the whole path escaped again, escaped slashes become separators",
    ["quirk.x/%7B/bA"],
    "/{%2Fb%41",
    "quirk.x",
    {
      request: "GET /%7B/bA HTTP/1.1",
    },
  ),
  routed("a high byte has it too", ["quirk.x/%C3%A9/b"], "/\xc3\xa9%2fb", "quirk.x", {
    request: "GET /%C3%A9/b HTTP/1.1",
  }),
  routed("a fragment is part of the path", ["frag.x/a%23b"], "/a#b", "frag.x", { request: "GET /a%23b HTTP/1.1" }),
  routed("wildcard", ["*.wild.x"], "/", "app.wild.x"),
  routed("wildcard, more labels", ["*.wild.x"], "/", "a.b.wild.x"),
  notRouted("wildcard does not stand for its domain", ["*.wild.x"], "/", "wild.x"),
  routed("wildcard with path", ["*.wild.x/p"], "/p/q", "app.wild.x"),
  routed("root as catch-all of the host's paths", ["root.x"], "/any/where", "root.x"),
  {
    ...routed("longest path wins", ["long.x"], "/foo/bar", "long.x"),
    routes: [
      { uris: ["long.x", "long.x/foo"], backend: "other" },
      {
        uris: ["long.x/foo/bar"],
        backend: "own",
        fields: { app: "own-app", private_instance_id: "own-id", private_instance_index: "3" },
      },
    ],
  },
  {
    ...routed("host before wildcard", ["app.wild.x"], "/", "app.wild.x"),
    routes: [
      { uris: ["*.wild.x"], backend: "other" },
      {
        uris: ["app.wild.x"],
        backend: "own",
        fields: { app: "own-app", private_instance_id: "own-id", private_instance_index: "3" },
      },
    ],
  },
  {
    ...routed("a host whose path does not match falls back to the wildcard", ["*.wild.x"], "/", "app.wild.x"),
    routes: [
      { uris: ["app.wild.x/p"], backend: "other" },
      {
        uris: ["*.wild.x"],
        backend: "own",
        fields: { app: "own-app", private_instance_id: "own-id", private_instance_index: "3" },
      },
    ],
  },
  {
    name: "absolute form: its host routes and is sent, the Host line is discarded",
    section: "data-plane §1.3",
    send: message(["GET http://a.b/p?q HTTP/1.1", "Host: other.x"]),
    upstream: toMain("GET http://a.b/p?q HTTP/1.1"),
    expect: okToClient(),
    log: logLine({ request: "GET /p?q HTTP/1.1" }),
  },
  {
    name: "absolute form with user information, port and no path",
    section: "data-plane §1.3",
    send: message(["GET http://u:p@a.b:81 HTTP/1.1", "Host: other.x"]),
    upstream: toMain("GET http://u:p@a.b:81 HTTP/1.1", ["Host: a.b:81"]),
    expect: okToClient(),
    log: logLine({ host: "a.b:81", request: "GET / HTTP/1.1" }),
  },
  {
    name: "CONNECT is looked up by authority and sent like any request",
    section: "data-plane §6.5",
    send: message(["CONNECT a.b:443 HTTP/1.1", "Host: a.b:443"]),
    upstream: toMain("CONNECT a.b:443 HTTP/1.1", ["Host: a.b:443"]),
    expect: okToClient(),
    log: logLine({ host: "a.b:443", request: "CONNECT / HTTP/1.1" }),
  },
  {
    ...answered(
      "an emptied pool is 404 without empty_pool_response_code_503",
      ["GET / HTTP/1.1", "Host: gone.x"],
      unknownRoute("gone.x"),
      { host: "gone.x" },
    ),
    config: { empty_pool_timeout: "60s" },
    routes: [{ uris: ["gone.x"], backend: "own", gone: true }],
  },
  {
    ...answered(
      "an emptied pool is 503 with empty_pool_response_code_503",
      ["GET / HTTP/1.1", "Host: gone.x:80"],
      {
        status: "503 Service Unavailable",
        error: "no_endpoints",
        cache: "public,max-age=2",
        text: "Requested route ('gone.x:80') has no available endpoints.",
      },
      { host: "gone.x:80" },
    ),
    config: { empty_pool_timeout: "60s", empty_pool_response_code_503: true },
    routes: [{ uris: ["gone.x"], backend: "own", gone: true }],
  },
  {
    ...answered(
      "an instance of an emptied pool is 400 all the same",
      ["GET / HTTP/1.1", "Host: gone.x", `X-CF-App-Instance: ${guid}:0`],
      noInstance(`Requested instance ('0') with guid ('${guid}') does not exist for route ('gone.x')`),
      { host: "gone.x" },
    ),
    config: { empty_pool_timeout: "60s", empty_pool_response_code_503: true },
    routes: [{ uris: ["gone.x"], backend: "own", gone: true }],
  },
];
