import { execFile } from "node:child_process";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import type { CertificatePair } from "../../fixtures/certificates.ts";

/** What became of a client: what it agreed on and got, in words of the caller's; or that it got no answer. */
export type Outcome = string;
export const refused: Outcome = "refused";

/** One request on a TLS connection of its own, as every client of the matrix can be asked for it. */
export interface TlsAsk {
  readonly port: number;
  readonly serverName: string;
  /** Highest version. */
  readonly version: "TLSv1.2" | "TLSv1.3";
  readonly certificate: CertificatePair | undefined;
  readonly alpn: readonly string[];
  /** Bytes before TLS, one character per byte: pieces that are sent one by one. */
  readonly preamble: readonly string[];
  /** Milliseconds of silence before TLS. */
  readonly silentMs: number;
  /** What is sent behind that silence, ahead of TLS. */
  readonly belated?: string;
}

/** Within that many milliseconds what comes before TLS must be on its way for the answer to count. */
const introductionMs = 80;

/** Output of a program that ends by itself, and its exit code. */
async function run(
  file: string,
  args: readonly string[],
  input: string,
): Promise<{ readonly out: string; readonly code: number }> {
  return await new Promise((resolve) => {
    const child = execFile(file, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error === null ? 0 : -1;
      resolve({ out: stdout + stderr, code });
    });
    child.stdin!.on("error", () => {});
    child.stdin!.end(input);
  });
}

const requestTo = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

async function readToEnd(socket: TLSSocket, request: string): Promise<string> {
  let received = "";
  socket.on("data", (bytes: Buffer) => {
    received += bytes.toString("latin1");
  });
  const ended = new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    for (const event of ["end", "close"]) socket.once(event, () => resolve());
  });
  socket.write(request);
  await ended;
  return received;
}

async function readHttp2(socket: TLSSocket, host: string): Promise<string> {
  const session = connectHttp2(`https://${host}`, { createConnection: () => socket });
  try {
    return await new Promise<string>((resolve, reject) => {
      session.on("error", reject).on("close", () => reject(new Error("closed without an answer")));
      const stream = session.request({ ":authority": host, ":path": "/" });
      let status = 0;
      let body = "";
      stream.on("response", (fields) => {
        status = Number(fields[":status"]);
      });
      stream.setEncoding("latin1").on("data", (text: string) => {
        body += text;
      });
      stream.on("error", reject);
      stream.on("end", () => resolve(`HTTP/2 ${status}\r\n\r\n${body}`));
    });
  } finally {
    session.destroy();
  }
}

/**
 * Sends what comes before TLS, piece by piece, on a new connection; undefined when the router closed it.
 * The router gives a header 100 ms from accept (data-plane §6.6). Where the client itself took most of them, on a busy
 * machine, what becomes of the connection says nothing, and another one is opened.
 */
async function introduce(port: number, pieces: readonly string[]): Promise<Socket | undefined> {
  for (;;) {
    const began = performance.now();
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.on("error", () => {});
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    await Promise.race([new Promise<void>((resolve) => socket.once("connect", resolve)), closed]);
    for (const piece of pieces) {
      socket.write(Buffer.from(piece, "latin1"));
      await turn();
    }
    if (pieces.length === 0 || performance.now() - began < introductionMs) return socket.closed ? undefined : socket;
    socket.destroy();
  }
}

/** Node's client: version, ALPN protocol, common name of the router's certificate, and the body of the answer. */
export async function askFromNode(ask: TlsAsk): Promise<Outcome> {
  const socket = await introduce(ask.port, ask.preamble);
  if (socket === undefined) return refused;
  try {
    // A refusal may come at any step below.
    const gone = new Promise<never>((_resolve, reject) => {
      socket.once("close", () => reject(new Error("closed")));
    });
    gone.catch(() => {});
    if (ask.silentMs > 0) await Promise.race([wait(ask.silentMs), gone]);
    if (ask.belated !== undefined) socket.write(ask.belated);
    const { certificate } = ask;
    const secure = connectTls({
      socket,
      servername: ask.serverName,
      maxVersion: ask.version,
      ALPNProtocols: [...ask.alpn],
      rejectUnauthorized: false,
      ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
    });
    const failed = new Promise<never>((_resolve, reject) => {
      secure.once("error", reject).once("close", () => reject(new Error("closed")));
    });
    failed.catch(() => {});
    await Promise.race([new Promise<void>((resolve) => secure.once("secureConnect", resolve)), failed, gone]);
    const { CN } = secure.getPeerCertificate().subject;
    const agreed = `${secure.getProtocol()} ${secure.alpnProtocol} ${CN}`;
    const h2 = secure.alpnProtocol === "h2";
    const answer = await (h2 ? readHttp2(secure, ask.serverName) : readToEnd(secure, requestTo(ask.serverName)));
    const found = /^HTTP\/\S+ 200[\s\S]*?\r\n\r\n(.*)$/.exec(answer);
    return found === null ? refused : `${agreed} ${found[1]}`;
  } catch {
    return refused;
  } finally {
    socket.destroy();
  }
}

