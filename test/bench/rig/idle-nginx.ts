import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Contender, Surroundings } from "./contender.ts";
import { freePorts } from "./processes.ts";

/** nginx for connections that do nothing for long: so many workers, each with all the descriptors it may have; upgrades pass. */
export async function idleNginx({ folder, backendPort }: Surroundings, workers: number): Promise<Contender> {
  const [http = 0] = await freePorts(1);
  const config = join(folder, "idle-nginx.conf");
  writeFileSync(
    config,
    `worker_processes ${workers}; daemon off; pid ${folder}/idle-nginx.pid; error_log ${folder}/idle-nginx-error.log;
events { worker_connections 65536; }
http {
  access_log ${folder}/idle-nginx-access.log combined buffer=64k flush=1s;
  keepalive_timeout 3600s; proxy_read_timeout 3600s; proxy_send_timeout 3600s;
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 64; }
  server {
    listen 127.0.0.1:${http} backlog=4096 reuseport;
    location / {
      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`,
  );
  return { name: "nginx", httpPort: http, tlsPort: 0, command: ["nginx", "-c", config] };
}
