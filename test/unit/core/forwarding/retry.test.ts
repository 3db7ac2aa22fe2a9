import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure, type FailureKind } from "../../../../src/core/forwarding/failure.ts";
import type { Outgoing } from "../../../../src/core/forwarding/transport.ts";
import { type Ask, FakeResponse, RouterRig } from "../../../fixtures/fake-transport.ts";

const host = ["Host", "test.com"] as const;
const get: Ask = {};
const post: Ask = { method: "POST", lines: [host, ["Content-Length", "5"]] };

/** Two endpoints; the first attempt fails as told, the second succeeds. */
function failingOnce(kind: FailureKind, tls: boolean, prepare?: (outgoing: Outgoing) => void): RouterRig {
  const rig = new RouterRig({ backends: { max_attempts: 3 } });
  rig.register("test.com", { port: 1, tls });
  rig.register("test.com", { port: 2, tls });
  rig.transport.script = (_endpoint, outgoing) => {
    if (rig.transport.sent.length > 1) return new FakeResponse();
    prepare?.(outgoing);
    throw new Failure(kind, "backend", "never", "TEXT");
  };
  return rig;
}

const incomplete = (outgoing: Outgoing): void => {
  outgoing.attempt.wroteHead = false;
};
const heard = (outgoing: Outgoing): void => {
  outgoing.attempt.heard = true;
};
const took = (outgoing: Outgoing): void => {
  outgoing.attempt.bodyBytesTaken = 1;
};

interface Row {
  readonly name: string;
  readonly kind: FailureKind;
  readonly ask: Ask;
  readonly prepare?: (outgoing: Outgoing) => void;
  readonly retried: boolean;
  readonly text: string;
  /** Log line of the registry, for a plain and for a TLS endpoint. */
  readonly marks: readonly [plain: string | undefined, tls: string | undefined];
}

const prune = "prune-failed-endpoint";
const mark = "endpoint-marked-as-ineligible";
const unreachable: readonly FailureKind[] = [
  "dial",
  "tls-not-tls",
  "tls-name",
  "tls-untrusted",
  "tls-alert-certificate",
  "tls-alert-handshake",
  "tls-timeout",
];
const final: readonly FailureKind[] = ["deadline", "malformed-response", "response-head-too-large"];
const idempotent = (method: string, ...lines: (readonly [string, string])[]): Ask => ({
  method,
  lines: [host, ...lines],
});

/** Data-plane §4.4, §4.5. */
const rows: readonly Row[] = [
  ...unreachable.flatMap((kind): Row[] => [
    { name: `${kind}, GET`, kind, ask: get, retried: true, text: "TEXT", marks: [mark, prune] },
    { name: `${kind}, POST`, kind, ask: post, retried: true, text: "TEXT", marks: [mark, prune] },
    {
      name: `${kind}, POST, body taken`,
      kind,
      ask: post,
      prepare: took,
      retried: false,
      text: "TEXT",
      marks: [mark, prune],
    },
  ]),
  ...final.map(
    (kind): Row => ({ name: kind, kind, ask: get, retried: false, text: "TEXT", marks: [undefined, undefined] }),
  ),
  ...["GET", "HEAD", "OPTIONS", "TRACE"].map(
    (method): Row => ({
      name: `eof, ${method}`,
      kind: "eof",
      ask: idempotent(method),
      retried: true,
      text: "TEXT (via idempotent request)",
      marks: [undefined, undefined],
    }),
  ),
  { name: "eof, POST", kind: "eof", ask: post, retried: false, text: "TEXT", marks: [undefined, undefined] },
  {
    name: "eof, DELETE",
    kind: "eof",
    ask: idempotent("DELETE"),
    retried: false,
    text: "TEXT",
    marks: [undefined, undefined],
  },
  {
    name: "eof, PUT without body and with a key",
    kind: "eof",
    ask: idempotent("PUT", ["Content-Length", "0"], ["X-Idempotency-Key", "k"]),
    retried: true,
    text: "TEXT (via idempotent request)",
    marks: [undefined, undefined],
  },
  {
    name: "eof, POST with a body and a key",
    kind: "eof",
    ask: idempotent("POST", ["Transfer-Encoding", "chunked"], ["Idempotency-Key", "k"]),
    retried: false,
    text: "TEXT",
    marks: [undefined, undefined],
  },
  {
    name: "eof, GET with an empty key and a body",
    kind: "eof",
    ask: idempotent("GET", ["Content-Length", "1"]),
    retried: false,
    text: "TEXT",
    marks: [undefined, undefined],
  },
  { name: "reset, POST", kind: "reset", ask: post, retried: false, text: "TEXT", marks: [mark, mark] },
  {
    name: "reset, GET (better than upstream)",
    kind: "reset",
    ask: get,
    retried: true,
    text: "TEXT (via idempotent request)",
    marks: [mark, mark],
  },
  ...(["eof", "reset"] as const).map(
    (kind): Row => ({
      name: `${kind} within an answer, GET`,
      kind,
      ask: get,
      prepare: heard,
      retried: false,
      text: "TEXT",
      marks: kind === "reset" ? [mark, mark] : [undefined, undefined],
    }),
  ),
  { name: "write, POST", kind: "write", ask: post, retried: false, text: "TEXT", marks: [undefined, undefined] },
  {
    name: "write, GET (better than upstream)",
    kind: "write",
    ask: get,
    retried: true,
    text: "TEXT (via idempotent request)",
    marks: [undefined, undefined],
  },
  {
    name: "dial",
    kind: "dial",
    ask: post,
    prepare: incomplete,
    retried: true,
    text: "incomplete request (TEXT)",
    marks: [mark, prune],
  },
  {
    name: "write, head not out",
    kind: "write",
    ask: post,
    prepare: incomplete,
    retried: true,
    text: "incomplete request (TEXT)",
    marks: [undefined, undefined],
  },
];

