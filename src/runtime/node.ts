import { flushCompileCache } from "node:module";
import process from "node:process";
import { admitting } from "./base/admitted-dial.ts";
import { clock } from "./base/clock.ts";
import { compileCache } from "./base/compile-cache.ts";
import { openDatagram } from "./base/datagram.ts";
import { descriptorLimit } from "./base/descriptors.ts";
import { fileStamp, listDirectory, openAppend, readTextFile, writeTextFile } from "./base/files.ts";
import { freeRead } from "./base/large-reads.ts";
import { connectNet } from "./base/net-connect.ts";
import { processOutput } from "./base/output.ts";
import {
  args,
  cpuCount,
  env,
  exit,
  hostName,
  localIp,
  onSignal,
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
import { fromLatin1, latin1, randomBytes, uuid } from "./base/text.ts";
import { missingSuites } from "./base/tls-agreement.ts";
import { matchKey } from "./base/tls-key-pairs.ts";
import { openDescriptors, usage } from "./base/usage.ts";
import { scriptCommand, spawnWorker, supervisor } from "./base/worker-process.ts";
import type { Runtime } from "./interface.ts";
import { listenCrowded } from "./node/crowded-listen.ts";
import { writeSomeNode } from "./node/output.ts";

const output = processOutput(writeSomeNode);

/** Node: the base as it is. */
export const runtime: Runtime = {
  name: "node",
  version: process.versions.node,
  clock,

  listen: listenCrowded,
  connect: admitting(connectNet),
  secureServer: secureServerNet,
  prepareServerTls: (tls) => prepareServerNet(tls, missingSuites),
  secureClient: secureClientNet,
  giveBack: freeRead,
  systemAuthorities,
  openDatagram,
  serveNative: async (options, handler) => (await import("./base/http-bridge.ts")).serveNode(options, handler),

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
  spawnWorker: (listener) => spawnWorker([...process.execArgv, ...scriptCommand], listener, compileCache()),
  supervisor,
  sharedNumbers,

  args,
  programName,
  env,
  onSignal,
  onUncaught,
  exit,
  processId,
  hostName,
  localIp,

  restartTuned() {},
  // A worker that is killed could not leave what it compiled to the next one.
  tuneForServing: () => flushCompileCache(),

  descriptorLimit,
  residentBytes,
  cpuCount,
  usage,
  openDescriptors,
  cpuProfile,
  heapSnapshot,
};
