import type { HeadersLike, RequestLike } from "../core/message.ts";
import { LagerLevel } from "../core/observe/lager.ts";
import { answer, emptyAnswer } from "./answers.ts";
import { type Api, type Call, type Handler, queryOf } from "./api.ts";
import type { BodySchema, Decoded } from "./body-schema.ts";
import { decodeBody } from "./decode-body.ts";
import { HttpRouteBody, httpLeases } from "./http-route.ts";
import type { Lease, LeaseFilter, LeaseKind } from "./lease.ts";
import { readBody } from "./read-body.ts";
import { TcpRouteBody, tcpLeases } from "./tcp-route.ts";
import { demand, type Grant, readable } from "./tokens.ts";

/** What is different between the two kinds: names in texts and in the log (routing-api §13.2). */
interface Kind<S extends BodySchema> {
  readonly kind: LeaseKind;
  readonly struct: string;
  readonly body: S;
  readonly leases: (objects: readonly Decoded<S>[], maxTtl: number | undefined) => Lease[];
  readonly sessions: { readonly list: string; readonly create: string; readonly delete: string };
  readonly data: { readonly create: string; readonly delete: string };
}

const http: Kind<typeof HttpRouteBody> = {
  kind: "http",
  struct: "Route",
  body: HttpRouteBody,
  leases: httpLeases,
  sessions: { list: "list-routes", create: "create-route", delete: "delete-route" },
  data: { create: "route_creation", delete: "route_deletion" },
};

const tcp: Kind<typeof TcpRouteBody> = {
  kind: "tcp",
  struct: "TcpRouteMapping",
  body: TcpRouteBody,
  leases: tcpLeases,
  sessions: {
    list: "list-tcp-route-mappings",
    create: "create-tcp-route-mappings",
    delete: "delete-tcp-route-mappings",
  },
  data: { create: "tcp_mapping_creation", delete: "tcp_mapping_deletion" },
};

/** `Prefer: reservations` (RFC 7240): routers ask so, since servers that know none must not see another target. */
function prefersReservations(headers: HeadersLike): boolean {
  const preferences = (headers.get("Prefer") ?? "").split(",");
  return preferences.some((preference) => preference.trim().toLowerCase() === "reservations");
}

/**
 * What a reader sees: all, or its partitions; `reservations=true` and `isolation_segment=X` of the query, `Prefer` of the
 * header.
 */
export function filterOf(kind: LeaseKind, grant: Grant, request: RequestLike): LeaseFilter {
  const query = queryOf(request);
  const partitions = readable(grant);
  const segments = kind === "tcp" && query.has("isolation_segment") ? query.getAll("isolation_segment") : undefined;
  // Who reads by partition knows of reservations.
  const asked = query.get("reservations") === "true" || prefersReservations(request.headers);
  const reservations = partitions !== undefined || asked;
  return { kind, partitions, segments, reservations };
}

async function bodyOf<S extends BodySchema>(
  api: Api,
  { request, log }: Call,
  { struct, body }: Kind<S>,
  session: string,
  data: string,
): Promise<Decoded<S>[]> {
  const objects = decodeBody(await readBody(request, api.limits, api.clock), struct, body, true);
  const part = log.part(session);
  if (part.level <= LagerLevel.info) part.info("request", { [data]: objects });
  return objects;
}

const list =
  ({ kind }: { readonly kind: LeaseKind }): Handler =>
  async (api, { request }) => {
    const grant = await api.authenticate(request.headers.get("Authorization"));
    const elements = await api.store.list(filterOf(kind, grant, request));
    return answer(200, `[${elements.join(",")}]\n`);
  };

const create =
  <S extends BodySchema>(kind: Kind<S>): Handler =>
  async (api, call) => {
    demand(await api.authenticate(call.request.headers.get("Authorization")), "routing.routes.write");
    const objects = await bodyOf(api, call, kind, kind.sessions.create, kind.data.create);
    if (kind.kind === "tcp") api.locks.demandReads();
    const leases = kind.leases(objects, api.maxTtl);
    if (leases.length > 0) {
      await api.store.save(leases);
      api.feed.wake();
    }
    return emptyAnswer(201);
  };

const remove =
  <S extends BodySchema>(kind: Kind<S>): Handler =>
  async (api, call) => {
    demand(await api.authenticate(call.request.headers.get("Authorization")), "routing.routes.write");
    const objects = await bodyOf(api, call, kind, kind.sessions.delete, kind.data.delete);
    const keys = kind.leases(objects, undefined);
    if (keys.length > 0) {
      await api.store.remove(keys);
      api.feed.wake();
    }
    return emptyAnswer(204);
  };

/** HTTP routes (routing-api §6). */
export const httpRouteHandlers = { list: list(http), create: create(http), remove: remove(http) };
/** TCP route mappings (routing-api §7). */
export const tcpRouteHandlers = { list: list(tcp), create: create(tcp), remove: remove(tcp) };
