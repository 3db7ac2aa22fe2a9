import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  compareBytewise,
  contextPathOf,
  hostOf,
  hostText,
  lowerCase,
  routeKey,
  routeKeyPath,
  trieKey,
  withoutTrailingSlash,
} from "../../../../src/core/routing/uri.ts";

describe("route key (control-plane §3.1)", () => {
  const keys: Array<[uri: string, key: string, trie: string]> = [
    ["a.com", "a.com", "a.com"],
    ["a.com/", "a.com", "a.com"],
    ["a.com//", "a.com/", "a.com"],
    ["a.com/x", "a.com/x", "a.com/x"],
    ["a.com/x/", "a.com/x", "a.com/x"],
    ["A.com/X?q=1", "a.com/x", "a.com/x"],
    ["/a.com/x", "/a.com/x", "a.com/x"],
    ["a.com/x/?q", "a.com/x/", "a.com/x"],
    ["a.com//x", "a.com//x", "a.com//x"],
    ["a.com/x#f", "a.com/x#f", "a.com/x#f"],
    ["a.com?q/", "a.com", "a.com"],
    [" a.com ", " a.com ", " a.com "],
    ["a.com:80/%2F", "a.com:80/%2f", "a.com:80/%2f"],
    ["", "", ""],
    ["/", "", ""],
    ["//", "/", ""],
    ["Ä.com", "ä.com", "ä.com"],
    ["İ.com", "i.com", "i.com"],
    ["ΑΣ", "ασ", "ασ"],
    ["𐐀.com", "𐐨.com", "𐐨.com"],
  ];
  for (const [uri, key, trie] of keys) {
    it(`of "${uri}" is "${key}"`, () => {
      assert.equal(routeKey(uri), key);
      assert.equal(trieKey(key), trie);
    });
  }

  it("leaves one character one character", () => {
    assert.equal(lowerCase("İİ").length, 2);
  });

  const parts: Array<[uri: string, host: string, contextPath: string]> = [
    ["a.com", "a.com", "/"],
    ["/A.com/Ctx/y", "A.com", "/Ctx/y"],
    ["A.com/Ctx/", "A.com", "/Ctx"],
    ["a.com/ctx?q=1", "a.com", "/ctx"],
    ["a.com/ctx/?q=1", "a.com", "/ctx/"],
    ["", "", "/"],
  ];
  for (const [uri, host, contextPath] of parts) {
    it(`"${uri}" has the context path ${contextPath}`, () => {
      assert.equal(hostOf(withoutTrailingSlash(uri)), host);
      assert.equal(contextPathOf(withoutTrailingSlash(uri)), contextPath);
    });
  }
});

describe("path of a request for its lookup (data-plane §1.4.11)", () => {
  const paths: Array<[target: string, path: string]> = [
    ["/", "/"],
    ["/p?q", "/p"],
    ["/p?q?{", "/p"],
    ["/%70", "/%70"],
    ["/a%2Fb", "/a%2Fb"],
    ["/-_.~!$&'()*+,;=:@/[]", "/-_.~!$&'()*+,;=:@/[]"],
    ["/../a/./b", "/../a/./b"],
    ["//a//b", "//a//b"],
    ["/{%2Fb%41", "/%7B/bA"],
    ["/{%2Fb%41?{", "/%7B/bA"],
    ['/"', "/%22"],
    ["/#a", "/%23a"],
    ["/<x>", "/%3Cx%3E"],
    ["/\xc3\xa9%2fb%41", "/%C3%A9/bA"],
    ["/{%3F", "/%7B%3F"],
    ["/{%zz", "/%7B%25zz"],
    ["/{%4", "/%7B%254"],
    ["/{!'()[]", "/%7B%21%27%28%29%5B%5D"],
    ["/{$&+,/:;=@-_.~", "/%7B$&+,/:;=@-_.~"],
    ["http://h", ""],
    ["http://h?q/x", ""],
    ["http://h/p?q", "/p"],
    ["http://u@h:1/{%2F", "/%7B/"],
    ["*", "*"],
    ["h:443", ""],
    ["", ""],
  ];
  for (const [target, path] of paths) it(`"${target}" is "${path}"`, () => assert.equal(routeKeyPath(target), path));
});

describe("text of a host", () => {
  it("reads bytes as UTF-8", () => assert.equal(hostText("\xc3\xa4.com"), "ä.com"));
  it("leaves ASCII", () => assert.equal(hostText("A.com"), "A.com"));
});

describe("bytewise order (control-plane §4.3)", () => {
  it("is the order of the UTF-8 bytes", () => {
    const keys = ["b", "a/b", "a", "", "a.b", "a-b", "é", "\u{10000}", "\uffff", "\ud7ff", "\ue000", "ab"];
    const bytes = (key: string) =>
      [...new TextEncoder().encode(key)].map((b) => b.toString(16).padStart(2, "0")).join("");
    const expected = [...keys].sort((a, b) => (bytes(a) < bytes(b) ? -1 : 1));
    assert.deepEqual([...keys].sort(compareBytewise), expected);
  });
});
