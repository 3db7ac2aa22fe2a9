import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Bus, BusMessage } from "../../../src/bus/bus.ts";
import { startSubscriber } from "../../../src/bus/subscriber.ts";
import type { Registry } from "../../../src/core/routing/registry.ts";
import { table } from "../../unit/core/routing/recording.ts";
import { list, type Member, NaiveTable, object, scalar, text, type Written } from "./naive-messages.ts";

const odd: fc.Arbitrary<Written> = fc.oneof(
  fc.constantFrom(scalar("null", "null"), scalar("null", "null"), scalar("bool", "true"), list([]), object([])),
  fc.constantFrom(text("x"), scalar("number", "3"), list([text("a.com")]), object([["a", text("b")]])),
);
const mostly = (usual: fc.Arbitrary<Written>) =>
  fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: odd });
const texts = (...values: string[]) => mostly(fc.constantFrom(...values).map(text));
const anyNumber = fc.constantFrom(
  ...["0", "-0", "1", "-1", "1.0", "1.5", "1e3", "65535", "65536", "9223372036854775807", "9223372036854775808"],
);
const number = (...usual: string[]) =>
  mostly(
    fc
      .oneof({ weight: 20, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: anyNumber })
      .map((json) => scalar("number", json)),
  );
const uri = fc.constantFrom("a.com", "A.com/", "a.com/x", "b.com?q", "*.a.com", "/a.com", "", "é.com", "a.com/x//");
const tag = fc.tuple(fc.constantFrom("component", "__proto__", "a", "é"), texts("x", "", "y\n"));
const option = fc.tuple(
  fc.constantFrom("loadbalancing", "LoadBalancing", "x"),
  texts("", "round-robin", "least-connection", "no"),
);

const fields: ReadonlyMap<string, fc.Arbitrary<Written>> = new Map([
  ["host", texts("10.0.0.1", "10.0.0.2", "", "h\u0000\u2028", "ü")],
  ["port", number("80", "8080", "0")],
  ["tls_port", number("0", "443")],
  ["uris", mostly(fc.array(mostly(uri.map(text)), { maxLength: 3 }).map(list))],
  ["app", texts("app-1", "app-2", "")],
  ["private_instance_id", texts("i-1", "i-2", "10.0.0.1:80")],
  ["private_instance_index", texts("0", "1")],
  ["server_cert_domain_san", texts("san", "")],
  ["tags", mostly(fc.array(tag, { maxLength: 3 }).map(object))],
  ["stale_threshold_in_seconds", number("0", "30", "120", "500")],
  ["isolation_segment", texts("", "", "in", "out")],
  ["availability_zone", texts("z1", "z2")],
  ["route_service_url", texts("", "https://rs", "http://rs", "httpsfoo")],
  ["endpoint_updated_at_ns", number("0", "1760000000000000001")],
  ["protocol", texts("", "http1", "http2", "gopher")],
  ["options", mostly(fc.array(option, { maxLength: 2 }).map(object))],
  ["unknown", odd],
]);
const member: fc.Arbitrary<Member> = fc
  .constantFrom(...fields.keys())
  .chain((name) =>
    fc.tuple(
      fc.oneof(
        { weight: 12, arbitrary: fc.constant(name) },
        { weight: 1, arbitrary: fc.constantFrom(name.toUpperCase(), name.replace("s", "\u017f"), `${name} `) },
      ),
      fields.get(name)!,
    ),
  );
const usual: readonly Member[] = [
  ["host", text("10.0.0.1")],
  ["port", scalar("number", "80")],
  ["uris", list([text("a.com"), text("b.com")])],
];
const message = fc.oneof(
  { weight: 9, arbitrary: fc.array(member, { maxLength: 6 }).map((members) => object([...usual, ...members])) },
  { weight: 2, arbitrary: fc.array(member, { maxLength: 8 }).map(object) },
  { weight: 1, arbitrary: odd },
);
const subject = fc.constantFrom(
  ...Array.from({ length: 6 }, () => "router.register"),
  ...["router.unregister", "router.unregister", "router.other"],
);

