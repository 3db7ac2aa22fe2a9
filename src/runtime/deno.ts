import { tmpdir } from "node:os";
import process from "node:process";
import { admitting } from "./base/admitted-dial.ts";
import { openDatagram } from "./base/datagram.ts";
import { descriptorLimit, safeBacklog } from "./base/descriptors.ts";
import { fileStamp, listDirectory, openAppend, readTextFile, writeTextFile } from "./base/files.ts";
import { freeRead } from "./base/large-reads.ts";
import { listenNet } from "./base/net-listen.ts";
import { processOutput } from "./base/output.ts";
import {
  args,
  cpuCount,
  env,
  exit,
  hostName,
  localIp,
  onUncaught,
  processId,
  programName,
  residentBytes,
} from "./base/process.ts";
import { spawnGroup } from "./base/process-group.ts";
import { cpuProfile, heapSnapshot } from "./base/profiling.ts";
import { sharedNumbers } from "./base/shared-numbers.ts";
import { systemAuthorities } from "./base/system-authorities.ts";
import { prepareServerNet, secureClientNet, secureServerNet } from "./base/takeover.ts";
import { fromLatin1, latin1, randomBytes, tryAsciiFirst, uuid } from "./base/text.ts";
import { matchKey } from "./base/tls-key-pairs.ts";
import { openDescriptors, usage } from "./base/usage.ts";
import { scriptCommand, spawnWorker, supervisor } from "./base/worker-process.ts";
import { onSignalDeno } from "./deno/inspector-guard.ts";
import { serveDeno } from "./deno/native-serve.ts";
import { writeSomeDeno } from "./deno/output.ts";
import { pollingClock } from "./deno/polling-clock.ts";
import { runFlags } from "./deno/run-flags.ts";
import { denoTlsGaps } from "./deno/tls-gaps.ts";
import { makeTlsGate } from "./deno/tls-gate.ts";
import { connectDeno } from "./deno/trusting-dial.ts";
import type { Runtime } from "./interface.ts";

tryAsciiFirst();
const output = processOutput(writeSomeDeno);

/** Deno: the base, with a gate under every TLS stream. */
export const runtime: Runtime = {
  name: "deno",
  version: process.versions["deno"] ?? "",
  clock: pollingClock,

  // At EMFILE Deno's listener dies for good (runtimes.md §1).
  listen: (options, accept) => listenNet({ ...options, backlog: safeBacklog(options.backlog) }, accept, makeTlsGate),
  connect: admitting(connectDeno),
  secureServer: (stream, already, tls, handler) => secureServerNet(stream, already, tls, handler, makeTlsGate),
  prepareServerTls: (tls) => prepareServerNet(tls, denoTlsGaps, makeTlsGate),
  secureClient: (stream, tls, handler) => secureClientNet(stream, tls, handler, makeTlsGate),
  giveBack: freeRead,
  systemAuthorities,
  openDatagram,
  serveNative: serveDeno,

  matchKey,

  latin1,
  fromLatin1,
  uuid,
  randomBytes,

  readTextFile,
  writeTextFile,
  listDirectory,
  fileStamp,
  openAppend,
  writeOut: output.writeOut,
  writeError: output.writeError,
  flushOutput: output.flushOutput,

  spawnGroup,
  spawnWorker: (listener) => spawnWorker([...runFlags(), ...scriptCommand], listener),
  supervisor,
  // Deno keeps its programs out of /dev, unless they may do everything.
  sharedNumbers: (length, path) => sharedNumbers(length, path, [tmpdir()]),

  args,
  programName,
  env,
  onSignal: onSignalDeno,
  onUncaught,
  exit,
  processId,
  hostName,
  localIp,

  restartTuned() {},
  tuneForServing() {},

  descriptorLimit,
  residentBytes,
  cpuCount,
  usage,
  openDescriptors,
  cpuProfile,
  heapSnapshot,
};
