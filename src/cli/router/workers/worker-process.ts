import { ActiveApps } from "../../../core/observe/active-apps.ts";
import { createLogger, type ProgramLogger } from "../../../core/observe/json-logger.ts";
import { Level } from "../../../core/observe/log.ts";
import { timestampFormat } from "../../../core/observe/log-timestamp.ts";
import type { Health } from "../../../core/pipeline/parts.ts";
import type { TableOperation } from "../../../core/routing/table-operations.ts";
import { TableReplica } from "../../../core/routing/table-replica.ts";
import type { SharedNumbers, SupervisorLink } from "../../../runtime/interface/processes.ts";
import type { KeyPair } from "../../../runtime/interface/tls.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import { TimerWheel } from "../../../wire/timer-wheel.ts";
import { AccessLog } from "../access-log-sink.ts";
import { exitOnUncaught } from "../crash.ts";
import { openErrorTemplate } from "../error-template.ts";
import { type IngressTls, openIngressTls } from "../ingress-tls.ts";
import type { MainListeners } from "../main-listeners.ts";
import { rehearse } from "../rehearsal.ts";
import { wantsLookupTimes } from "../request-observation.ts";
import { Worker } from "../worker.ts";
import {
  failureText,
  type Message,
  type Questions,
  type SharedPorts,
  type Tidings,
  type WorkerOrders,
  type WorkerReport,
} from "./messages.ts";
import { ObservedRequests } from "./observed-requests.ts";
import { SharedState } from "./shared-state.ts";

/** Between two looks at endpoints that left while they had requests under way, in milliseconds. */
const releaseMs = 1000;
/** So long, in milliseconds, a worker without supervisor may take to write what it has logged. */
const partingMs = 1000;

type Answers = { readonly [Name in keyof Questions]: (...value: Parameters<Questions[Name]>) => unknown };

/** A worker that has its orders. */
class WorkerProgram {
  readonly #runtime: Runtime;
  readonly #logger: ProgramLogger;
  readonly #health: Health;
  readonly #numbers: SharedNumbers;
  readonly #table: TableReplica;
  readonly #worker: Worker;
  readonly #observed: ObservedRequests;
  readonly #accessLog: AccessLog | undefined;
  readonly #activeApps: ActiveApps | undefined;
  readonly #ingress: ReplaceableTls | undefined;
  #listeners: MainListeners | undefined;

  private constructor(
    runtime: Runtime,
    orders: WorkerOrders,
    logger: ProgramLogger,
    wheel: TimerWheel,
    observed: ObservedRequests,
    accessLog: AccessLog | undefined,
    parts: Pick<ConstructorParameters<typeof Worker>[0], "errorTemplate">,
    ingress: ReplaceableTls | undefined,
    tell: Teller,
  ) {
    const { config, address } = orders;
    this.#runtime = runtime;
    this.#logger = logger;
    this.#observed = observed;
    this.#accessLog = accessLog;
    this.#ingress = ingress;
    this.#health = { state: orders.health };
    this.#activeApps = config.publish_active_apps_interval > 0 ? new ActiveApps() : undefined;
    this.#worker = new Worker({
      runtime,
      config,
      logger,
      wheel,
      accessLog,
      activeApps: this.#activeApps,
      observation: observed,
      health: this.#health,
      address,
      ingress: ingress?.tls,
      ...parts,
    });
    const { path, length, place, workers } = orders.shared;
    this.#numbers = runtime.sharedNumbers(length, path);
    const siblings = new SharedState(this.#numbers, place, workers);
    this.#table = new TableReplica({
      settings: config,
      clock: runtime.clock,
      random: () => new DataView(runtime.randomBytes(4).buffer).getUint32(0) / 2 ** 32,
      log: logger.source("registry"),
      reports: {
        failed: (key, endpoint, kind) => tell("failed", [key, endpoint, kind]),
        marksErased: (key) => tell("marksErased", key),
      },
      siblings,
      forget: (endpoint) => this.#worker.forget(endpoint),
      lookupTimes: wantsLookupTimes(config) ? observed.requests : undefined,
    });
    this.#tellReleased(tell);
  }

  /** @throws StartFailure when something that the configuration asks for cannot be had. */
  static async start(runtime: Runtime, orders: WorkerOrders, tell: Teller): Promise<WorkerProgram> {
    const { config, level } = orders;
    const logger = createLogger({
      write: (line) => runtime.writeOut(line),
      clock: runtime.clock,
      source: config.logging.syslog || "gorouter.stdout",
      level,
      timestamps: timestampFormat(config.logging.format.timestamp),
    });
    exitOnUncaught(runtime, logger);
    const wheel = new TimerWheel(runtime.clock);
    const template = { readTextFile: () => Promise.resolve(orders.errorTemplate) };
    const errorTemplate = await openErrorTemplate(template, config.html_error_template_file);
    const observed = await ObservedRequests.open(runtime, config, logger);
    const accessLog = await AccessLog.open({ ...runtime, processId: orders.processId }, logger, config);
    const ingress = await ReplaceableTls.open(runtime, orders, logger);
    const parts = { errorTemplate };
    const program = new WorkerProgram(runtime, orders, logger, wheel, observed, accessLog, parts, ingress, tell);
    await program.#worker.openLoop();
    if (orders.rehearsalMs > 0) rehearse(runtime, wheel, config, orders.rehearsalMs).catch(() => {});
    return program;
  }

  apply(operations: readonly TableOperation[]): void {
    this.#table.apply(operations);
  }

  #tellReleased(tell: Teller): void {
    this.#runtime.clock.after(
      releaseMs,
      () => {
        const released = this.#table.takeReleased();
        if (released.length > 0) tell("released", released);
        this.#tellReleased(tell);
      },
      true,
    );
  }

  /** What the supervisor asks for once the worker has started. */
  readonly answers: Omit<Answers, "start" | "end"> = {
    listen: async (ports: SharedPorts) => {
      const listeners = await this.#worker.listenShared(this.#table, ports);
      this.#listeners = listeners;
      return { http: listeners.http?.port, https: listeners.https?.port };
    },
    reopen: () => this.#accessLog?.reopen(),
    farewell: (overMs) => this.#listeners?.farewell(overMs),
    stopAccepting: () => this.#listeners?.stopAccepting(),
    connections: () => this.#listeners?.connections() ?? { active: 0, idle: 0 },
    drain: () => this.#listeners?.drain(),
    report: (): Promise<WorkerReport> => this.#observed.report(this.#activeApps),
    health: (state) => {
      this.#health.state = state;
    },
    level: (level) => this.#logger.setLevel(level),
    keyPairs: (keyPairs) => this.#ingress?.replace(keyPairs),
  };

  /** Without a supervisor: what it would have tidied up. */
  tidyUp(): void {
    this.#numbers.remove();
  }

  /** Resolves when everything that was logged is on its way. */
  async close(): Promise<void> {
    await this.#accessLog?.close();
    await this.#observed.close();
  }
}

