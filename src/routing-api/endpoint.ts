import type { Handler } from "./api.ts";

/** An answer of an endpoint. */
interface EndpointAnswer {
  readonly status: number;
  readonly description: string;
  /** Content type and the valibot schema of the body, a list of it where `list`; absent: no body. */
  readonly body?: { readonly type: string; readonly schema: object | "text"; readonly list?: boolean };
  readonly headers?: Readonly<Record<string, string>>;
}

/** A method of a path: who answers, and what the OpenAPI document says of it. */
export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As hono has it: `:guid`. */
  readonly path: string;
  readonly handler: Handler;
  readonly operationId: string;
  readonly summary: string;
  /** Scopes, any of which will do; empty: no token is asked for. */
  readonly scopes: readonly string[];
  readonly query?: readonly { readonly name: string; readonly description: string; readonly repeats?: boolean }[];
  /** Request headers. */
  readonly headers?: readonly { readonly name: string; readonly description: string }[];
  /** valibot schema of the body, a list of it where `list`. */
  readonly body?: { readonly schema: object; readonly list: boolean };
  /** Of success. */
  readonly answers: readonly EndpointAnswer[];
  /** Names of errors beside those that every endpoint has (routing-api §4). */
  readonly errors: readonly { readonly status: number; readonly description: string }[];
}
