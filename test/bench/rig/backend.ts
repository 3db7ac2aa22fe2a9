import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Processes } from "./processes.ts";
import { runtimeFolder } from "./routers.ts";
import { present } from "./tools.ts";

/** What `/` answers: the size of body that Gorouter's own published measurements use. */
export const smallBody: string = "x".repeat(1024);

/** Files under `/f/`. */
export const fileSizes: Readonly<Record<string, number>> = { "64k": 65_536, "1m": 1_048_576 };

/** Starts the app behind all contenders on CPU 1: nginx, or without it a small server of our own. Gives what it is. */
export function startBackend(processes: Processes, port: number): string {
  if (!present("nginx")) {
    const script = fileURLToPath(new URL("../plain-backend.ts", import.meta.url));
    processes.start("backend", 1, [`${runtimeFolder}/bun`, script, String(port)]);
    return "our own server (nginx is missing)";
  }
  const { folder } = processes;
  mkdirSync(join(folder, "files"));
  for (const [name, size] of Object.entries(fileSizes))
    writeFileSync(join(folder, "files", name), Buffer.alloc(size, 7));
  const config = join(folder, "backend.conf");
  writeFileSync(
    config,
    `worker_processes 1; daemon off; pid ${folder}/backend.pid; error_log ${folder}/backend-error.log;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;
  client_body_buffer_size 64k; client_max_body_size 0;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { default_type text/plain; return 200 "${smallBody}"; }
    location /f/ { alias ${folder}/files/; }
    # "return" would leave the body unread.
    location /sink { proxy_pass http://127.0.0.1:${port}/; }
  }
}
`,
  );
  processes.start("backend", 1, ["nginx", "-c", config]);
  return "nginx";
}