describe("classification (data-plane §4.4, §4.5)", () => {
  for (const tls of [false, true]) {
    for (const row of rows) {
      it(`${row.name}, ${tls ? "TLS" : "plain"} endpoint`, async () => {
        const rig = failingOnce(row.kind, tls, row.prepare);
        const answer = await rig.exchange(row.ask);
        assert.equal(rig.transport.sent.length, row.retried ? 2 : 1);
        assert.equal(answer.status === 200, row.retried);
        assert.equal(rig.metrics.totalRequests, row.retried ? 2 : 1);
        const failed = rig.logger.lines.find(([, message]) => message === "backend-endpoint-failed")?.[2];
        assert.equal(failed?.["error"], row.text);
        assert.equal(failed?.["retriable"], row.retried);
        const effects = rig.logger.lines
          .map(([, message]) => message)
          .filter((line) => line === mark || line === prune);
        const effect = row.marks[tls ? 1 : 0];
        assert.deepEqual(effects, effect === undefined ? [] : [effect]);
      });
    }
  }
});

describe("the attempt loop (data-plane §4.1)", () => {
  const dial = () => {
    throw new Failure("dial", "backend", "always", "dial tcp 10.0.0.5:8080: connect: connection refused");
  };

  it("asks the only endpoint once", async () => {
    const rig = new RouterRig({ backends: { max_attempts: 3 } });
    rig.register("test.com");
    rig.transport.script = dial;
    assert.equal((await rig.exchange()).status, 502);
    assert.equal(rig.transport.sent.length, 1);
  });

  it("tries max_attempts endpoints, 0 meaning 1", async () => {
    for (const [setting, attempts] of [
      [3, 3],
      [0, 1],
    ] as const) {
      const rig = new RouterRig({ backends: { max_attempts: setting } });
      for (let port = 1; port < 6; port++) rig.register("test.com", { port });
      rig.transport.script = dial;
      await rig.exchange();
      assert.equal(new Set(rig.transport.sent.map(({ address }) => address)).size, attempts);
      assert.equal(rig.transport.sent.length, attempts);
    }
  });

  it("sends the identity of each attempt's endpoint, and everything else unchanged", async () => {
    const rig = new RouterRig({ backends: { max_attempts: 2 } });
    rig.register("test.com", { port: 1, applicationId: "a", privateInstanceId: "i1", privateInstanceIndex: "0" });
    rig.register("test.com", { port: 2, applicationId: "b" });
    rig.transport.script = (endpoint) => (endpoint.port === 1 ? dial() : new FakeResponse());
    await rig.exchange();
    const identity = rig.transport.sent.map(({ lines }) => lines.filter(([name]) => name.startsWith("X-Cf-")));
    assert.deepEqual(identity, [
      [
        ["X-Cf-Applicationid", "a"],
        ["X-Cf-Instanceid", "i1"],
        ["X-Cf-Instanceindex", "0"],
      ],
      [
        ["X-Cf-Applicationid", "b"],
        ["X-Cf-Instanceid", "10.0.0.5:2"],
        ["X-Cf-Instanceindex", ""],
      ],
    ]);
    const rest = rig.transport.sent.map(({ lines }) => lines.filter(([name]) => !name.startsWith("X-Cf-")));
    assert.deepEqual(rest[0], rest[1]);
  });

  it("reports the earlier error when pruning leaves nothing to select", async () => {
    const rig = new RouterRig({ backends: { max_attempts: 3 } });
    rig.register("test.com", { tls: true });
    rig.transport.script = dial;
    const answer = await rig.exchange();
    const error = "dial tcp 10.0.0.5:8080: connect: connection refused";
    assert.equal(answer.headers.get("X-Cf-Routererror"), `endpoint_failure (${error})`);
    const last = rig.logger.lines.at(-1)!;
    assert.deepEqual([last[1], last[2]], ["select-endpoint-failed", { host: "test.com", error }]);
  });

  it("fails when the session's endpoint must be used and is gone", async () => {
    const rig = new RouterRig({ sticky_sessions_for_auth_negotiate: true });
    rig.register("test.com", { privateInstanceId: "i1" });
    const lines = [host, ["Cookie", "__VCAP_ID__=gone"], ["Authorization", "Negotiate x"]] as const;
    const answer = await rig.exchange({ lines });
    assert.equal(answer.headers.get("X-Cf-Routererror"), "endpoint_failure (No endpoints available)");
    assert.equal(rig.transport.sent.length, 0);
  });

  it("counts the endpoint as in flight only until the response head", async () => {
    const rig = new RouterRig();
    const endpoint = rig.register("test.com");
    let during = -1;
    rig.transport.script = (asked) => {
      during = asked.inFlight;
      return new FakeResponse();
    };
    const { answer } = rig.ask();
    await answer;
    assert.deepEqual([during, endpoint.inFlight], [1, 0]);
  });
});