type Teller = <Name extends keyof Tidings>(name: Name, ...value: Parameters<Tidings[Name]>) => void;

/** TLS of the main listener with the certificates that the supervisor last told of. */
class ReplaceableTls {
  readonly tls: IngressTls;
  readonly #open: (keyPairs: readonly KeyPair[]) => Promise<IngressTls>;
  #latest: IngressTls;

  private constructor(first: IngressTls, open: (keyPairs: readonly KeyPair[]) => Promise<IngressTls>) {
    this.#latest = first;
    this.#open = open;
    this.tls = { ...first, options: { ...first.options, current: () => this.#latest.options.current() } };
  }

  static async open(
    runtime: Runtime,
    { config, keyPairs }: WorkerOrders,
    logger: ProgramLogger,
  ): Promise<ReplaceableTls | undefined> {
    const { clock } = runtime;
    // The supervisor has said what there is to say of the certificates.
    const silent = createLogger({ write() {}, clock, source: "", level: Level.silent, timestamps: "unix-epoch" });
    const open = async (pairs: readonly KeyPair[]): Promise<IngressTls | undefined> => {
      const tls_pem = pairs.map(({ certificate, key }) => ({
        cert_chain: certificate,
        private_key: key,
        cert_chain_file: "",
        private_key_file: "",
      }));
      return await openIngressTls(runtime, { ...config, tls_pem }, logger.source("router"), silent);
    };
    const first = await open(keyPairs);
    return first === undefined ? undefined : new ReplaceableTls(first, async (pairs) => (await open(pairs))!);
  }

  async replace(keyPairs: readonly KeyPair[]): Promise<void> {
    this.#latest = await this.#open(keyPairs);
  }
}

/** Runs this process as a worker of the router that started it, until that ends it or is gone. */
export function runWorker(runtime: Runtime, supervisor: SupervisorLink): void {
  runtime.tuneForServing();
  // The supervisor decides; a terminal sends signals to all processes.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"] as const) {
    runtime.onSignal(signal, () => {});
  }
  let program: WorkerProgram | undefined;
  const send = (message: Message): void => supervisor.send(JSON.stringify(message));
  const tell: Teller = (name, ...[value]) => send({ tidings: name, value });
  const leave = async (): Promise<void> => {
    runtime.clock.after(partingMs, () => runtime.exit(1));
    await program?.close();
    await runtime.flushOutput();
    runtime.exit(0);
  };
  const answer = async (ask: keyof Questions, value: unknown): Promise<unknown> => {
    if (ask === "start") program = await WorkerProgram.start(runtime, value as WorkerOrders, tell);
    else if (ask === "end") await leave();
    else return await (program!.answers[ask] as (given: unknown) => unknown)(value);
    return undefined;
  };
  const heard = (text: string): void => {
    if (text.startsWith("T")) {
      program!.apply(JSON.parse(text.slice(1)) as TableOperation[]);
      supervisor.send("A");
      return;
    }
    const message = JSON.parse(text) as Message;
    if (!("ask" in message)) return;
    const { ask, id, value } = message;
    answer(ask, value).then(
      (result) => send({ answer: id, value: result ?? null }),
      (error: unknown) => send({ refusal: id, failure: failureText(error) }),
    );
  };
  supervisor.listen(heard, () => {
    program?.tidyUp();
    void leave();
  });
}
