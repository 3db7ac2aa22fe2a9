import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDuration } from "../../../src/core/config/strict-duration.ts";
import { goUrlFault } from "../../../src/core/go-url-fault.ts";
import { Lager, LagerLevel } from "../../../src/core/observe/lager.ts";
import { Report } from "../../../src/route-registrar/config/report.ts";
import { Glob } from "../../../src/route-registrar/glob.ts";
import { createRedaction } from "../../../src/route-registrar/redaction.ts";
import { claimsOf, loggedRoute, type Route, unclaimedPart } from "../../../src/route-registrar/route.ts";
import { mappingBody, mappingTtl, tcpMapping } from "../../../src/route-registrar/tcp-mapping.ts";
import { Ticker } from "../../../src/route-registrar/ticker.ts";
import { TurnedClock } from "../../fixtures/turned-clock.ts";

const second = 1_000_000_000n;

const route: Route = {
  kind: "http",
  type: "",
  name: "r",
  host: "10.0.0.1",
  port: 8080,
  tlsPort: undefined,
  protocol: "",
  tags: new Map([["b", "2"]]),
  uris: ["a.test", "B.test/x"],
  routeServiceUrl: "",
  serverCertDomainSan: "",
  options: undefined,
  routerGroup: "",
  externalPort: undefined,
  sniRewriteSan: "",
  terminateFrontendTls: false,
  enableBackendTls: false,
  alpns: [],
  intervalNs: 20n * second,
  healthCheck: { name: "h", scriptPath: "/s", timeoutNs: 10n * second },
  refusal: undefined,
};

