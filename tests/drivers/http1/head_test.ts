/** Heads and targets: every split, limits, noise, and the web's URL as the judge of what is made of a target. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { HeadParser, type RequestHead } from "../../../drivers/http1/head.ts";
import { InputBuffer } from "../../../drivers/input_buffer.ts";
import { AuthorityParser, parseAuthority, targetUri } from "../../../drivers/authority.ts";
import { resolveTarget } from "../../../drivers/http1/target.ts";
import { HttpError } from "../../../errors.ts";

const LIMITS = { headerSizeLimit: 200, headerCountLimit: 5, targetSizeLimit: 40 };

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** What a parser makes of pieces: the head in short, or the status of its refusal. */
function parse(...pieces: readonly string[]): string {
  const input = new InputBuffer();
  const heads = new HeadParser(LIMITS);
  const found: string[] = [];
  try {
    for (const piece of pieces) {
      input.push(latin1(piece));
      for (let head = next(heads, input); head !== undefined; head = next(heads, input)) {
        found.push(describe(head));
      }
      input.retain();
    }
  } catch (error) {
    assert(error instanceof HttpError, `only an HttpError escapes: ${error}`);
    found.push(String(error.status));
  }
  return found.join(" & ");
}

function next(heads: HeadParser, input: InputBuffer): RequestHead | undefined {
  return input.length === 0 ? undefined : heads.parse(input);
}

function describe({ method, target, minor, fields, control, hostCount }: RequestHead): string {
  return JSON.stringify([method, target, minor, fields.toPairs(), control, hostCount]);
}

const HEADS: readonly (readonly [name: string, bytes: string, result: string])[] = [
  ["the least", "GET / HTTP/1.1\r\n\r\n", '["GET","/",1,[],{},0]'],
  [
    "OWS and case",
    "get /a HTTP/1.0\r\nHOST:\t a \r\nX-a:b\r\n\r\n",
    '["get","/a",0,[["HOST","a"],["X-a","b"]],{"host":"a"},1]',
  ],
  [
    "control fields in several lines",
    "GET / HTTP/1.1\r\nConnection: a\r\nconnection:close\r\nhost:x\r\nHost: y\r\n\r\n",
    '["GET","/",1,[["Connection","a"],["connection","close"],["host","x"],["Host","y"]],{"connection":"a, close","host":"x, y"},2]',
  ],
  [
    "obs-text",
    "GET / HTTP/1.1\r\nX: caf\xe9\x85\xff\r\n\r\n",
    '["GET","/",1,[["X","caf\xe9\x85\xff"]],{},0]',
  ],
  ["empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nA:\r\n\r\n", '["GET","/",1,[["A",""]],{},0]'],
  [
    "two, one behind the other",
    "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
    '["GET","/1",1,[],{},0] & ["GET","/2",1,[],{},0]',
  ],
];

for (const [name, bytes, result] of HEADS) {
  Deno.test(`HeadParser.parse() takes ${name}, whole and split anywhere (RFC 9112 §2.1)`, () => {
    assertEquals(parse(bytes), result);
    assertEquals(parse(...bytes), result);
    for (let at = 1; at < bytes.length; at++) {
      assertEquals(parse(bytes.slice(0, at), bytes.slice(at)), result, `${at}`);
    }
  });
}

