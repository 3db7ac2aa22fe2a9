import { fileURLToPath } from "node:url";
import { cpuTime, type Processes } from "./processes.ts";
import { startPublishedBus } from "./published-bus.ts";
import { type MessageKind, messagesOf } from "./register-messages.ts";
import { median } from "./report.ts";
import { pause } from "./subject.ts";

const script = fileURLToPath(new URL("../plain-subscriber.ts", import.meta.url));
/** Messages that are heard before any is counted, and milliseconds that an answer may take. */
const [warmMessages, answerMs] = [20_000, 120_000];

/**
 * CPU time in µs that the bus client takes for a register message which nobody looks at: the share of everything else is
 * what a router takes beyond it. `runner`: the command that runs a script.
 */
export async function clientShare(
  processes: Processes,
  runner: readonly string[],
  kind: MessageKind,
  count: number,
  rounds: number,
): Promise<number> {
  const bus = await startPublishedBus();
  const pid = processes.start(`client-${kind}`, 0, [...runner, script, String(bus.port)]);
  const heard = async (): Promise<number> =>
    Number((await bus.client.request("share.heard", "", { timeout: answerMs })).string());
  const publish = async (messages: readonly string[]): Promise<void> => {
    const before = await heard();
    for (let from = 0; from < messages.length; from += 2000) {
      for (const text of messages.slice(from, from + 2000)) bus.client.publish("router.register", text);
      await bus.client.flush();
    }
    const after = await heard();
    if (after - before !== messages.length) throw new Error(`heard ${after - before} of ${messages.length} messages`);
  };
  const costs: number[] = [];
  try {
    while (
      !(await heard().then(
        () => true,
        () => false,
      ))
    )
      await pause(50);
    await publish(messagesOf(kind, warmMessages));
    const messages = messagesOf(kind, count);
    for (let round = 0; round < rounds; round++) {
      const before = cpuTime(pid);
      await publish(messages);
      const after = cpuTime(pid);
      costs.push((after.user + after.system - before.user - before.system) / count);
    }
  } finally {
    processes.end(pid);
    await bus.stop();
  }
  return median(costs);
}
