import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { upToDate } from "../../../../../src/cli/router/workers/up-to-date.ts";

/** What the listener is told beside a request; no answer here reads it. */
const environment = {} as Parameters<ReturnType<typeof upToDate>>[1];

/** A supervisor whose table and counts change while it waits for its workers. */
class Changing {
  shown = "before";
  async change(): Promise<void> {
    await Promise.resolve();
    this.shown = "after";
  }
}

describe("what a status listener of several workers shows", () => {
  it("/routes: nothing that came while the workers caught up, as they may not have it yet", async () => {
    const state = new Changing();
    let waited = 0;
    const settled = async (): Promise<void> => {
      await state.change();
      waited++;
    };
    const answer = upToDate({ settled, collect: () => Promise.reject(new Error("asked")) }, () => {
      assert.equal(waited, 0);
      return new Response(state.shown);
    });
    const response = await answer(new Request("http://status.test/routes?all"), environment);
    assert.equal(waited, 1);
    assert.equal(await response.text(), "before");
  });

  it("/varz: what the workers counted up to the question", async () => {
    const state = new Changing();
    const settled = (): Promise<void> => Promise.reject(new Error("asked"));
    const answer = upToDate({ settled, collect: () => state.change() }, () => new Response(state.shown));
    const response = await answer(new Request("http://status.test/varz"), environment);
    assert.equal(await response.text(), "after");
  });

  it("anything else: at once", async () => {
    const asked = (): Promise<void> => Promise.reject(new Error("asked"));
    const answer = upToDate({ settled: asked, collect: asked }, () => new Response("healthy"));
    const response = await answer(new Request("http://status.test/health"), environment);
    assert.equal(await response.text(), "healthy");
  });
});