/** A message on its way; without `written` only its bytes are known. */
interface Sent {
  readonly to: string;
  readonly payload: Uint8Array;
  readonly written?: Written;
}

const encoder = new TextEncoder();
const whole = fc
  .record({ to: subject, written: message })
  .map(({ to, written }): Sent => ({ to, payload: encoder.encode(written.json), written }));
const damage = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
const damaged = fc.tuple(whole, damage).map(([{ to, payload }, { at, byte, cut }]): Sent => {
  const bytes = cut ? payload.slice(0, at % (payload.length + 1)) : payload.slice();
  if (!cut && bytes.length > 0) bytes[at % bytes.length] = byte;
  return { to, payload: bytes };
});
const garbage: fc.Arbitrary<Sent> = fc.record({ to: subject, payload: fc.uint8Array({ maxLength: 40 }) });
const sent = fc.oneof(
  { weight: 12, arbitrary: whole },
  { weight: 2, arbitrary: damaged },
  { weight: 1, arbitrary: garbage },
);

function contents(registry: Registry): [string, unknown][] {
  return registry.routes().map(([key, pool]) => {
    const entries = pool.members.map(({ endpoint }) => ({
      endpoint: {
        address: endpoint.address,
        tls: endpoint.tls,
        san: endpoint.serverCertDomainSan,
        app: endpoint.applicationId,
        id: endpoint.privateInstanceId,
        index: endpoint.privateInstanceIndex,
        tags: JSON.stringify([...(endpoint.tags ?? [])].sort()),
        ttl: endpoint.staleThresholdSeconds,
        segment: endpoint.isolationSegment,
        service: endpoint.routeServiceUrl,
        updated: String(endpoint.updatedAtNs),
        protocol: endpoint.protocol,
        balancing: endpoint.loadBalancing,
      },
      zone: endpoint.availabilityZone,
    }));
    return [key, { entries, service: pool.routeServiceUrl, algorithm: pool.algorithm }];
  });
}

/** A subscriber on a table, and the way in. */
async function subscribed() {
  const { registry, clock, log } = table({
    routing_table_sharding_mode: "shared-and-segments",
    isolation_segments: ["in"],
  });
  const handlers = new Map<string, (message: BusMessage) => void>();
  const bus = {
    publish() {},
    subscribe(to: string, handler: (message: BusMessage) => void) {
      handlers.set(to, handler);
      return { unsubscribe() {} };
    },
    onReconnect() {},
  };
  const runtime = {
    clock,
    localIp: async () => "10.0.0.9",
    uuid: () => "0",
    randomBytes: (length: number) => new Uint8Array(length),
  };
  const options = { index: 0, startResponseDelayMs: 0, staleThresholdMs: 120_000, http2: false };
  await startSubscriber(bus as unknown as Bus, runtime, log, registry, options);
  log.level = 3;
  return { registry, clock, log, deliver: handlers.get("router.*")! };
}

const isJson = (payload: Uint8Array): boolean => {
  try {
    JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload));
    return true;
  } catch {
    return false;
  }
};

/** `npm run test:all` sends a hundred thousand. */
const total = process.env["CAUSEWAY_ALL"] === "1" ? 100_000 : 6_000;
const perRun = 200;

describe("random register messages (control-plane §2.4, §3)", () => {
  it(`${total}, whole, damaged and garbage, leave the table equal to a naive one`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sent, { minLength: perRun, maxLength: perRun }), async (messages) => {
        const { registry, clock, log, deliver } = await subscribed();
        const naive = new NaiveTable();
        for (const { to, payload, written } of messages) {
          if (written === undefined) {
            // What damage has left in one piece may mean anything.
            if (isJson(payload)) continue;
            naive.rejected++;
          } else naive.receive(to, written);
          deliver({ subject: to, payload, reply: "" });
        }
        clock.advance(1);
        assert.deepEqual(contents(registry), naive.contents());
        const refused = log.takeMessages().filter((line) => line === "error validation-error").length;
        assert.equal(refused, naive.rejected);
      }),
      { seed: 11, numRuns: total / perRun },
    );
  });
});
