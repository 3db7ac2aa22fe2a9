import { createRouter, serve } from "causeway";

const router = await createRouter({ routes: [{ uri: "app.localhost", port: 3000 }] });
const server = await serve(router, { port: 8081 });

router.register({ uri: "api.localhost/v1", host: "127.0.0.1", port: 3001 });
router.unregister({ uri: "app.localhost", port: 3000 });
await server.close();
await router.close();
