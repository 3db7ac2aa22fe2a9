import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as v from "valibot";
import { LagerLevel } from "../../../src/core/observe/lager.ts";
import type { Api } from "../../../src/routing-api/api.ts";
import { apiApp } from "../../../src/routing-api/api-app.ts";
import type { ApiLog } from "../../../src/routing-api/api-log.ts";
import { ApiMetrics } from "../../../src/routing-api/api-metrics.ts";
import type { BodySchema } from "../../../src/routing-api/body-schema.ts";
import { decodeBody } from "../../../src/routing-api/decode-body.ts";
import { HttpRouteBody, HttpRouteElement, httpLeases } from "../../../src/routing-api/http-route.ts";
import { tagged } from "../../../src/routing-api/lease.ts";
import { groupJson, RouterGroupBody, RouterGroupElement } from "../../../src/routing-api/router-group.ts";
import { TcpRouteBody, TcpRouteElement, tcpLeases } from "../../../src/routing-api/tcp-route.ts";

const silent: ApiLog = {
  level: LagerLevel.fatal,
  debug: () => {},
  info: () => {},
  error: (_, error) => assert.fail(error),
  part: () => silent,
};
const api = { version: "1.2.3", uuid: () => "u", metrics: new ApiMetrics(), localOnly: false } as unknown as Api;
const app = apiApp(api, silent);

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}
interface Schema {
  readonly type?: string | readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

const answer = await app.request("http://x/openapi.json");
const text = await answer.text();
const document = JSON.parse(text) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

describe("the OpenAPI document", () => {
  it("is one of 3.1, as JSON", () => {
    assert.deepEqual([answer.status, answer.headers.get("Content-Type")], [200, "application/json"]);
    assert.equal(document.openapi, "3.1.0");
    assert.deepEqual([document.info.title, document.info.version], ["Routing API", "1.2.3"]);
  });

  it("has every path and method that the app answers", async () => {
    const paths = new Set(app.routes.map(({ path }) => path).filter((path) => path !== "/*"));
    assert.deepEqual(
      Object.keys(document.paths).sort(),
      [...paths].map((path) => path.replace(":guid", "{guid}")).sort(),
    );
    for (const path of paths) {
      const { status, headers } = await app.request(`http://x${path}`, { method: "PATCH" });
      const methods = Object.keys(document.paths[path.replace(":guid", "{guid}")]!).map((method) =>
        method.toUpperCase(),
      );
      assert.deepEqual([status, headers.get("Allow")?.split(", ").sort()], [405, methods.sort()], path);
    }
  });

  it("is whole: ids of their own, parameters of paths, answers, security, references", () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const { path, operation } of operations) {
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
      assert.deepEqual(
        declared.map(({ name, required }) => [name, required]),
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, true]),
      );
      assert.ok(
        Object.keys(operation.responses).some((status) => status.startsWith("2")),
        path,
      );
      for (const { description } of Object.values(operation.responses)) assert.ok(description.length > 0);
      for (const scheme of operation.security.flatMap(Object.keys))
        assert.ok(Object.hasOwn(document.components.securitySchemes, scheme));
    }
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
    assert.deepEqual([...new Set(references)].sort(), Object.keys(document.components.schemas).sort());
  });

  it("asks for no token where the document says so", async () => {
    const open = operations.filter(({ operation }) => operation.security.every((one) => Object.keys(one).length === 0));
    assert.deepEqual(
      open.map(({ path }) => path),
      ["/openapi.json"],
    );
  });
});

/** JSON kinds, with the edges of numbers. */
const values: readonly unknown[] = [null, "x", "", true, 0, -1, 1, 65535, 65536, 1.5, [], {}];

/** What JSON Schema makes of a value, as far as the document uses it. */
function allows({ type, minimum, maximum }: Schema, value: unknown): boolean {
  const types = [type].flat();
  if (value === null) return types.includes("null");
  if (typeof value === "number")
    return (
      types.includes("integer") &&
      Number.isInteger(value) &&
      value >= (minimum ?? Number.NEGATIVE_INFINITY) &&
      value <= (maximum ?? Number.POSITIVE_INFINITY)
    );
  return types.includes(Array.isArray(value) ? "array" : typeof value);
}

function decodes(schema: BodySchema, name: string, value: unknown): boolean {
  try {
    decodeBody(JSON.stringify({ [name]: value }), "X", schema, false);
    return true;
  } catch {
    return false;
  }
}

describe("schemas of the OpenAPI document", () => {
  const bodies: readonly (readonly [name: string, schema: BodySchema])[] = [
    ["HttpRouteRequest", HttpRouteBody],
    ["TcpRouteRequest", TcpRouteBody],
    ["RouterGroupRequest", RouterGroupBody],
  ];
  for (const [name, schema] of bodies) {
    it(`${name} takes, field by field, what the decoder takes`, () => {
      const { properties = {} } = document.components.schemas[name]!;
      assert.deepEqual(Object.keys(properties), Object.keys(schema.entries));
      for (const [field, shown] of Object.entries(properties)) {
        for (const value of values)
          assert.equal(allows(shown, value), decodes(schema, field, value), `${field}: ${JSON.stringify(value)}`);
      }
    });
  }

  it("describe the elements of lists and streams", () => {
    const tag = { guid: "g", index: 7 };
    const least = httpLeases([{ route: "a", ip: "1", port: 1 }], 120)[0]!;
    const most = { route: "a", ip: "1", port: 1, log_guid: "l", route_service_url: "https://r", route_guid: "p" };
    const reserved = httpLeases([{ route: "a", reserved: true, ttl: 0 }], 120)[0]!;
    for (const lease of [least, httpLeases([most], 120)[0]!, reserved])
      assert.ok(v.is(HttpRouteElement, JSON.parse(tagged(lease.element("", undefined), tag))));
    const mapping = { router_group_guid: "g", port: 1, backend_ip: "1", backend_port: 1 };
    const everything = {
      ...mapping,
      backend_tls_port: 2,
      backend_sni_hostname: "s",
      sni_rewrite_hostname: "w",
      instance_id: "i",
      ttl: 5,
      isolation_segment: "z",
      terminate_frontend_tls: true,
      alpns: "h2",
      enable_backend_mtls: true,
      route_guid: "p",
    };
    for (const lease of tcpLeases([mapping, everything], 120))
      assert.ok(v.is(TcpRouteElement, JSON.parse(tagged(lease.element("", undefined), tag))));
    assert.ok(
      v.is(RouterGroupElement, JSON.parse(groupJson({ guid: "g", name: "n", type: "tcp", reservablePorts: "" }))),
    );
  });
});
