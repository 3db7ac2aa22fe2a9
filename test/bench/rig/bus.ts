import { connect } from "@nats-io/transport-node";
import { runtime } from "#runtime";
import { startEmbeddedBus } from "../../../src/bus/embedded/server.ts";
import { Level, type Logger } from "../../../src/core/observe/log.ts";
import { appHost } from "./contender.ts";

const silent: Logger = { level: Level.silent, debug() {}, info() {}, warn() {}, error() {}, source: () => silent };

/** Starts the bus that the routers listen to, in this process, on a free port. */
export async function startBus(): Promise<number> {
  return (await startEmbeddedBus(runtime, silent, { port: 0, webSocketPort: 0 })).port;
}

/** Registers the app, and `count - 1` routes that nobody asks for: at once, at each router's start and every 20 s. */
export async function keepRegistered(natsPort: number, backendPort: number, count: number): Promise<void> {
  const nats = await connect({ servers: `127.0.0.1:${natsPort}` });
  const app = { app: "app-guid", private_instance_id: "instance-guid", private_instance_index: "0" };
  const register = (message: object): void => nats.publish("router.register", JSON.stringify(message));
  const announce = (): void => {
    register({ host: "127.0.0.1", port: backendPort, uris: [appHost], ...app });
    for (let i = 1; i < count; i++) {
      register({ host: "10.0.0.1", port: 1 + (i % 60_000), uris: [`app-${i}.example.com`], app: `app-${i}` });
    }
  };
  nats.subscribe("router.start", { callback: announce });
  announce();
  setInterval(announce, 20_000).unref();
}
