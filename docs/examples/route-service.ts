// A route service in hono: it lets nobody through without credentials, and marks what comes back. Serve it over https by
// any server for Fetch handlers, and bind it to a route by its URL.
import { Hono } from "hono";
import { proxy } from "hono/proxy";

/** `send` makes the request back to the router; by default the forwarded URL's host is resolved like any other. */
export function routeService(send: (request: Request) => Promise<Response> = fetch): Hono {
  const app = new Hono();
  app.all("*", async (context) => {
    const forwardedUrl = context.req.header("X-CF-Forwarded-Url");
    if (forwardedUrl === undefined) return context.text("a route service: bind it to a route\n", 404);
    if (context.req.header("Authorization") === undefined) {
      return context.text("who are you?\n", 401, { "WWW-Authenticate": 'Basic realm="apps"' });
    }
    // Everything goes back as it came, X-CF-Proxy-Signature and X-CF-Proxy-Metadata above all; the URL names the host.
    const response = await proxy(forwardedUrl, {
      raw: context.req.raw,
      headers: { ...context.req.header(), Host: undefined, host: undefined },
      redirect: "manual",
      customFetch: send,
    });
    response.headers.set("X-Passed", "example");
    return response;
  });
  return app;
}
