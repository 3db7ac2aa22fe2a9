import { basename } from "node:path";
import process from "node:process";
import { admitting } from "./base/admitted-dial.ts";
import { clock } from "./base/clock.ts";
import { openDatagram } from "./base/datagram.ts";
import { descriptorLimit } from "./base/descriptors.ts";
import { fileStamp, listDirectory, openAppend, readTextFile, writeTextFile } from "./base/files.ts";
import { freeRead } from "./base/large-reads.ts";
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
import { systemAuthorities } from "./base/system-authorities.ts";
import { secureClientNet } from "./base/takeover.ts";
import { fromLatin1, latin1, randomBytes, uuid } from "./base/text.ts";
import { matchKey } from "./base/tls-key-pairs.ts";
import { openDescriptors, usage } from "./base/usage.ts";
import { scriptCommand, spawnWorker, supervisor } from "./base/worker-process.ts";
import { holdBallast } from "./bun/heap-ballast.ts";

import { serveBun } from "./bun/native-serve.ts";
import { restartTuned } from "./bun/restart-tuned.ts";
import { sharedNumbersBun } from "./bun/shared-numbers.ts";
import { connectBun, listenBun } from "./bun/sockets.ts";
import { BunStream } from "./bun/stream.ts";
import { secureClientBun } from "./bun/tls-client.ts";
import { prepareServerBun, secureServerBun } from "./bun/tls-server.ts";
import type { Runtime } from "./interface.ts";

const output = processOutput();

/** In a binary of `bun build --compile` the script has no name of its own; the binary may be called by several. */
const compiled = process.argv[1]?.startsWith("/$bunfs/") ?? false;

/** Bun: the base, with TCP, unix sockets and TLS on Bun's own sockets, which cost a fifth less; they choose no IP version. */
export const runtime: Runtime = {
  name: "bun",
  version: process.versions["bun"] ?? "",
  clock,

  listen: listenBun,
  connect: admitting(connectBun),
  secureServer: secureServerBun,
  prepareServerTls: prepareServerBun,
  secureClient: (stream, tls, handler) =>
    stream instanceof BunStream ? secureClientBun(stream, tls, handler) : secureClientNet(stream, tls, handler),
  giveBack: freeRead,
  systemAuthorities,
  openDatagram,
  serveNative: serveBun,

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
  spawnWorker: (listener) => spawnWorker(compiled ? [] : scriptCommand, listener),
  supervisor,
  sharedNumbers: sharedNumbersBun,

  args,
  programName: compiled ? basename(process.argv0) : programName,
  env,
  onSignal,
  onUncaught,
  exit,
  processId,
  hostName,
  localIp,

  restartTuned: () => restartTuned(compiled),
  tuneForServing: holdBallast,

  descriptorLimit,
  residentBytes,
  cpuCount,
  usage,
  openDescriptors,
  cpuProfile,
  heapSnapshot,
};