describe("a client that goes away (data-plane §4.9)", () => {
  it("cancels the backend request, answers 499 and is logged, without a retry", async () => {
    const rig = new RouterRig({ backends: { max_attempts: 3 } });
    rig.register("test.com", { port: 1 });
    rig.register("test.com", { port: 2 });
    rig.transport.script = (_endpoint, outgoing) =>
      new Promise((_, reject) => {
        outgoing.sending = {
          abort: () => reject(new Failure("client-gone", "client", "never", "context canceled")),
        };
      });
    const { client, answer } = rig.ask();
    client.observer!.aborted("client-gone");
    client.observer!.finished(0, 0, "client-gone");
    const response = await answer;
    assert.equal(response.status, 499);
    assert.equal(rig.transport.sent.length, 1);
    assert.match(rig.accessLog[0]!, / 499 0 22 .*x_cf_routererror:"endpoint_failure \(context canceled\)"$/);
    assert.equal(rig.metrics.responses4xx, 1);
    assert.equal(rig.accessLog.length, 1);
  });

  it("turns an error of the backend into 499 when the client is gone by then", async () => {
    const rig = new RouterRig({ backends: { max_attempts: 3 } });
    rig.register("test.com", { port: 1 });
    rig.register("test.com", { port: 2 });
    const { promise, reject } = Promise.withResolvers<never>();
    rig.transport.script = () => promise;
    const { client, answer } = rig.ask();
    client.observer!.aborted("client-gone");
    reject(new Failure("dial", "backend", "always", "TEXT"));
    assert.equal((await answer).status, 499);
    assert.equal(rig.transport.sent.length, 1);
    const failed = rig.logger.lines.find(([, message]) => message === "backend-endpoint-failed")?.[2];
    assert.deepEqual([failed?.["error"], failed?.["retriable"]], ["context canceled (TEXT)", false]);
    assert.deepEqual(rig.logger.lines.at(-1), [
      "error",
      "gateway-error-and-original-request-context-cancelled",
      { error: "TEXT" },
    ]);
  });

  it("is not logged when it left during the response of a backend", async () => {
    for (const end of ["client-gone", "response-cut", "request-cut"] as const) {
      const rig = new RouterRig();
      rig.register("test.com");
      await rig.exchange({}, end, 0, 10);
      assert.deepEqual([rig.accessLog, rig.metrics.responses], [[], 0]);
    }
  });

  it("is logged when the answer was the router's own", async () => {
    const rig = new RouterRig();
    await rig.exchange({}, "client-gone", 0, 0);
    assert.match(rig.accessLog[0]!, /" 404 0 /);
  });
});
