import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isLiteralSubject, isSubject, SubjectTable } from "../../../../src/bus/embedded/subjects.ts";

const sub = (subject: string, queue = "") => ({ subject, queue });

describe("subjects", () => {
  it("tells good from bad", () => {
    for (const subject of ["a", "a.b", "*", ">", "a.*.c", "a.>", "a*.b>c"]) assert.ok(isSubject(subject), subject);
    for (const subject of ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b"]) assert.ok(!isSubject(subject), subject);
    for (const subject of ["a", "a.b*"]) assert.ok(isLiteralSubject(subject), subject);
    for (const subject of ["*", "a.>", "a.*.b", ""]) assert.ok(!isLiteralSubject(subject), subject);
  });

  it("finds subscriptions by token, * and >", () => {
    const table = new SubjectTable<{ subject: string; queue: string }>();
    for (const subject of ["a", "a.b", "a.*", "a.>", "*.b", "*", ">", "a.b.c"]) table.add(sub(subject));
    const found = (subject: string): string[] =>
      table
        .match(subject)
        .plain.map((one) => one.subject)
        .sort();
    assert.deepEqual(found("a"), ["*", ">", "a"]);
    assert.deepEqual(found("a.b"), ["*.b", ">", "a.*", "a.>", "a.b"]);
    assert.deepEqual(found("a.b.c"), [">", "a.>", "a.b.c"]);
    assert.deepEqual(found("x.y.z"), [">"]);
  });

  it("keeps what it found only while it is true", () => {
    const table = new SubjectTable<{ subject: string; queue: string }>();
    const one = sub("a.b");
    table.add(one);
    assert.deepEqual(table.match("a.b").plain, [one]);
    const other = sub("a.*");
    table.add(other);
    assert.deepEqual(table.match("a.b").plain, [one, other]);
    table.remove(one);
    assert.deepEqual(table.match("a.b").plain, [other]);
    table.remove(other);
    table.remove(other);
    table.remove(sub("never.there"));
    assert.deepEqual(table.match("a.b").plain, []);
  });

  it("groups by queue", () => {
    const table = new SubjectTable<{ subject: string; queue: string }>();
    const [a, b, c, d] = [sub("x", "q"), sub("*", "q"), sub("x", "r"), sub("x")];
    for (const one of [a, b, c, d]) table.add(one);
    assert.deepEqual(table.match("x"), { plain: [d], groups: [[a, b], [c]] });
  });
});