describe("registrar durations (route-registrar §5)", () => {
  for (const [text, ns] of [
    ["0", 0n],
    ["-0", 0n],
    ["1.5s", 1_500_000_000n],
    [".5s", 500_000_000n],
    ["1h2m3s4ms5us6ns", 3_723_004_005_006n],
    ["100\u00b5s", 100_000n],
    ["-2m", -120_000_000_000n],
    ["+3ns", 3n],
    ["9223372036854775807ns", 9223372036854775807n],
    ["-9223372036854775808ns", -9223372036854775808n],
  ] as const) {
    it(text, () => assert.equal(parseDuration(text), ns));
  }
  for (const [text, message] of [
    ["", 'time: invalid duration ""'],
    ["asdf", 'time: invalid duration "asdf"'],
    ["s", 'time: invalid duration "s"'],
    [".s", 'time: invalid duration ".s"'],
    ["9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'],
    ["10", 'time: missing unit in duration "10"'],
    ["1d", 'time: unknown unit "d" in duration "1d"'],
    ["1s ", 'time: unknown unit "s " in duration "1s "'],
    ["1\u00e9", 'time: unknown unit "\\xc3\\xa9" in duration "1\\xc3\\xa9"'],
  ] as const) {
    it(JSON.stringify(text), () => assert.throws(() => parseDuration(text), { message }));
  }
});

describe("registrar: URLs as Go judges them (route-registrar §6.2)", () => {
  for (const url of [
    "",
    "*",
    "/path",
    "https://a.test:443/x?y#z",
    "mailto:x",
    "https://u:p@a.test",
    "//a",
    "https://[::1]:1",
  ])
    it(`accepts ${JSON.stringify(url)}`, () => assert.equal(goUrlFault(url), undefined));
  for (const [url, reason] of [
    [":x", "missing protocol scheme"],
    ["1a:b", "first path segment in URL cannot contain colon"],
    ["https://a:b", 'invalid port ":b" after host'],
    ["https://[::1", "missing ']' in host"],
    ["https://a/%zz", 'invalid URL escape "%zz"'],
    ["https://a b/", 'invalid character " " in host name'],
    ["https://a%41", 'invalid URL escape "%41"'],
    ["https://a/#%g1", 'invalid URL escape "%g1"'],
  ] as const) {
    it(`refuses ${JSON.stringify(url)}`, () =>
      assert.equal(goUrlFault(url), `parse ${JSON.stringify(url)}: ${reason}`));
  }
  it("shows the URL as Go quotes it, without a fragment that is not to blame", () => {
    const control = "net/url: invalid control character in URL";
    assert.equal(
      goUrlFault('https://a\u0001\t\u007f"\u200b\u00e9'),
      `parse "https://a\\x01\\t\\x7f\\"\\u200b\u00e9": ${control}`,
    );
    assert.equal(goUrlFault(":x#y"), 'parse ":x": missing protocol scheme');
  });
});

describe("registrar report (route-registrar §6.6)", () => {
  it("continues the lines of a problem with two spaces", () => {
    const inner = new Report("x");
    inner.add("one\ntwo");
    const outer = new Report("config");
    outer.add(inner);
    const text = "there was 1 error with 'config':\n    there was 1 error with 'x':\n        * one\n          two\n";
    assert.equal(outer.toString(), text);
  });
});

describe("registrar log (route-registrar §3)", () => {
  const clock = new TurnedClock(1_700_000_000_123.5);
  const lines = (
    use: (logger: Lager) => void,
    options: Partial<ConstructorParameters<typeof Lager>[0]> = {},
  ): string => {
    let text = "";
    const write = (line: string): void => {
      text += line;
    };
    use(
      new Lager({
        source: "Route Registrar",
        write,
        clock,
        level: LagerLevel.info,
        timeFormat: "unix-epoch",
        ...options,
      }),
    );
    return text;
  };

  it("epoch form: keys, level number, nine decimals, sorted data, HTML escaped", () => {
    assert.equal(
      lines((logger) => logger.info("Writing pid", { pid: "1", file: "<&>", b: 2n })),
      '{"timestamp":"1700000000.123500000","source":"Route Registrar","message":"Route Registrar.Writing pid",' +
        '"log_level":1,"data":{"b":2,"file":"\\u003c\\u0026\\u003e","pid":"1"}}\n',
    );
  });

  it("RFC 3339 form: keys, level word, UTC", () => {
    assert.equal(
      lines((logger) => logger.error("x", "why"), { timeFormat: "rfc3339" }),
      '{"timestamp":"2023-11-14T22:13:20.123500000Z","level":"error","source":"Route Registrar",' +
        '"message":"Route Registrar.x","data":{"error":"why"}}\n',
    );
  });

  it("levels below the chosen one are left out; fatal never is, and has a trace", () => {
    const text = lines(
      (logger) => {
        logger.debug("d");
        logger.info("i");
        logger.error("e", "x");
        logger.fatal("f\n", "y");
      },
      { level: LagerLevel.fatal },
    );
    assert.match(
      text,
      /^\{[^\n]*"message":"Route Registrar\.f\\n","log_level":3,"data":\{"error":"y","trace":"[^"]+"\}\}\n$/,
    );
  });

  it("a part has its name in the message and a session number", () => {
    const text = lines((logger) => {
      logger.part("uaa-client");
      logger.part("routes-config-watcher").info("caught-signal");
    });
    assert.match(
      text,
      /"message":"Route Registrar.routes-config-watcher.caught-signal","log_level":1,"data":\{"session":"2"\}/,
    );
  });

  it("a route has Go's field names, nulls and nanoseconds", () => {
    assert.match(
      lines((logger) => logger.info("x", { route: loggedRoute(route) })),
      /"route":\{"Type":"","Name":"r","Port":8080,"Protocol":"","TLSPort":null,"Tags":\{"b":"2"\},"URIs":\["a.test","B.test\/x"\],"RouterGroup":"","Host":"10.0.0.1","ExternalPort":null,"RouteServiceUrl":"","RegistrationInterval":20000000000,"HealthCheck":\{"Name":"h","ScriptPath":"\/s","Timeout":10000000000\},"ServerCertDomainSAN":"",.*"Options":null\}/,
    );
  });

  it("redaction by key and by value (§3.4)", () => {
    const redact = createRedaction([]);
    const data = {
      password: "x",
      inner: { dbPass: 1, ok: "AKIAABCDEFGHIJKLMNOP" },
      list: ["-----BEGIN RSA PRIVATE KEY-----"],
      n: 1n,
    };
    assert.deepEqual(redact(data), {
      password: "*REDACTED*",
      inner: { dbPass: "*REDACTED*", ok: "*REDACTED*" },
      list: ["*REDACTED*"],
      n: 1n,
    });
    assert.deepEqual(createRedaction(["(?i)^S3"])({ a: "s3cret", b: "AKIAABCDEFGHIJKLMNOP" }), {
      a: "*REDACTED*",
      b: "AKIAABCDEFGHIJKLMNOP",
    });
  });
});

describe("TCP mappings (route-registrar §11.3, §11.4, §15)", () => {
  const tcp: Route = {
    ...route,
    kind: "tcp",
    type: "tcp",
    host: "127.0.0.1",
    port: 1234,
    externalPort: 5678,
    intervalNs: 100n,
  };
  const body = (changes: Partial<Route> = {}): string => mappingBody(tcpMapping({ ...tcp, ...changes }, "g", 120));
  const plain =
    '[{"router_group_guid":"g","backend_port":1234,"backend_tls_port":-1,"backend_ip":"127.0.0.1","instance_id":"",' +
    '"port":5678,"modification_tag":{"guid":"","index":0},"ttl":1,"isolation_segment":""}]';

  it("the reference's vector 8", () => assert.equal(body(), plain));
  it("SNI name, termination, backend TLS, protocols", () => {
    const changes = {
      serverCertDomainSan: "san",
      sniRewriteSan: "re",
      terminateFrontendTls: true,
      enableBackendTls: true,
      alpns: ["h2", "http/1.1", "a"],
    };
    assert.equal(
      body(changes),
      '[{"router_group_guid":"g","backend_port":1234,"backend_tls_port":1234,"backend_ip":"127.0.0.1",' +
        '"backend_sni_hostname":"san","sni_rewrite_hostname":"re","instance_id":"","port":5678,' +
        '"modification_tag":{"guid":"","index":0},"ttl":1,"isolation_segment":"","terminate_frontend_tls":true,' +
        '"alpns":"a,h2,http/1.1"}]',
    );
    assert.match(body({ ...changes, serverCertDomainSan: "" }), /"backend_tls_port":-1/);
  });
  for (const [interval, ttl] of [
    [100n, 1],
    [10n * second, 21],
    [20n * second, 42],
    [100n * second, 120],
    [180n * second, 120],
  ] as const) {
    it(`${interval} ns: ${ttl} s`, () => assert.equal(mappingTtl(interval, 120), ttl));
  }
});

describe("claims: what an edited route leaves to its successor", () => {
  it("only URIs that nobody else announces at that address are taken away", () => {
    const claims = new Set(claimsOf({ ...route, uris: ["b.test/X", "c.test"] }));
    assert.deepEqual(unclaimedPart(route, claims)?.uris, ["a.test"]);
    assert.equal(unclaimedPart(route, new Set(claimsOf({ ...route, port: 8081 }))), route);
    assert.equal(unclaimedPart(route, new Set(claimsOf(route))), undefined);
  });
  it("a TCP mapping is claimed as a whole", () => {
    const tcp: Route = { ...route, kind: "tcp", externalPort: 1 };
    assert.equal(unclaimedPart(tcp, new Set(claimsOf(tcp))), undefined);
    assert.equal(unclaimedPart(tcp, new Set(claimsOf({ ...tcp, externalPort: 2 }))), tcp);
  });
});

describe("ticker (route-registrar §7.1)", () => {
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };

  it("runs at once, then in a fixed phase; missed ticks collapse into one; a stopped one is silent", async () => {
    const clock = new TurnedClock();
    const runs: number[] = [];
    let release = (): void => {};
    let slow = false;
    const ticker = new Ticker(clock, 100, () => {
      runs.push(clock.now());
      if (slow)
        return new Promise<void>((resolve) => {
          release = resolve;
        });
    });
    const pass = async (ms: number): Promise<void> => {
      for (let i = 0; i < ms; i++) {
        clock.turn(1);
        await settled();
      }
    };
    ticker.start(0, 0);
    await pass(310);
    assert.deepEqual(runs, [1, 100, 200, 300]);
    slow = true;
    await pass(440);
    slow = false;
    release();
    await settled();
    assert.deepEqual(runs.slice(4), [400]);
    await pass(1);
    assert.deepEqual(runs.slice(5), [751], "the missed ticks are one run");
    await pass(99);
    assert.deepEqual(runs.slice(6), [800], "the phase is kept");
    ticker.stop();
    clock.turn(1000);
    await settled();
    assert.equal(runs.at(-1), 800);
    assert.equal(clock.running, 0);
  });

  it("a period beyond 31 bits of milliseconds is waited for in pieces", async () => {
    const clock = new TurnedClock();
    let runs = 0;
    const period = 2 ** 32;
    new Ticker(clock, period, () => void runs++).start(0, 0);
    clock.turn(1);
    await settled();
    clock.turn(2 ** 31);
    await settled();
    assert.equal(runs, 1);
    clock.turn(2 ** 31);
    await settled();
    assert.equal(runs, 2);
  });
});

describe("globs (route-registrar §12)", () => {
  const tree: Readonly<Record<string, readonly string[]>> = {
    "/": ["var", "etc"],
    "/var": ["a", "b", ".c"],
    "/var/a": ["x.yml", "y.json", "a-b", "[z]"],
    "/var/b": ["x.yml"],
    "/var/.c": ["x.yml"],
    ".": ["here.yml"],
  };
  const directories = {
    async listDirectory(path: string): Promise<string[]> {
      const names = tree[path];
      if (names === undefined) throw new Error("ENOENT");
      return [...names];
    },
  };
  for (const [pattern, expected] of [
    ["/var/*/x.yml", ["/var/.c/x.yml", "/var/a/x.yml", "/var/b/x.yml"]],
    ["/var/[ab]/?.yml", ["/var/a/x.yml", "/var/b/x.yml"]],
    ["/var/[^a.]/*", ["/var/b/x.yml"]],
    ["/var/a/\\[z]", ["/var/a/[z]"]],
    ["/var/a/*-b", ["/var/a/a-b"]],
    ["/var/a/[x-z].*", ["/var/a/x.yml", "/var/a/y.json"]],
    ["/var/a/[z-x].*", []],
    ["/etc/none", ["/etc/none"]],
    ["/none/*", []],
    ["*.yml", ["here.yml"]],
  ] as const) {
    it(pattern, async () => assert.deepEqual(await new Glob(pattern).expand(directories), expected));
  }
  for (const pattern of ["[", "[]", "[a", "[a-]", "a\\", "[-a]", "/x/[b"]) {
    it(`${pattern} is malformed`, () => assert.throws(() => new Glob(pattern), { message: "syntax error in pattern" }));
  }
});
