import { Endpoint, type EndpointFields } from "../core/routing/endpoint.ts";

/** A route given in code: one instance of an app under one name. */
export interface Route
  extends Pick<
    EndpointFields,
    | "applicationId"
    | "privateInstanceId"
    | "privateInstanceIndex"
    | "isolationSegment"
    | "availabilityZone"
    | "loadBalancing"
  > {
  /** Host with an optional path, as in `router.register`: `app.example.com`, `*.example.com`, `example.com/api`. */
  readonly uri: string;
  /** Name or address of the instance; default 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  /** Tags for metrics and logs. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** What names a route that is to be taken away. */
export type RouteName = Pick<Route, "uri" | "host" | "port" | "isolationSegment">;

const shown = ({ uri, host = "127.0.0.1", port }: RouteName): string =>
  `route ${JSON.stringify(uri)} to ${host}:${port}`;

/**
 * The endpoint of a route.
 *
 * @throws Error that says what is wrong with it.
 */
export function endpointOf(route: Route): Endpoint {
  const { uri, host = "127.0.0.1", port, tags, ...fields } = route;
  if (typeof uri !== "string" || uri === "" || uri.includes("://")) {
    throw new Error(`cannot use ${shown(route)}: give a host with an optional path, "app.example.com/api" for example`);
  }
  if (host === "") throw new Error(`cannot use ${shown(route)}: name the host of the instance`);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Error(`cannot use ${shown(route)}: give a port from 1 to 65535`);
  }
  return new Endpoint({ ...fields, host, port, tags: tags === undefined ? null : new Map(Object.entries(tags)) });
}
