import { runtime } from "#runtime";
import type { WorkerProcess } from "../../../src/runtime/interface/processes.ts";

// Run by workers.test.ts, as supervisor and as worker of it: what it says on standard output is what the test looks at.
const supervisor = runtime.supervisor();
if (supervisor === undefined) await supervise();
else work(supervisor);

function work(link: NonNullable<typeof supervisor>): void {
  runtime.onSignal("SIGTERM", () => {});
  link.listen(
    (text) => {
      if (text === "output") {
        runtime.writeOut("a line\nhalf of ");
        runtime.clock.after(20, () => {
          runtime.writeOut("a line\n\xe9\n", true);
          runtime.writeError("an error\n");
          void runtime.flushOutput().then(() => link.send("written"));
        });
      } else if (text === "leave") runtime.exit(7);
      else if (text.startsWith("numbers ")) {
        const numbers = runtime.sharedNumbers(8, text.slice(8));
        numbers.store(1, numbers.load(0) + 1);
        link.send("stored");
      } else link.send(`echo ${text.length} ${text.slice(0, 20)}`);
    },
    () => runtime.exit(8),
  );
  link.send(`ready ${runtime.args.join(" ")}`);
}

async function supervise(): Promise<void> {
  const heard: string[] = [];
  const outputs: string[] = [];
  let errors = "";
  let told: () => void = () => {};
  const listener = {
    message: (text: string) => {
      heard.push(text);
      told();
    },
    output: (text: string) => {
      outputs.push(text);
      told();
    },
    error: (text: string) => {
      errors += text;
      told();
    },
  };
  const say = (text: string): void => runtime.writeOut(`${text}\n`);
  const reply = async (worker: WorkerProcess, text: string): Promise<void> => {
    const answered = new Promise<void>((resolve) => {
      told = resolve;
    });
    worker.send(text);
    await answered;
    say(heard.splice(0).join(", "));
  };
  const start = async (): Promise<WorkerProcess> => {
    const ready = new Promise<void>((resolve) => {
      told = resolve;
    });
    const worker = await runtime.spawnWorker(listener);
    await ready;
    say(heard.splice(0).join(", "));
    return worker;
  };
  const worker = await start();
  await reply(worker, "ü\n\ud83d\ude00");
  await reply(worker, "x".repeat(1_000_000));
  worker.send("output");
  // Output, errors and messages come by pipes of their own, in any order among each other.
  while (heard[0] !== "written" || errors === "" || outputs.at(-1)?.endsWith("\u00e9\n") !== true) {
    await new Promise<void>((resolve) => {
      told = resolve;
    });
  }
  const whole = outputs.every((text) => text.endsWith("\n"));
  say(
    `out ${JSON.stringify(outputs.join(""))} ${whole ? "by lines" : "in pieces"}, error ${JSON.stringify(errors)}, ${heard.splice(0)}`,
  );
  const numbers = runtime.sharedNumbers(8);
  numbers.store(0, 41);
  numbers.store(2, -2);
  await reply(worker, `numbers ${numbers.path}`);
  say(`numbers ${numbers.load(1)} ${numbers.sum(0, 8)}`);
  numbers.remove();
  worker.send("leave");
  say(JSON.stringify(await worker.ended));
  worker.send("nobody hears this");
  const killed = await start();
  killed.kill();
  say(JSON.stringify(await killed.ended));
  const orphan = await start();
  say(`orphan ${orphan.processId}`);
  await runtime.flushOutput();
  runtime.exit(0);
}
