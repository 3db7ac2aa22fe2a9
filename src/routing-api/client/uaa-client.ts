import type { Clock } from "../../core/clock.ts";
import type { HttpClient } from "../../wire/http-client.ts";

/** Who asks for tokens, and how stubbornly. */
export interface TokenSettings {
  /** OAuth client credentials. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** Attempts after the first, and milliseconds before each. */
  readonly retries: number;
  readonly retryPauseMs: number;
  /** A token is not used any more when it has less than this to live, milliseconds. */
  readonly expiryBufferMs: number;
}

/** Where the lines of a token client go. */
export interface TokenLog {
  debug(message: string, data?: Readonly<Record<string, unknown>>): void;
  error(message: string, error: string): void;
}

const timeoutMs = 10_000;

/** Fetches and keeps the token for the Routing API (RFC 6749 §4.4; control-plane §7.2, route-registrar §11.1-2). */
export class UaaClient {
  readonly #http: HttpClient;
  readonly #clock: Clock;
  readonly #log: TokenLog;
  readonly #programLog: Pick<TokenLog, "debug">;
  readonly #settings: TokenSettings;
  readonly #authorization: string;
  #cached: { readonly token: string; readonly until: number } | undefined;
  #fetching: Promise<string> | undefined;

  /** `log` is the part `uaa-client` of `programLog`, which the line about keeping a token goes to. */
  constructor(
    http: HttpClient,
    clock: Clock,
    log: TokenLog,
    programLog: Pick<TokenLog, "debug">,
    settings: TokenSettings,
  ) {
    const { clientId, clientSecret } = settings;
    this.#http = http;
    this.#clock = clock;
    this.#log = log;
    this.#programLog = programLog;
    this.#settings = settings;
    this.#authorization = `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`;
  }

  /**
   * The token, at most one fetch at a time. `refused`: a token that the API did not take; another one is fetched.
   * Rejects with an `Error` after the last attempt.
   */
  async token(refused?: string): Promise<string> {
    if (refused !== undefined && this.#cached?.token === refused) this.#cached = undefined;
    if (this.#cached !== undefined && this.#clock.monotonic() < this.#cached.until) return this.#cached.token;
    return await this.#shared(refused !== undefined);
  }

  /** A token that was fetched for this call, whatever is kept (control-plane §7.3). Rejects like `token`. */
  async fresh(): Promise<string> {
    return await this.#shared(true);
  }

  #shared(force: boolean): Promise<string> {
    this.#fetching ??= this.#fetchStubbornly(force).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchStubbornly(force: boolean): Promise<string> {
    const { retries, retryPauseMs } = this.#settings;
    this.#log.debug("started-fetching-token", { "force-update": force });
    for (let retry = 0; ; retry++) {
      if (retry > 0) {
        await new Promise<void>((resolve) => this.#clock.after(retryPauseMs, resolve));
        this.#log.debug("retry-fetching-token", { "retry-count": retry });
      }
      try {
        const { token, until } = await this.#fetch();
        this.#log.debug("successfully-fetched-token");
        if (until !== undefined) {
          this.#programLog.debug("caching-token");
          this.#cached = { token, until };
        }
        return token;
      } catch (error) {
        this.#log.error("error-fetching-token", (error as Error).message);
        if (retry >= retries) throw error;
      }
    }
  }

  /** The token, and the monotonic time until which it may be used again; undefined: it is used once. */
  async #fetch(): Promise<{ readonly token: string; readonly until: number | undefined }> {
    const begun = this.#clock.monotonic();
    const { status, body } = await this.#http.send({
      method: "POST",
      target: "/oauth/token",
      timeoutMs,
      headers: [
        ["Accept", "application/json"],
        ["Authorization", this.#authorization],
        ["Content-Type", "application/x-www-form-urlencoded"],
        ["X-CF-ENCODED-CREDENTIALS", "true"],
      ],
      body: "grant_type=client_credentials&token_format=jwt",
    });
    // Never the body: it may hold a token.
    if (status !== 200) throw new Error(`UAA answered ${status} to the request for a token`);
    const { token, lifetimeMs } = readToken(body);
    return { token, until: lifetimeMs && begun + lifetimeMs - this.#settings.expiryBufferMs };
  }
}

/** RFC 6749 §2.3.1: form-encoded before they are joined. */
function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

function readToken(body: string): { readonly token: string; readonly lifetimeMs: number | undefined } {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    throw new Error("UAA's answer to the request for a token is no JSON");
  }
  const { access_token, expires_in } = (answer ?? {}) as { access_token?: unknown; expires_in?: unknown };
  if (typeof access_token !== "string" || !/^[\x21-\x7e]+$/.test(access_token)) {
    throw new Error("UAA's answer to the request for a token holds no access_token");
  }
  return { token: access_token, lifetimeMs: typeof expires_in === "number" ? expires_in * 1000 : undefined };
}
