import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { appHost, type Contender, type Surroundings } from "./contender.ts";
import { freePorts } from "./processes.ts";

/** nginx with one worker, buffered access log and pooled connections to the backend. */
async function nginx({ folder, backendPort, nginxProtocols }: Surroundings): Promise<Contender> {
  const [http, tls] = (await freePorts(2)) as [number, number];
  const config = join(folder, "nginx.conf");
  const protocols = nginxProtocols === undefined ? "" : ` ssl_protocols ${nginxProtocols};`;
  writeFileSync(
    config,
    `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx-error.log;
events { worker_connections 8192; }
http {
  access_log ${folder}/nginx-access.log combined buffer=64k flush=1s;
  keepalive_requests 1000000000; client_body_buffer_size 64k; proxy_request_buffering off;
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${http} backlog=4096; listen 127.0.0.1:${tls} ssl http2 backlog=4096;
    ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;${protocols}
    location / {
      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Vcap-Request-Id $request_id; add_header X-Vcap-Request-Id $request_id;
    }
  }
}
`,
  );
  return { name: "nginx", needs: "nginx", httpPort: http, tlsPort: tls, command: ["nginx", "-c", config] };
}

/** HAProxy with one thread. It has no log to a file, so it writes none. */
async function haproxy({ folder, backendPort }: Surroundings): Promise<Contender> {
  const [http, tls] = (await freePorts(2)) as [number, number];
  const config = join(folder, "haproxy.cfg");
  writeFileSync(
    config,
    `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${http}
  bind 127.0.0.1:${tls} ssl crt ${folder}/both.pem alpn h2,http/1.1
  option forwardfor
  unique-id-format %[uuid]
  http-request set-header X-Vcap-Request-Id %[unique-id]
  http-request set-header X-Forwarded-Proto http
  use_backend app if { hdr(host),field(1,:) -m str ${appHost} }
backend app
  server backend 127.0.0.1:${backendPort} pool-max-conn 256
`,
  );
  return { name: "haproxy", needs: "haproxy", httpPort: http, tlsPort: tls, command: ["haproxy", "-f", config] };
}

/** Caddy on one processor, with its access log. */
async function caddy({ folder, backendPort }: Surroundings): Promise<Contender> {
  const [http, tls] = (await freePorts(2)) as [number, number];
  const config = join(folder, "Caddyfile");
  writeFileSync(
    config,
    `{
  admin off
  auto_https off
  default_sni ${appHost}
}
(app) {
  log {
    output file ${folder}/caddy-access.log
  }
  reverse_proxy 127.0.0.1:${backendPort} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
http://:${http} {
  bind 127.0.0.1
  import app
}
https://${appHost}:${tls} {
  bind 127.0.0.1
  tls ${folder}/cert.pem ${folder}/key.pem
  import app
}
`,
  );
  return {
    name: "caddy",
    needs: "caddy",
    httpPort: http,
    tlsPort: tls,
    command: ["caddy", "run", "--config", config, "--adapter", "caddyfile"],
    env: { GOMAXPROCS: "1" },
  };
}

/** The proxies people would take instead, nginx first: the others are compared with it. */
export async function rivals(surroundings: Surroundings): Promise<Contender[]> {
  return [await nginx(surroundings), await haproxy(surroundings), await caddy(surroundings)];
}
