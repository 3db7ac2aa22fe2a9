/**
 * The client's share of `bench:register`: `bun plain-subscriber.ts NATS-PORT` hears all register messages with the program's own
 * bus client and throws them away; a request to `share.heard` is answered once all that came before it were heard.
 */
import process from "node:process";
import { runtime } from "#runtime";
import { connectBus } from "../../src/bus/client.ts";
import { Level, type Logger } from "../../src/core/observe/log.ts";

const silent: Logger = { level: Level.silent, debug() {}, info() {}, warn() {}, error() {}, source: () => silent };
const bus = await connectBus(runtime, silent, {
  hosts: [{ hostname: "127.0.0.1", port: Number(process.argv[2]) }],
  user: "",
  pass: "",
  tls_enabled: false,
  ca_certs: "",
  cert_chain: "",
  private_key: "",
  pingIntervalMs: 20_000,
});
let heard = 0;
const early = (): boolean => {
  heard++;
  return true;
};
bus.subscribe("router.*", () => {}, undefined, early);
bus.subscribe("share.heard", ({ reply }) => bus.publish(reply, String(heard)));
