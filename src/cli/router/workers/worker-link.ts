import type { Clock } from "../../../core/clock.ts";
import type { TableFeed } from "../../../core/routing/table-feed.ts";
import type { CommandEnd, WorkerProcess } from "../../../runtime/interface/processes.ts";
import { failureOf, type Message, type Questions, type Tidings } from "./messages.ts";

/** Characters of table operations per message, and messages under way: the worker does one while the next is made. */
const messageCharacters = 128 * 1024;
const messagesUnderWay = 2;
/** How long changes of the table wait for others, in milliseconds. */
const gatherMs = 1;

type Asked = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };
type Argument<Name extends keyof Questions> = Parameters<Questions[Name]>;
type Answer<Name extends keyof Questions> = ReturnType<Questions[Name]>;

/** The supervisor's end of the way to one worker process: questions with answers, tidings, and the table. */
export class WorkerLink {
  readonly place: number;
  readonly feed: TableFeed;
  readonly process: WorkerProcess;
  readonly ended: Promise<CommandEnd>;
  readonly #clock: Clock;
  readonly #tidings: Tidings;
  readonly #asked = new Map<number, Asked>();
  #nextId = 0;
  #begun = false;
  #gathering = false;
  /** Of each message under way, how many changes had been told with it. */
  readonly #underWay: number[] = [];
  /** How many changes the worker has done. */
  #done = 0;
  /** Who waits until it has done so many, in that order. */
  readonly #settling: { readonly changes: number; readonly resolve: () => void }[] = [];
  #gone = false;

  constructor(place: number, process: WorkerProcess, feed: TableFeed, clock: Clock, tidings: Tidings) {
    this.place = place;
    this.process = process;
    this.feed = feed;
    this.#clock = clock;
    this.#tidings = tidings;
    this.ended = process.ended.then((end) => {
      this.#lost();
      return end;
    });
  }

  /** A text from the worker. */
  received(text: string): void {
    if (text === "A") {
      this.#done = this.#underWay.shift() ?? this.#done;
      while (this.#settling.length > 0 && this.#settling[0]!.changes <= this.#done) this.#settling.shift()!.resolve();
      this.#pump();
      return;
    }
    const message = JSON.parse(text) as Message;
    if ("tidings" in message) {
      (this.#tidings[message.tidings] as (value: unknown) => void)(message.value);
    } else if ("answer" in message) this.#take(message.answer)?.resolve(message.value);
    else if ("refusal" in message) this.#take(message.refusal)?.reject(failureOf(message.failure));
  }

  #take(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }

  /** Rejects when the worker could not, or ended before it answered. */
  ask<Name extends keyof Questions>(name: Name, ...[value]: Argument<Name>): Promise<Answer<Name>> {
    if (this.#gone) return Promise.reject(new Error(`worker process ${this.process.processId} has ended`));
    const id = this.#nextId++;
    this.process.send(JSON.stringify({ ask: name, id, value: value ?? null } satisfies Message));
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** As `ask`, where nobody waits for the answer. */
  tell<Name extends keyof Questions>(name: Name, ...value: Argument<Name>): void {
    this.ask(name, ...value).catch(() => {});
  }

  /** The worker has started: it may be told of the table. */
  begin(): void {
    this.#begun = true;
  }

  /** The feed has something new. */
  changed(): void {
    if (!this.#begun || this.#gathering || this.#underWay.length > 0) return;
    this.#gathering = true;
    this.#clock.after(gatherMs, () => {
      this.#gathering = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#gone && this.#underWay.length < messagesUnderWay) {
      const operations = this.feed.take(messageCharacters);
      if (operations === undefined) return;
      this.#underWay.push(this.feed.taken);
      this.process.send(`T${operations}`);
    }
  }

  /** Resolves when the worker's table is as the supervisor's was at the call, or later, or the worker has ended. */
  settled(): Promise<void> {
    const changes = this.feed.added;
    if (this.#gone || !this.#begun || this.#done >= changes) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settling.push({ changes, resolve });
      if (!this.#gathering) this.#pump();
    });
  }

  #lost(): void {
    this.#gone = true;
    for (const { reject } of this.#asked.values()) {
      reject(new Error(`worker process ${this.process.processId} ended before it answered`));
    }
    this.#asked.clear();
    for (const { resolve } of this.#settling.splice(0)) resolve();
  }
}
