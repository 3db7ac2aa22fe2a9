import * as v from "valibot";
import type { Endpoint } from "../endpoint.ts";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";

/** The body of an error (routing-api §4). */
export const ErrorElement = v.strictObject({ name: v.string(), message: v.string() });

/** Schemas by the names under which the document has them once. */
export type NamedSchemas = Readonly<Record<string, object>>;

const reference = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

/** What the document is made of. */
interface DocumentParts {
  readonly endpoints: readonly Endpoint[];
  readonly schemas: NamedSchemas;
  /** Version of the program. */
  readonly version: string;
}

/** The OpenAPI 3.1 document of the API, from the schemas that its bodies are decoded by. */
export function openApiDocument({ endpoints, schemas, version }: DocumentParts): JsonSchema {
  const names = new Map(Object.entries(schemas).map(([name, schema]) => [schema, name]));
  const schemaFor = (schema: object | "text", list = false): JsonSchema => {
    if (schema === "text") return { type: "string" };
    const name = names.get(schema);
    const one = name === undefined ? jsonSchemaOf(schema) : reference(name);
    return list ? { type: "array", items: one } : one;
  };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, schemaFor) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Routing API",
      version,
      description: "Leases of HTTP routes and TCP route mappings, router groups, and streams of what changes.",
    },
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, jsonSchemaOf(schema)])),
      securitySchemes: {
        uaa: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "Access token of UAA." },
      },
    },
  };
}

function operation(endpoint: Endpoint, schemaFor: (schema: object | "text", list?: boolean) => JsonSchema): JsonSchema {
  const { operationId, summary, scopes, query = [], headers = [], body, answers, errors, path } = endpoint;
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema: { type: "string" },
    })),
    ...query.map(({ name, description, repeats = false }) => ({
      name,
      in: "query",
      description,
      schema: repeats ? { type: "array", items: { type: "string" } } : { type: "string" },
    })),
    ...headers.map(({ name, description }) => ({ name, in: "header", description, schema: { type: "string" } })),
  ];
  const refused = {
    ...(body !== undefined && {
      400: "The body cannot be read, or says what cannot be.",
      408: "The body did not come.",
    }),
    ...(scopes.length > 0 && { 401: "No token, a bad one, or one without the scope." }),
    ...(body !== undefined && { 413: "The body is too large." }),
    ...(scopes.length > 0 && { 503: "The database does not answer, or is locked for backup or restore." }),
    ...Object.fromEntries(errors.map(({ status, description }) => [status, description])),
  };
  const refusals = Object.entries(refused).map(([status, description]) => [
    status,
    { description, content: { "text/plain; charset=utf-8": { schema: schemaFor(ErrorElement) } } },
  ]);
  const successes = answers.map(({ status, description, body: sent, headers: named = {} }) => [
    status,
    {
      description,
      ...(Object.keys(named).length > 0 && {
        headers: Object.fromEntries(
          Object.entries(named).map(([name, text]) => [name, { description: text, schema: { type: "string" } }]),
        ),
      }),
      ...(sent !== undefined && { content: { [sent.type]: { schema: schemaFor(sent.schema, sent.list) } } }),
    },
  ]);
  return {
    operationId,
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { "application/json": { schema: schemaFor(body.schema, body.list) } } },
    }),
    responses: Object.fromEntries([...successes, ...refusals]),
    security: scopes.length === 0 ? [{}] : scopes.map((scope) => ({ uaa: [scope] })),
  };
}