/** One request of `curl`, which checks the router's certificate: HTTP version and body. */
export async function askFromCurl(
  { port, serverName, version, alpn }: TlsAsk,
  authorityFile: string,
  certificateFile: string | undefined,
  haproxy: boolean,
): Promise<Outcome> {
  const args = ["-s", "--noproxy", "*", "--cacert", authorityFile, "--max-time", "10"];
  args.push("--resolve", `${serverName}:${port}:127.0.0.1`, "--tls-max", version.slice(4));
  if (certificateFile !== undefined) args.push("--cert", certificateFile);
  if (haproxy) args.push("--haproxy-protocol");
  args.push(alpn[0] === "h2" ? "--http2" : "--http1.1");
  args.push("-w", " %{http_version} %{http_code}", `https://${serverName}:${port}/`);
  // As in `introduce`; curl does not say how long its header took, but the whole of it took longer.
  for (let attempt = 1; ; attempt++) {
    const began = performance.now();
    const { out, code } = await run("curl", args, "");
    const found = /^(.*) (\S+) 200$/.exec(out);
    if (code === 0 && found !== null) return `HTTP/${found[2]} ${found[1]}`;
    if (!haproxy || attempt === 5 || performance.now() - began < introductionMs) return refused;
  }
}

/**
 * One request of `openssl s_client`: version, suite, ALPN protocol, common name of the router's certificate, and the body up
 * to its semicolon.
 * Where HTTP/2 was agreed on there is no request, and no body.
 */
export async function askFromOpenssl(
  { port, serverName, version, alpn }: TlsAsk,
  certificateFile: string | undefined,
  ...options: string[]
): Promise<Outcome> {
  const args = ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", serverName];
  args.push(version === "TLSv1.2" ? "-tls1_2" : "-tls1_3", ...options);
  if (alpn.length > 0) args.push("-alpn", alpn.join(","));
  if (certificateFile !== undefined) args.push("-cert", certificateFile);
  const h2 = alpn[0] === "h2";
  const { out } = await run("openssl", h2 ? args : [...args, "-ign_eof"], h2 ? "" : requestTo(serverName));
  const session = /New, (\S+), Cipher is (\S+)/.exec(out);
  if (session === null || session[2] === "(NONE)") return refused;
  const agreed = /ALPN protocol: (\S+)/.exec(out)?.[1] ?? "none";
  const commonName = /subject=.*CN ?= ?(\S+)/.exec(out)?.[1];
  const body = /HTTP\/1\.1 200 [\s\S]*?\r\n\r\n([^;]*;)/.exec(out)?.[1];
  if (!h2 && body === undefined) return refused;
  return `${version} ${session[2]} ${agreed} ${commonName} ${h2 ? "" : body}`.trimEnd();
}

/**
 * What Deno's client does, which checks the router's certificate: behind a preamble it can name a server, and can offer
 * neither a certificate nor ALPN protocols; without one it is the reverse.
 */
const denoScript = `
const { asks, authority } = await new Response(Deno.stdin.readable).json();
const latin1 = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const read = async (connection) => {
  let text = "";
  const bytes = new Uint8Array(65536);
  for (let n = await connection.read(bytes); n !== null; n = await connection.read(bytes)) {
    for (const byte of bytes.subarray(0, n)) text += String.fromCharCode(byte);
  }
  return text;
};
const introduced = async (port, preamble) => {
  for (;;) {
    const began = performance.now();
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    for (const piece of preamble) await connection.write(latin1(piece));
    if (performance.now() - began < ${introductionMs}) return connection;
    connection.close();
  }
};
const outcomes = [];
for (const { port, serverName, certificate, alpn, preamble } of asks) {
  let connection;
  try {
    const caCerts = [authority];
    if (preamble.length === 0) {
      const shown = certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key };
      const common = { caCerts, alpnProtocols: alpn };
      connection = await Deno.connectTls({ hostname: "127.0.0.1", port, ...common, ...shown });
    } else {
      connection = await Deno.startTls(await introduced(port, preamble), { hostname: serverName, caCerts });
    }
    const { alpnProtocol } = await connection.handshake();
    if (alpnProtocol === "h2") {
      outcomes.push("h2");
      continue;
    }
    await connection.write(latin1("GET / HTTP/1.1\\r\\nHost: " + serverName + "\\r\\nConnection: close\\r\\n\\r\\n"));
    const found = /^HTTP\\/1\\.1 200 [^]*?\\r\\n\\r\\n([^]*)$/.exec(await read(connection));
    outcomes.push(found === null ? "refused" : (alpnProtocol ?? "none") + " " + found[1]);
  } catch {
    outcomes.push("refused");
  } finally {
    connection?.close();
  }
}
console.log(JSON.stringify(outcomes));
`;

/**
 * Requests of Deno's client, one after the other in one process: ALPN protocol and body, of HTTP/2 the protocol alone.
 * Deno's engine chooses the version.
 */
export async function askFromDeno(asks: readonly TlsAsk[], authority: string): Promise<Outcome[]> {
  const deno = fileURLToPath(new URL("../../../node_modules/.bin/deno", import.meta.url));
  const { out } = await run(deno, ["eval", denoScript], JSON.stringify({ asks, authority }));
  try {
    return JSON.parse(out) as Outcome[];
  } catch {
    throw new Error(`the Deno client ended with: ${out}`);
  }
}
