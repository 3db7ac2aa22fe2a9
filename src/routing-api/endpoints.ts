import { jsonAnswer } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import { createGroup, deleteGroup, listGroups, updateGroup } from "./group-handlers.ts";
import { HttpRouteBody, HttpRouteElement } from "./http-route.ts";
import { httpRouteHandlers, tcpRouteHandlers } from "./lease-handlers.ts";
import { ErrorElement, type NamedSchemas, openApiDocument } from "./openapi/document.ts";
import { RouterGroupBody, RouterGroupElement } from "./router-group.ts";
import { httpStream, tcpStream } from "./stream-handlers.ts";
import { TcpRouteBody, TcpRouteElement } from "./tcp-route.ts";

const text = "text/plain; charset=utf-8";
const json = "application/json";

/** Names of schemas in the OpenAPI document. */
const schemas: NamedSchemas = {
  HttpRouteRequest: HttpRouteBody,
  HttpRoute: HttpRouteElement,
  TcpRouteRequest: TcpRouteBody,
  TcpRoute: TcpRouteElement,
  RouterGroupRequest: RouterGroupBody,
  RouterGroup: RouterGroupElement,
  Error: ErrorElement,
};

const reading = ["routing.routes.read", "routing.route.GUID.read"];
const writing = ["routing.routes.write"];
const readingGroups = ["routing.router_groups.read"];
const writingGroups = ["routing.router_groups.write"];

const reservations = { name: "reservations", description: "`true`: reservations too." };
const prefer = { name: "Prefer", description: "`reservations`: the same." };
const segments = {
  name: "isolation_segment",
  description: "Only mappings of these segments; empty: those without one.",
  repeats: true,
};
const snapshot = { name: "snapshot", description: "`true`: begin with everything there is." };
const lastEventId = {
  name: "Last-Event-ID",
  description: "Go on behind this event; with everything there is, when it is forgotten.",
};
const created = [{ status: 201, description: "All are stored, or renewed." }];
const removed = [{ status: 204, description: "None of them is there any more." }];
const events = [
  {
    status: 200,
    description:
      "Server-sent events `Upsert` and `Delete`, whose data is a route; a snapshot between `Reset` and `Synced`.",
    body: { type: "text/event-stream; charset=utf-8", schema: "text" },
  },
] as const;
const unknownGroup = [{ status: 404, description: "There is no such router group." }];

/** Everything the API answers (routing-api §5.3), and its own description. */
export const endpoints: readonly Endpoint[] = [
  {
    method: "GET",
    path: "/routing/v1/routes",
    handler: httpRouteHandlers.list,
    operationId: "listRoutes",
    summary: "Live HTTP routes, in the order of their creation.",
    scopes: reading,
    query: [reservations],
    headers: [prefer],
    answers: [{ status: 200, description: "Routes.", body: { type: text, schema: HttpRouteElement, list: true } }],
    errors: [],
  },
  {
    method: "POST",
    path: "/routing/v1/routes",
    handler: httpRouteHandlers.create,
    operationId: "createRoutes",
    summary: "Creates HTTP routes, or renews their leases: all or none.",
    scopes: writing,
    body: { schema: HttpRouteBody, list: true },
    answers: created,
    errors: [],
  },
  {
    method: "DELETE",
    path: "/routing/v1/routes",
    handler: httpRouteHandlers.remove,
    operationId: "deleteRoutes",
    summary: "Removes HTTP routes, which are told apart by route, ip and port.",
    scopes: writing,
    body: { schema: HttpRouteBody, list: true },
    answers: removed,
    errors: [],
  },
  {
    method: "GET",
    path: "/routing/v1/events",
    handler: httpStream,
    operationId: "followRoutes",
    summary: "Changes of HTTP routes as they happen.",
    scopes: reading,
    query: [reservations, snapshot],
    headers: [prefer, lastEventId],
    answers: events,
    errors: [],
  },
  {
    method: "GET",
    path: "/routing/v1/tcp_routes",
    handler: tcpRouteHandlers.list,
    operationId: "listTcpRoutes",
    summary: "Live TCP route mappings, in the order of their creation.",
    scopes: reading,
    query: [segments],
    answers: [{ status: 200, description: "Mappings.", body: { type: text, schema: TcpRouteElement, list: true } }],
    errors: [],
  },
  {
    method: "POST",
    path: "/routing/v1/tcp_routes/create",
    handler: tcpRouteHandlers.create,
    operationId: "createTcpRoutes",
    summary: "Creates TCP route mappings, or renews their leases: all or none.",
    scopes: writing,
    body: { schema: TcpRouteBody, list: true },
    answers: created,
    errors: [],
  },
  {
    method: "POST",
    path: "/routing/v1/tcp_routes/delete",
    handler: tcpRouteHandlers.remove,
    operationId: "deleteTcpRoutes",
    summary: "Removes TCP route mappings.",
    scopes: writing,
    body: { schema: TcpRouteBody, list: true },
    answers: removed,
    errors: [],
  },
  {
    method: "GET",
    path: "/routing/v1/tcp_routes/events",
    handler: tcpStream,
    operationId: "followTcpRoutes",
    summary: "Changes of TCP route mappings as they happen.",
    scopes: reading,
    query: [segments, snapshot],
    headers: [lastEventId],
    answers: events,
    errors: [],
  },
  {
    method: "GET",
    path: "/routing/v1/router_groups",
    handler: listGroups,
    operationId: "listRouterGroups",
    summary: "Router groups.",
    scopes: readingGroups,
    query: [{ name: "name", description: "Only the group of this name." }],
    answers: [{ status: 200, description: "Groups.", body: { type: json, schema: RouterGroupElement, list: true } }],
    errors: unknownGroup,
  },
  {
    method: "POST",
    path: "/routing/v1/router_groups",
    handler: createGroup,
    operationId: "createRouterGroup",
    summary: "Creates a router group, unless there is one of that name and type.",
    scopes: writingGroups,
    body: { schema: RouterGroupBody, list: false },
    answers: [
      { status: 200, description: "It exists; nothing changed.", body: { type: text, schema: RouterGroupElement } },
      { status: 201, description: "Created.", body: { type: text, schema: RouterGroupElement } },
    ],
    errors: [],
  },
  {
    method: "PUT",
    path: "/routing/v1/router_groups/:guid",
    handler: updateGroup,
    operationId: "updateRouterGroup",
    summary: "Changes the reservable ports of a router group; nothing else of the body counts.",
    scopes: writingGroups,
    body: { schema: RouterGroupBody, list: false },
    answers: [
      {
        status: 200,
        description: "The group.",
        body: { type: json, schema: RouterGroupElement },
        headers: { "X-Cf-Warnings": "What happens to routes on ports that are no longer reservable." },
      },
    ],
    errors: unknownGroup,
  },
  {
    method: "DELETE",
    path: "/routing/v1/router_groups/:guid",
    handler: deleteGroup,
    operationId: "deleteRouterGroup",
    summary: "Removes a router group; its mappings stay.",
    scopes: writingGroups,
    answers: [{ status: 204, description: "Removed." }],
    errors: unknownGroup,
  },
  {
    method: "GET",
    path: "/openapi.json",
    handler: async ({ version }) => jsonAnswer(200, JSON.stringify(openApiDocument({ endpoints, schemas, version }))),
    operationId: "describe",
    summary: "This document.",
    scopes: [],
    answers: [{ status: 200, description: "OpenAPI 3.1.", body: { type: json, schema: "text" } }],
    errors: [],
  },
];
