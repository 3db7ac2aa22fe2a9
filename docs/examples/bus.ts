// Routes from NATS, as apps register them on Cloud Foundry; further keys of gorouter.yml go into `config`. Then:
//   nats pub router.register '{"host":"127.0.0.1","port":3000,"uris":["app.localhost"]}'
import { createRouter, serve } from "causeway";

const router = await createRouter({
  nats: { servers: [process.env["NATS_URL"] ?? "nats://127.0.0.1:4222"] },
  config: { balancing_algorithm: "least-connection", droplet_stale_threshold: 60_000 },
  accessLog: console.log,
});
const server = await serve(router, { port: Number(process.env["PORT"] ?? 8081) });
console.log(`listening on http://${server.host}:${server.port}`);
