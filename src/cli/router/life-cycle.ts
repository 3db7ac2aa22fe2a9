import type { Logger } from "../../core/observe/log.ts";
import type { Signal } from "../../runtime/interface/processes.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { fileErrorText } from "../file-error.ts";
import type { RunningRouter } from "./supervisor.ts";

/** Names of signals as log lines print them (control-plane §6.3). */
const signalTexts: Partial<Record<Signal, string>> = {
  SIGTERM: "terminated",
  SIGINT: "interrupt",
  SIGUSR1: "user defined signal 1",
};

/** Exit codes of a process that such a signal killed, as shells and supervisors give them. */
const killedBy: Partial<Record<Signal, number>> = { SIGTERM: 143, SIGINT: 130 };

/**
 * Runs a started router until a signal or the loss of the bus ends it (control-plane §8.3-8.5); resolves with the exit
 * code. Construct it before the start, so that signals during the start are kept.
 */
export class LifeCycle {
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  readonly #routerLog: Logger;
  #router: RunningRouter | undefined;
  /** What ends the router; the others are ignored. */
  #first: Signal | undefined;
  #last: Signal | undefined;
  #assembled = false;
  #ending = false;
  #finish: (code: number) => void = () => {};
  readonly ended: Promise<number>;

  constructor(runtime: Runtime, logger: Logger) {
    this.#runtime = runtime;
    this.#logger = logger;
    this.#routerLog = logger.source("router");
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    for (const signal of ["SIGTERM", "SIGINT", "SIGUSR1"] as const) {
      runtime.onSignal(signal, () => this.#signalled(signal));
    }
    runtime.onSignal("SIGHUP", () => {
      void this.#reopen();
      void this.#router?.certificates?.reload();
    });
    runtime.onSignal("SIGUSR2", () => {});
    runtime.onSignal("SIGQUIT", () => {
      runtime.writeError("SIGQUIT: quit\n");
      void this.#die(2);
    });
  }

  /** All is put together and the members start (step 15 of §8.2): from here on signals wait for the end of the start. */
  assembled(): void {
    this.#assembled = true;
  }

  /** The router serves; a signal that came before takes effect now. */
  started(router: RunningRouter): void {
    this.#router = router;
    // Its end for good has been logged: `nats-connection-closed`.
    void router.bus.closed.then((error) => {
      if (error !== undefined && !this.#ending) this.#finish(1);
    });
    if (this.#first !== undefined) this.#end(this.#first);
  }

  #signalled(signal: Signal): void {
    if (!this.#assembled) {
      const code = killedBy[signal];
      if (code !== undefined) void this.#die(code);
      return;
    }
    if (signal === this.#last) return;
    if (this.#last !== undefined) this.#routerLog.info("gorouter.signal.ignored", { signal: signalTexts[signal] });
    this.#last = signal;
    if (this.#first !== undefined) return;
    this.#first = signal;
    if (this.#router !== undefined) this.#end(signal);
  }

  /** At once and without a log line: signals before the members start, and QUIT at any time (§8.3). */
  async #die(code: number): Promise<void> {
    await this.#runtime.flushOutput();
    this.#runtime.exit(code);
  }

  #end(signal: Signal): void {
    this.#ending = true;
    const router = this.#router!;
    const stop = async (): Promise<void> => {
      if (signal === "SIGUSR1") await this.#drain(router);
      await this.#stop(router);
    };
    stop().then(
      () => this.#finish(0),
      (error) => {
        this.#logger.error("gorouter.exited-with-failure", { error: String(error) });
        this.#finish(1);
      },
    );
  }

  /** Serves on for `drain_wait`, then lets what is under way end, at most for `drain_timeout` (control-plane §8.4). */
  async #drain({ config, health, server }: RunningRouter): Promise<void> {
    const { clock } = this.#runtime;
    health.state = "degraded";
    const { drain_wait, drain_timeout, websocket_close_on_drain: closes } = config;
    this.#routerLog.info("gorouter-draining", {
      wait_seconds: drain_wait / 1000,
      timeout_seconds: drain_timeout / 1000,
    });
    if (closes && drain_wait > 0) server.farewell(drain_wait);
    if (drain_wait > 0) await new Promise<void>((resolve) => clock.after(drain_wait, resolve));
    const released = server.stopAccepting();
    // Those that came meanwhile.
    if (closes) server.farewell(0);
    const { active, idle } = await server.connections();
    this.#routerLog.info(`Draining with ${active} outstanding active connections`);
    this.#routerLog.info(`Draining with ${idle} outstanding idle connections`);
    const drained = await new Promise<boolean>((resolve) => {
      const timer = clock.after(drain_timeout, () => resolve(false));
      server.drain().then(() => {
        timer.cancel();
        resolve(true);
      });
    });
    await released;
    if (drained) return;
    this.#routerLog.info("router.drain.timed-out");
    this.#routerLog.error("gorouter-draining-error", { error: "router: Drain timeout" });
  }

  /** Closes everything that is idle; active requests are not waited for (control-plane §8.5). */
  async #stop(router: RunningRouter): Promise<void> {
    const { clock } = this.#runtime;
    const began = clock.monotonic();
    this.#routerLog.info("gorouter.stopping");
    router.pruning.stop();
    router.certificates?.close();
    await router.server.stopAccepting();
    // Active connections die with the process, and without a word in the log.
    void router.server.drain();
    for (const server of [router.status.health, router.status.routes, router.status.tlsHealth]) {
      await server?.stopAccepting();
      server?.destroy();
    }
    this.#routerLog.info("gorouter.stopped", { took: Math.round((clock.monotonic() - began) * 1e6) });
    this.#routerLog.info("gorouter.exited");
    router.observation.stopBus();
    router.subscriber.close();
    await router.observation.stop();
    router.routeFetcher?.stop();
    await router.embeddedApi?.stop();
    await router.bus.close();
    await router.embedded?.close();
    await router.accessLog?.close();
  }

  /** The access log file was rotated. Before the start, and without a file, there is nothing to do. */
  async #reopen(): Promise<void> {
    const file = this.#router?.config.access_log.file ?? "";
    if (file === "") return;
    try {
      await this.#router?.accessLog?.reopen();
      this.#logger.info("access-log-reopened", { filename: file });
    } catch (error) {
      this.#logger.error("error-reopening-accesslog-file", { filename: file, error: fileErrorText(file, error) });
    }
  }
}
