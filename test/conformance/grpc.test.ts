import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { condition } from "./harness/condition.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const authority = makeAuthority();
const pair = issue(authority, { names: ["app.test"] });

interface Note {
  text: string;
}

/** The calls of `Echo` as grpc-js makes them of the definition. */
interface EchoClient extends grpc.Client {
  Unary(note: Note, done: grpc.requestCallback<Note>): grpc.ClientUnaryCall;
  Never(note: Note, options: grpc.CallOptions, done: grpc.requestCallback<Note>): grpc.ClientUnaryCall;
  ServerStream(note: Note): grpc.ClientReadableStream<Note>;
  ClientStream(done: grpc.requestCallback<Note>): grpc.ClientWritableStream<Note>;
  Both(): grpc.ClientDuplexStream<Note, Note>;
}

const definition = loadSync(fileURLToPath(new URL("../fixtures/echo.proto", import.meta.url)));
const { Echo } = (grpc.loadPackageDefinition(definition) as never as { causeway: { test: { Echo: unknown } } }).causeway
  .test as { Echo: grpc.ServiceClientConstructor };

describe("gRPC through the router (data-plane §10)", () => {
  let server: grpc.Server;
  let router: RouterUnderTest;
  let client: EchoClient;
  /** How calls of `Never` ended at the server. */
  let cancelled = 0;
  let deadline: grpc.Deadline | undefined;
  /** When the call with that deadline came. */
  let cameAt = 0;
  let open = 0;
  let mostOpen = 0;
  /** First words of all calls of `Both`. */
  let begun: string[] = [];
  before(async () => {
    server = new grpc.Server();
    server.addService(Echo.service, {
      Unary(call: grpc.ServerUnaryCall<Note, Note>, done: grpc.sendUnaryData<Note>) {
        if (call.request.text === "fail") done({ code: grpc.status.FAILED_PRECONDITION, details: "told to" });
        else {
          const trailers = new grpc.Metadata();
          trailers.set("seen", call.request.text);
          done(null, { text: call.request.text.toUpperCase() }, trailers);
        }
      },
      ServerStream(call: grpc.ServerWritableStream<Note, Note>) {
        for (const letter of call.request.text) call.write({ text: letter });
        call.end();
      },
      ClientStream(call: grpc.ServerReadableStream<Note, Note>, done: grpc.sendUnaryData<Note>) {
        let text = "";
        call.on("data", (note: Note) => {
          text += note.text;
        });
        call.on("end", () => done(null, { text }));
      },
      Both(call: grpc.ServerDuplexStream<Note, Note>) {
        mostOpen = Math.max(mostOpen, ++open);
        call.once("data", (note: Note) => begun.push(note.text));
        call.on("data", (note: Note) => call.write({ text: note.text.toUpperCase() }));
        call.on("end", () => {
          open--;
          call.end();
        });
      },
      Never(call: grpc.ServerUnaryCall<Note, Note>) {
        deadline = call.getDeadline();
        cameAt = Date.now();
        call.on("cancelled", () => {
          cancelled++;
        });
      },
    });
    const credentials = grpc.ServerCredentials.createSsl(null, [
      { cert_chain: Buffer.from(pair.certificate), private_key: Buffer.from(pair.key) },
    ]);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    router = await startRouter("embedded", {
      enable_ssl: true,
      ssl_port: 0,
      client_cert_validation: "none",
      cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
      tls_pem: [{ cert_chain: pair.certificate, private_key: pair.key }],
      ca_certs: [authority.certificate],
      disable_keep_alives: false,
      max_idle_conns_per_host: 10,
      backends: { max_conns: 0 },
    });
    await router.register({
      uris: ["app.test"],
      tls_port: port,
      server_cert_domain_san: "app.test",
      protocol: "http2",
    });
    client = connect();
  });
  after(async () => {
    client?.close();
    server.forceShutdown();
    await router?.stop();
  });

  function connect(): EchoClient {
    const trust = grpc.credentials.createSsl(Buffer.from(authority.certificate));
    return new Echo(`127.0.0.1:${router.tlsPort}`, trust, {
      "grpc.ssl_target_name_override": "app.test",
      "grpc.default_authority": "app.test",
      "grpc.use_local_subchannel_pool": 1,
    }) as unknown as EchoClient;
  }

  const unary = (text: string): Promise<Note> =>
    new Promise((resolve, reject) =>
      client.Unary({ text }, (error, note) => (error ? reject(error) : resolve(note as Note))),
    );

  it("unary, with trailers", async () => {
    const call = new Promise<[Note, unknown]>((resolve, reject) => {
      let seen: unknown;
      let answer: Note | undefined;
      const settle = (): void => {
        if (answer !== undefined && seen !== undefined) resolve([answer, seen]);
      };
      client
        .Unary({ text: "hello" }, (error, note) => {
          if (error) reject(error);
          answer = note;
          settle();
        })
        .on("status", ({ metadata }) => {
          seen = metadata.get("seen");
          settle();
        });
    });
    assert.deepEqual(await call, [{ text: "HELLO" }, ["hello"]]);
  });

  it("an error of the server, which is nothing but trailers", async () => {
    await assert.rejects(unary("fail"), { code: grpc.status.FAILED_PRECONDITION, details: "told to" });
  });

  it("server streaming", async () => {
    let text = "";
    for await (const note of client.ServerStream({ text: "stream" })) text += (note as Note).text;
    assert.equal(text, "stream");
  });

  it("client streaming", async () => {
    const note = await new Promise<Note>((resolve, reject) => {
      const call = client.ClientStream((error, answer) => (error ? reject(error) : resolve(answer as Note)));
      for (const text of ["a", "b", "c".repeat(200_000)]) call.write({ text });
      call.end();
    });
    assert.equal(note.text, `ab${"c".repeat(200_000)}`);
  });

  it("both ways at once", async () => {
    const call = client.Both();
    const heard: string[] = [];
    call.on("data", (note: Note) => {
      heard.push(note.text);
    });
    for (const text of ["one", "two", "three"]) {
      call.write({ text });
      // Each answer comes before the next question is asked.
      await condition(`the answer to ${text}`, () => heard.includes(text.toUpperCase()) || undefined);
    }
    call.end();
    await new Promise((resolve) => call.on("status", resolve));
    assert.deepEqual(heard, ["ONE", "TWO", "THREE"]);
  });

  it("1000 streams open at a time", async () => {
    begun = [];
    // A connection carries 250: so many clients as that takes.
    const clients = Array.from({ length: 4 }, connect);
    const calls = clients.flatMap((one) => Array.from({ length: 250 }, () => one.Both()));
    const answers = calls.map(
      (call, at) =>
        new Promise<string>((resolve, reject) => {
          let text = "";
          call.on("data", (note: Note) => {
            text += note.text;
          });
          call.on("error", reject);
          call.on("status", () => resolve(text));
          call.write({ text: `call ${at}` });
        }),
    );
    await condition("all streams at the server", () => mostOpen >= 1000 || undefined);
    for (const call of calls) call.end();
    const texts = await Promise.all(answers);
    assert.deepEqual([begun.length, new Set(begun).size], [1000, 1000], "each call came to the server once");
    assert.deepEqual(
      texts,
      texts.map((_, at) => `CALL ${at}`),
    );
    for (const one of clients) one.close();
  });

  it("a cancellation arrives at the server", async () => {
    cancelled = 0;
    const failure = new Promise<grpc.ServiceError | null>((resolve) => {
      const call = client.Never({ text: "" }, {}, resolve);
      deadline = undefined;
      void condition("the call", () => deadline !== undefined || undefined).then(() => call.cancel());
    });
    assert.equal((await failure)?.code, grpc.status.CANCELLED);
    await condition("the cancellation", () => cancelled === 1 || undefined);
  });

  it("a deadline arrives at the server", async () => {
    cancelled = 0;
    deadline = undefined;
    let left = 1500;
    // Longer when the call has not even come: a busy machine.
    for (; deadline === undefined && left <= 24_000; left *= 4) {
      const failure = new Promise<grpc.ServiceError | null>((resolve) =>
        client.Never({ text: "" }, { deadline: Date.now() + left }, resolve),
      );
      assert.equal((await failure)?.code, grpc.status.DEADLINE_EXCEEDED);
    }
    // It travels as the time that was left, which the server counts from when the call came.
    assert.ok(Number(deadline) <= cameAt + left / 4, `${Number(deadline) - cameAt} ms left`);
    await condition("the end of the call", () => cancelled > 0 || undefined);
  });
});
