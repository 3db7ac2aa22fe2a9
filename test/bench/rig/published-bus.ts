import { connect, type NatsConnection } from "@nats-io/transport-node";
import { startNatsServer } from "../../fixtures/nats-server.ts";
import { freePorts } from "./processes.ts";

/** A real nats-server with a client that publishes. */
export interface PublishedBus {
  readonly port: number;
  readonly client: NatsConnection;
  stop(): Promise<void>;
}

/** Starts one on a free port. */
export async function startPublishedBus(): Promise<PublishedBus> {
  const nats = await startNatsServer({ port: (await freePorts(1))[0] ?? 0 });
  const client = await connect({ servers: `127.0.0.1:${nats.port}` });
  const stop = async (): Promise<void> => {
    await client.close();
    await nats.stop();
  };
  return { port: nats.port, client, stop };
}
