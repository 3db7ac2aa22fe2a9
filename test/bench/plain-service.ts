/** The route service of `bench:route-service`: `bun plain-service.ts PORT FOLDER` answers everything by itself, over TLS. */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { smallBody } from "./rig/backend.ts";

const [port, folder] = [Number(process.argv[2]), process.argv[3]!];
const pem = (name: string): string => readFileSync(join(folder, `${name}.pem`), "utf8");
const options = { cert: pem("cert"), key: pem("key"), keepAliveTimeout: 3_600_000 };
createServer(options, (_, answer) => answer.end(smallBody)).listen(port, "127.0.0.1");
