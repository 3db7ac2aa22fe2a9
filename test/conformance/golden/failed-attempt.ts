import { type GoldenRoute, logLine, message, type ProgramLine } from "./case.ts";

/** Three attempts for each request. */
export const three = { backends: { max_attempts: 3 } };
/** What Go's transport puts before most of its errors. */
export const broken = "net/http: HTTP/1.x transport connection broken: ";
const failedBody = "502 Bad Gateway: Registered endpoint failed to handle the request.\n";
/** The error of an endpoint of the name `dead` that nobody listens on. */
export const refused = "dial tcp {backend:dead}: connect: connection refused";

/** The answer to a request whose last attempt failed so (data-plane §2.3). */
export function failed(error: string, status = "502 Bad Gateway", body = failedBody): string {
  return message(
    [
      `HTTP/1.1 ${status}`,
      "Content-Type: text/plain; charset=utf-8",
      `X-Cf-Routererror: endpoint_failure (${error})`,
      "X-Content-Type-Options: nosniff",
      "Date: {date}",
      `Content-Length: ${body.length}`,
    ],
    body,
  );
}

/** The text of an error as the access log quotes it. */
const quoted = (error: string): string => error.replaceAll(/["\\]/g, "\\$&");
/** The access log line of such an answer. */
export const failedLine = (error: string, more: Parameters<typeof logLine>[0] = {}): string =>
  logLine({ status: 502, out: 67, routerError: quoted(`endpoint_failure (${error})`), ...more });

/** Fields of a registration. */
export const instance = (id: string, index: string) => ({
  app: "app-guid",
  private_instance_id: id,
  private_instance_index: index,
});

/** Data of a line about a failed attempt at the endpoint of that name, keys in order (data-plane §11.2). */
export function attemptData(
  backend: string,
  of: { number: number; endpoints: number; connected: boolean; error: string; retriable: boolean },
): string {
  const { number, endpoints, connected, error, retriable } = of;
  return (
    `{"route-endpoint":${endpointData(backend)},"attempt":${number},"vcap_request_id":"{id}",` +
    `"num-endpoints":${endpoints},"got-connection":${connected},"wrote-headers":${connected},"conn-reused":false,` +
    `"dns-lookup-time":{duration},"dial-time":{duration},"tls-handshake-time":0,` +
    `"local-address":"${connected ? "127.0.0.1:{port}" : ""}","error":${JSON.stringify(error)},"retriable":${retriable}}`
  );
}

/** An endpoint as log lines have it, JSON. */
export const endpointData = (backend: string): string =>
  `{"ApplicationId":"app-guid","Addr":"${backend}","Tags":null,"RouteServiceUrl":"","AZ":""}`;
/** The line about a failed attempt. */
export const failedAttempt = (data: string): ProgramLine => ({
  message: "backend-endpoint-failed",
  level: 3,
  source: "gorouter.stdout",
  data,
});
/** The line about the mark that it leaves. */
export const marked = (backend: string): ProgramLine => ({
  message: "endpoint-marked-as-ineligible",
  level: 3,
  data: `{"route-endpoint":${endpointData(backend)}}`,
});

/** Two instances; the cookie of `pinned` sends the first attempt to `main`, whatever the turn. */
export const pair: readonly GoldenRoute[] = [
  { uris: ["x.com"], fields: instance("ia", "0") },
  { uris: ["x.com"], backend: "other", fields: instance("ib", "1") },
];
/** Sends the first attempt to `main` of `pair`. */
export const pin = "Cookie: JSESSIONID=1; __VCAP_ID__=ia";
