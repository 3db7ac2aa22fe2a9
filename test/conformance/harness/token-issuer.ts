import { createHmac, createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { CertificatePair } from "../../fixtures/certificates.ts";

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** UAA as the Routing API sees it: an issuer, keys by their ids, and tokens (routing-api §5). */
export class TokenIssuer {
  readonly issuer = "https://uaa.example.com/oauth/token";
  readonly #keys = new Map<string, { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>();
  #server: Server | undefined;

  static async start(tls: CertificatePair): Promise<TokenIssuer> {
    const issuer = new TokenIssuer();
    issuer.addKey("key-1");
    issuer.#server = createServer({ cert: tls.certificate, key: tls.key }, ({ url }, response) => {
      if (url === "/.well-known/openid-configuration") response.end(JSON.stringify({ issuer: issuer.issuer }));
      else if (url === "/token_key") {
        const { alg, value } = issuer.#published().at(-1)!;
        response.end(JSON.stringify({ alg, value }));
      } else if (url === "/token_keys") {
        response.end(JSON.stringify({ keys: issuer.#published() }));
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => issuer.#server!.listen(0, "127.0.0.1", resolve));
    return issuer;
  }

  get port(): number {
    return (this.#server!.address() as { port: number }).port;
  }

  addKey(kid: string): void {
    this.#keys.set(kid, generateKeyPairSync("rsa", { modulusLength: 2048 }));
  }

  removeKey(kid: string): void {
    this.#keys.delete(kid);
  }

  #published() {
    return [...this.#keys].map(([kid, { publicKey }]) => ({
      ...publicKey.export({ format: "jwk" }),
      kid,
      alg: "RS256",
      use: "sig",
      value: publicKey.export({ format: "pem", type: "spki" }),
    }));
  }

  /** A token with these scopes, which lives for an hour unless `claims` say something else; `bits` of its hash. */
  token(
    scopes: readonly string[],
    claims: Readonly<Record<string, unknown>> = {},
    kid = "key-1",
    bits: 256 | 384 | 512 = 256,
  ): string {
    const header = { alg: `RS${bits}`, typ: "JWT", kid };
    return this.signed(header, { scope: scopes, ...claims }, this.#keys.get(kid)!.privateKey, bits);
  }

  /** A token with that header, signed by that key whatever the header says. */
  signed(header: unknown, claims: Readonly<Record<string, unknown>>, key: KeyObject, bits = 256): string {
    const now = Math.floor(Date.now() / 1000);
    const text = `${encoded(header)}.${encoded({ iss: this.issuer, iat: now, exp: now + 3600, ...claims })}`;
    return `${text}.${createSign(`sha${bits}`).update(text).sign(key).toString("base64url")}`;
  }

  /** A token that nobody signed (`alg` none). */
  unsigned(scopes: readonly string[]): string {
    return `${encoded({ alg: "none" })}.${encoded({ iss: this.issuer, scope: scopes })}.`;
  }

  /** A token "signed" with the public key as if it were a shared secret (RFC 8725 §2.1). */
  confused(scopes: readonly string[]): string {
    const secret = this.#keys.get("key-1")!.publicKey.export({ format: "pem", type: "spki" }) as string;
    const text = `${encoded({ alg: "HS256", kid: "key-1" })}.${encoded({ iss: this.issuer, scope: scopes })}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}
