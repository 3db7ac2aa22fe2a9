import type { Server } from "../../wire/server.ts";
import type { ConnectionCounts } from "./workers/messages.ts";

/** What the life cycle of a router does with its main ports, whoever serves there (data-plane §1.1). */
export interface MainPorts extends Pick<Server, "stopAccepting" | "drain" | "farewell"> {
  /** Undefined with `disable_http`. */
  readonly http: { readonly host: string; readonly port: number } | undefined;
  /** Undefined without `enable_ssl`. */
  readonly https: { readonly host: string; readonly port: number } | undefined;
  connections(): Promise<ConnectionCounts>;
}

/** The main ports of one worker, one or two of them. */
export class MainListeners implements MainPorts {
  readonly http: Server | undefined;
  readonly https: Server | undefined;
  readonly #all: readonly Server[];
  /** Its connections are the router's own, so they are not counted; it stops and drains with the others. */
  readonly #loop: Server;

  constructor(http: Server | undefined, https: Server | undefined, loop: Server) {
    this.http = http;
    this.https = https;
    this.#all = [http, https].filter((server) => server !== undefined);
    this.#loop = loop;
  }

  async connections(): Promise<ConnectionCounts> {
    return {
      active: this.#all.reduce((sum, server) => sum + server.activeConnections, 0),
      idle: this.#all.reduce((sum, server) => sum + server.idleConnections, 0),
    };
  }

  async stopAccepting(): Promise<void> {
    await Promise.all([...this.#all, this.#loop].map((server) => server.stopAccepting()));
  }

  farewell(overMs: number): void {
    for (const server of this.#all) server.farewell(overMs);
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#all, this.#loop].map((server) => server.drain()));
  }
}