const REFUSED: readonly (readonly [name: string, bytes: string, status: number, section: string])[] = [
  ["a bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "2.2"],
  ["a bare CR in a value", "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 400, "2.2"],
  ["white space before the first field", "GET / HTTP/1.1\r\n A: b\r\n\r\n", 400, "2.2"],
  ["nine empty lines", "\r\n".repeat(9) + "GET / HTTP/1.1\r\n\r\n", 400, "2.2"],
  ["another major version", "GET / HTTP/2.0\r\n\r\n", 505, "2.3"],
  ["a version in lower case", "GET / http/1.1\r\n\r\n", 400, "2.3"],
  ["a TLS handshake", "\x16\x03\x01\x00\xc8", 400, "3"],
  ["a method of 33 bytes", `${"A".repeat(33)} / HTTP/1.1\r\n\r\n`, 501, "3"],
  ["a target of 41 bytes", `GET /${"a".repeat(40)} HTTP/1.1\r\n\r\n`, 414, "3"],
  ["white space before a colon", "GET / HTTP/1.1\r\nA : b\r\n\r\n", 400, "5.1"],
  ["an obs-fold", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400, "5.2"],
  ["six fields", `GET / HTTP/1.1\r\n${"a:\r\n".repeat(6)}\r\n`, 431, "5"],
  ["201 bytes", `GET / HTTP/1.1\r\nA: ${"a".repeat(178)}\r\n\r\n`, 431, "5"],
];

for (const [name, bytes, status, section] of REFUSED) {
  Deno.test(`HeadParser.parse() refuses ${name} with ${status}, whole and byte by byte (RFC 9112 §${section})`, () => {
    assertEquals(parse(bytes), `${status}`);
    assertEquals(parse(...bytes), `${status}`);
  });
}

Deno.test("HeadParser.parse() takes what is exactly at each limit (RFC 9112 §3)", () => {
  for (
    const bytes of [
      `GET / HTTP/1.1\r\nA: ${"a".repeat(177)}\r\n\r\n`,
      `GET / HTTP/1.1\r\n${"a:\r\n".repeat(5)}\r\n`,
      `GET /${"a".repeat(39)} HTTP/1.1\r\n\r\n`,
      `${"A".repeat(32)} / HTTP/1.1\r\n\r\n`,
      `${"\r\n".repeat(8)}GET / HTTP/1.1\r\n\r\n`,
    ]
  ) {
    assert(parse(bytes).startsWith("["), bytes);
    assertEquals(parse(...bytes), parse(bytes));
  }
});

const LINES = ["GET / HTTP/1.1", "POST /b HTTP/1.0", `GET /${"a".repeat(39)} HTTP/1.1`, "GET /\x00 HTTP/1.1"];
const SECTIONS: readonly (readonly string[])[] = [
  [],
  ["Host: a"],
  ["Host: b"],
  ["host: a"],
  ["Host: a "],
  ["Host: a", "Host: a"],
  ["Host: a", "Connection: close", "X: caf\xe9"],
  ["Host: a", "X : 1"],
  ["Host: a\x00"],
  [`X: ${"x".repeat(150)}`],
  ["a:", "a:", "a:", "a:", "a:", "a:"],
];
const BROKEN_LINES = ["\r", "\n", "\n\r", "\rx", "x\n", "ab"].map((end) =>
  `GET / HTTP/1.1${end}Host: a\r\n\r\n`
);
const MESSAGES = [
  ...LINES.flatMap((line) => SECTIONS.map((section) => [line, ...section, "", ""].join("\r\n"))),
  ...BROKEN_LINES,
];

Deno.test("HeadParser.parse() makes the same of a head whatever came before it on the connection (RFC 9112 §2.2)", () => {
  for (const first of MESSAGES) {
    const before = parse(first);
    for (const second of before.startsWith("[") ? MESSAGES : []) {
      const both = `${before} & ${parse(second)}`;
      assertEquals(parse(first + second), both, second);
      assertEquals(parse(first, ...second), both, second);
      assertEquals(parse(first + second.slice(0, -1), second.slice(-1)), both, second);
      assertEquals(parse(first + second.slice(0, 20), second.slice(20)), both, second);
      const often = `${before} & ${before} & ${both}`; // from the third on, its bytes are compared
      assertEquals(parse(first.repeat(3) + second), often, second);
      assertEquals(parse(first, first, first, second), often, second);
    }
  }
});

Deno.test("HeadParser.parse() gives a head that comes again as the same object, up to 2 KiB, and any other as its own", () => {
  const head = (target: string, value: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\nX: ${value}\r\n\r\n`;
  const heads = new HeadParser({ headerSizeLimit: 8192, headerCountLimit: 5, targetSizeLimit: 8192 });
  const take = (text: string) => {
    const input = new InputBuffer();
    input.push(latin1(text));
    return heads.parse(input)!;
  };
  const first = take(head("/1", "1"));
  assertStrictEquals(take(head("/1", "1")), first);
  assertStrictEquals(take(head("/1", "1")), first);
  for (const [target, value] of [["/2", "1"], ["/2", "2"], ["/1", "2"], ["/1", "1"]] as const) {
    const other = take(head(target, value));
    assertEquals([other.target, other.fields.get("x")], [target, value]);
    assertStrictEquals(take(head(target, value)), other);
  }
  const room = 2048 - head("", "").length;
  assertStrictEquals(take(head("/", "y".repeat(room - 1))), take(head("/", "y".repeat(room - 1))));
  assert(take(head("/", "y".repeat(room))) !== take(head("/", "y".repeat(room))));
  assert(take(head("/" + "y".repeat(room), "")) !== take(head("/" + "y".repeat(room), "")));
});

Deno.test("HeadParser.parse() lets no head change the fields of the next, which has the same (RFC 9110 §5.1)", () => {
  const input = new InputBuffer();
  const heads = new HeadParser(LIMITS);
  for (let round = 0; round < 4; round++) {
    input.push(latin1(`GET /${round} HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: caf\xe9\r\n\r\n`));
    const { fields } = heads.parse(input)!;
    for (const name of ["x", "host", "x", "y", "host"]) {
      assertEquals(fields.get(name), { x: "1, caf\xe9", host: "a" }[name] ?? null, `${round} ${name}`);
    }
    const pairs = fields.toPairs();
    assertEquals(pairs, [["Host", "a"], ["X", "1"], ["x", "caf\xe9"]]);
    pairs.length = 0;
  }
});

Deno.test("HeadParser.parse() gives the same for any split of the same noise, and lets only HttpError out", () => {
  let seed = 7;
  const random = (limit: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % limit;
  const parts = [
    "GET",
    " ",
    "/",
    "HTTP/1.1",
    "\r\n",
    "\r",
    "\n",
    "Host",
    ":",
    "a",
    "\t",
    "\x00",
    "\xff",
    "Content-Length",
    "5",
    ",",
  ];
  for (let round = 0; round < 5000; round++) {
    let text = random(3) ? "GET / HTTP/1.1\r\n" : "";
    for (let length = random(14); length > 0; length--) text += parts[random(parts.length)];
    if (random(2)) text += "\r\n\r\n";
    const at = text.length === 0 ? 0 : random(text.length);
    assertEquals(parse(text.slice(0, at), text.slice(at)), parse(text), JSON.stringify([text, at]));
  }
});

Deno.test("parseAuthority() gives what the web's URL gives, for whatever it takes (RFC 9110 §7.2)", () => {
  let taken = 0;
  for (
    const host of [
      "a",
      "A.Example",
      "localhost:8080",
      "127.0.0.1",
      "127.0.0.1:80",
      "127.1",
      "0x7f.1",
      "1.2.3.4.5",
      "999.1.1.1",
      "[::1]",
      "[::1]:8080",
      "[0:0::1]",
      "a:",
      "a:0080",
      "a:443",
      "a:80",
      "a:99999",
      "a:65535",
      "xn--a",
      "a.xn--b",
      "a_b",
      "a,b",
      "a%41",
      "a..b",
      ".a",
      "a.",
      "-a",
      "a-",
      "a.1",
      "a.0x1",
      "1a",
      "a:1:2",
      "",
      "a b",
      "u@a",
      "a/b",
      "a?b",
      "a#b",
      "[::1",
      "::1",
    ]
  ) {
    for (const scheme of ["http", "https"]) {
      try {
        assertEquals(parseAuthority(host, scheme), new URL(`${scheme}://${host}/`).host, `${scheme} ${host}`);
        taken++;
      } catch (error) {
        assert(error instanceof HttpError && error.status === 400, `${host}: ${error}`);
      }
    }
  }
  assert(taken > 30, `${taken} were taken`);
});

