import { createServer, type Server, type Socket } from "node:net";
import { condition } from "../harness/condition.ts";
import type { Script, Step } from "./case.ts";
import { readMessage, type WireText } from "./wire-text.ts";

/** A request as it reached a backend. */
export interface Arrival {
  readonly at: string;
  /** All of it so far. */
  text: string;
}

/** What backends share in one exchange. */
export interface Stage {
  /** In the order in which their first byte came. */
  readonly arrivals: Arrival[];
  /** What a backend of that name does with its request number `count` (from 0). */
  script(name: string, count: number): Script;
  /** The first script that failed. */
  failure: unknown;
}

/** A backend on a free port of 127.0.0.1 that follows scripts. */
export class GoldenBackend {
  readonly name: string;
  port = 0;
  private stage: Stage;
  private served = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(name: string, stage: Stage) {
    this.name = name;
    this.stage = stage;
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    const address = this.server.address();
    this.port = typeof address === "object" ? address!.port : 0;
  }

  /** Another exchange begins. */
  enter(stage: Stage): void {
    this.stage = stage;
    this.served = 0;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    let current: { arrival: Arrival; over: boolean; ended: boolean } | undefined;
    let ended = false;
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    const over = (): void => {
      ended = true;
    };
    socket.on("end", () => {
      over();
      // An idle connection goes with the router's side of it; a script decides for itself.
      if (current === undefined || current.over) socket.end();
    });
    socket.on("close", () => {
      over();
      this.sockets.delete(socket);
    });
    socket.on("data", (bytes) => {
      if (current === undefined || current.over) {
        const started = { arrival: { at: this.name, text: "" }, over: false, ended: false };
        const stage = this.stage;
        current = started;
        stage.arrivals.push(started.arrival);
        const script = stage.script(this.name, this.served++);
        this.follow(socket, script, started.arrival, () => ended)
          .catch((error: unknown) => {
            stage.failure ??= error;
          })
          .finally(() => {
            started.over = true;
            if (ended) socket.end();
          });
      }
      current.arrival.text += bytes.toString("latin1");
    });
  }

  private async follow(socket: Socket, script: Script, arrival: Arrival, ended: () => boolean): Promise<void> {
    const steps: readonly Step[] = typeof script === "string" ? ["request", script] : script;
    for (const step of steps) {
      if (step === "request") {
        await condition(
          `a complete request at ${this.name}, not ${JSON.stringify(arrival.text)}`,
          () => (readMessage(arrival.text)?.complete === true ? true : undefined),
          5000,
        );
      } else await play(step, socket, () => arrival.text, ended);
    }
  }
}

/** Plays a step that both sides have. */
export async function play(step: Step, socket: Socket, received: () => string, ended: () => boolean): Promise<void> {
  if (step === "end") socket.end();
  else if (step === "close") socket.destroy();
  else if (step === "reset") socket.resetAndDestroy();
  else if (step === "closed") await condition("the other side's end", () => ended() || undefined, 5000);
  else if (typeof step === "string") {
    if (!socket.destroyed) socket.write(Buffer.from(step, "latin1"));
  } else {
    const { until } = step;
    await condition(JSON.stringify(until), () => received().includes(until) || undefined, 5000).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; received ${JSON.stringify(received())}`);
      },
    );
  }
}

/** A message the backend has received, for comparison. */
export function arrived(arrival: Arrival): WireText | undefined {
  return readMessage(arrival.text);
}