Deno.test("targetUri() gives what the web's URL gives (RFC 9110 §7.1)", () => {
  for (
    const path of [
      "/",
      "/a/b",
      "/a.b",
      "/.",
      "/..",
      "/a/../b",
      "/a/./b",
      "/%2e%2e/x",
      "/%2E",
      "/a..b",
      "/...",
      "//evil/x",
      "/a?b=c&d",
      "/?",
      "/a?x'y",
      "/a?{|}^`",
      "/{}",
      "/|",
      "/^",
      "/a'b",
      "/%zz",
      "/%",
      "/a%20b",
      "/a;b=c",
      "/a:b@c",
      "/~!$&()*+,;=",
      "/a?/../b",
      "/a?%2e",
    ]
  ) {
    const target = { authority: "example.com:81", path };
    assertEquals(targetUri("http", target), new URL(`http://example.com:81${path}`).href, path);
  }
});

Deno.test("resolveTarget() lets the absolute form win over Host, and wants a port of CONNECT (RFC 9112 §3.2)", () => {
  const head = (method: string, target: string, host = "h") => {
    const input = new InputBuffer();
    input.push(latin1(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
    return new HeadParser({ ...LIMITS, targetSizeLimit: 100 }).parse(input)!;
  };
  const resolve = (method: string, target: string) =>
    resolveTarget(head(method, target), "http", () => "fallback", new AuthorityParser("http"));
  assertEquals(resolve("GET", "http://Other:81/x?y"), {
    authority: "other:81",
    path: "/x?y",
    host: "Other:81",
  });
  assertEquals(resolve("GET", "http://other?y"), { authority: "other", path: "/?y", host: "other" });
  assertEquals(resolve("OPTIONS", "*"), { authority: "h", path: "/" });
  assertEquals(resolve("CONNECT", "a:443"), { authority: "a:443", path: "/", host: "a:443" });
  for (
    const [method, target] of [
      ["GET", "*"],
      ["GET", "a:80"],
      ["CONNECT", "a"],
      ["CONNECT", "a:"],
      ["CONNECT", "/"],
      ["GET", "ftp://a/"],
      ["GET", "http:///x"],
      ["GET", "http://u@a/"],
      ["GET", "/\\evil"],
    ] as const
  ) {
    assertThrows(() => resolve(method, target), HttpError);
  }
});
