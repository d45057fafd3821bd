/**
 * Messages of HTTP/1 made by their grammar (RFC 9112), most of them right, some of them wrong in one place; and mutated ones.
 *
 * @module
 */

import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

const TCHARS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const VALUE_CHARS = "abc xyz\t,;=\"'()<>@:\\/[]{}?0123456789-_.%~\x80\xa0\xff";
const PATH_CHARS = "abcxyz0123456789-._~!$&'()*+,;=:@/%";

/** What mutations put into a message. */
export const DICTIONARY: readonly string[] = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "\r\r\n",
  "\n\r\n",
  "\0",
  " ",
  "\t",
  "\x0b",
  "\x7f",
  "\x85",
  ":",
  " :",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "0",
  "+",
  "-",
  "0x",
  "chunked",
  "Content-Length: 3\r\n",
  "content-length:0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Host: b\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "Expect: 100-continue\r\n",
  "0\r\n\r\n",
  "1\r\nx\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/** What a message is made with. */
export interface MessageOptions {
  /** How often a part is a wrong one, in percent. */
  readonly wrong: number;
}

/** Makes the requests of one connection: each is like the one before it, or another. */
export function makeRequests(random: Random, options: MessageOptions): string[] {
  const requests: string[] = [];
  for (let count = random.between(1, 6); count > 0; count--) {
    const last = requests.at(-1);
    if (last === undefined || random.chance(40)) requests.push(makeRequest(random, options));
    else requests.push(random.chance(50) ? last : vary(random, last));
  }
  return requests;
}

/** Makes the bytes of one connection, some of them mutated. */
export function makeConnection(random: Random, mutated: number): string {
  const wrong = random.pick([0, 0, 0.3, 1, 4]);
  const bytes = makeRequests(random, { wrong }).join("");
  return random.chance(mutated) ? mutate(random, bytes, DICTIONARY) : bytes;
}

/** The same request with another target, another value of one field, or one field more. */
function vary(random: Random, request: string): string {
  const end = request.indexOf("\r\n\r\n");
  const lines = request.slice(0, end).split("\r\n");
  const at = random.below(lines.length);
  random.weigh([
    [3, () => void lines.splice(at + 1, 0, makeField(random))],
    [1, () => void lines.push(upperCase(lines.at(-1)!))],
    [6, () => void (lines[at] = varyLine(random, lines[at]!, at === 0))],
  ]);
  return lines.join("\r\n") + request.slice(end);
}

function upperCase(text: string): string {
  return text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

function varyLine(random: Random, line: string, isFirst: boolean): string {
  if (isFirst) return line.replace(/ \S+/, (target) => target + random.text(1, "abc012/?&"));
  if (/^(?:content-length|transfer-encoding):/i.test(line)) return line;
  return line + random.text(random.below(3), "abc012 ");
}

/** Makes one request. */
export function makeRequest(random: Random, options: MessageOptions): string {
  const body = makeBody(random, options);
  const fields = random.times(random.size(6), () => makeField(random));
  fields.push(...random.shuffle([...body.fields, ...controlFields(random, options)]));
  const host = hostField(random, options);
  const line = requestLine(random, options, body.method);
  const section = random.chance(70) ? [...host, ...fields] : random.shuffle([...host, ...fields]);
  const end = wrongOr(random, options, lineEnds(random), "\r\n");
  const before = random.chance(2) ? "\r\n".repeat(random.between(1, 9)) : "";
  return `${before}${line}${end}${section.map((field) => `${field}\r\n`).join("")}\r\n${body.bytes}`;
}

function wrongOr<T>(random: Random, { wrong }: MessageOptions, bad: () => T, good: T): T {
  return random.chance(wrong) ? bad() : good;
}

function lineEnds(random: Random): () => string {
  return () => random.pick(["\n", "\r", "\r\r\n", " \r\n", "\n\r\n"]);
}

function requestLine(random: Random, options: MessageOptions, bodyMethod: string | null): string {
  const method = wrongOr(
    random,
    options,
    () => random.pick(["", "get", "G@T", "GET ", "\tGET", "A".repeat(33), "CONNECT", "TRACE", "PRI"]),
    bodyMethod ?? random.pick(["GET", "GET", "GET", "HEAD", "DELETE", "OPTIONS", "PATCH"]),
  );
  const target = wrongOr(random, options, () => wrongTarget(random), goodTarget(random, method));
  const version = wrongOr(
    random,
    options,
    () =>
      random.pick(["HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.1 ", "HTTP/11", "HTP/1.1", ""]),
    random.weigh([[9, () => "HTTP/1.1"], [1, () => "HTTP/1.0"]]),
  );
  const space = wrongOr(random, options, () => random.pick(["  ", "\t", "", "\x0b"]), " ");
  return `${method} ${target}${space}${version}`;
}

function goodTarget(random: Random, method: string): string {
  if (method === "OPTIONS" && random.chance(30)) return "*";
  const path = `/${random.text(random.size(30), PATH_CHARS)}`;
  const query = random.chance(30) ? `?${random.text(random.size(20), PATH_CHARS + "?^`{|}")}` : "";
  const origin = random.chance(5) ? random.pick(["http://a", "HTTP://b:8080", "http://[::1]:81"]) : "";
  return origin + path + query;
}

function wrongTarget(random: Random): string {
  return random.pick([
    "",
    "*",
    "a:80",
    "/a b",
    "/#a",
    "/\x80",
    "/\\a",
    "//b/c",
    "/../../x",
    "http://u@a/",
    "http:///",
    "ftp://a/",
    `/${"x".repeat(300)}`,
    "/%",
    "/%zz",
    "http://a:99999/",
  ]);
}

function hostField(random: Random, options: MessageOptions): string[] {
  const host = random.pick([
    "a",
    "a",
    "a",
    "example.org",
    "A.Example:8080",
    "[::1]:80",
    "127.0.0.1",
    "a%41b",
  ]);
  const line = `${random.pick(["Host", "host", "HOST"])}:${ows(random)}${host}${ows(random)}`;
  return wrongOr(
    random,
    options,
    () =>
      random.pick([[], [line, line], ["Host:"], ["Host: a b"], ["Host: a, b"], ["Host : a"], ["Host: \xff"]]),
    [line],
  );
}

/** Optional white space. */
export function ows(random: Random): string {
  return random.weigh([[6, () => " "], [2, () => ""], [1, () => random.text(random.below(4), " \t")]]);
}

/** A field that nothing depends on. */
export function makeField(random: Random): string {
  const name = random.pick([
    "x-a",
    "X-B",
    "Cookie",
    "Accept",
    "User-Agent",
    random.text(random.between(1, 12), TCHARS),
  ]);
  if (/^(?:host|connection|content-length|transfer-encoding|expect|upgrade|te|trailer)$/i.test(name)) {
    return "x: y";
  }
  return `${name}:${ows(random)}${random.text(random.size(30), VALUE_CHARS).trim()}${ows(random)}`;
}

function controlFields(random: Random, options: MessageOptions): string[] {
  const fields: string[] = [];
  if (random.chance(5)) {
    fields.push(
      `Connection: ${random.pick(["keep-alive", "close", "x, Keep-Alive", "CLOSE ,x", "upgrade"])}`,
    );
  }
  if (random.chance(2)) fields.push("Expect: 100-continue");
  if (random.chance(2)) fields.push("Upgrade: h2c, x/1");
  return wrongOr(random, options, () => [...fields, wrongField(random)], fields);
}

function wrongField(random: Random): string {
  return random.pick([
    " folded: x",
    "x: a\r\n b",
    "x : a",
    "x",
    ": a",
    "x: a\0b",
    "x: a\rb",
    "x: a\nb",
    "(x): a",
    "x\x80: a",
    "Expect: x",
    "Expect: 100-continue, 100-continue",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding:",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding : chunked",
    "Transfer\x00Encoding: chunked",
    "Content-Length: 5",
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Content-Length: 5 5",
    "Content-Length: 0x5",
    "Content-Length:",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Content_Length: 5",
    "HTTP2-Settings: AAMAAABk",
    `x: ${"y".repeat(500)}`,
  ]);
}

/** A body, the fields that frame it, and a method that has one. */
interface Body {
  readonly method: string | null;
  readonly fields: readonly string[];
  readonly bytes: string;
}

function makeBody(random: Random, options: MessageOptions): Body {
  const kind = random.below(10);
  if (kind < 4) return { method: null, fields: [], bytes: "" };
  const method = random.pick(["POST", "PUT", "PATCH", "GET", "DELETE"]);
  const content = makeContent(random);
  if (kind < 7) return lengthBody(random, options, method, content);
  const coding = random.pick(["chunked", "chunked", "Chunked", "CHUNKED", ", chunked", "chunked ,\t"]);
  const fields = [`Transfer-Encoding:${ows(random)}${coding}`];
  return { method, fields, bytes: encodeChunks(random, options, content) };
}

function lengthBody(random: Random, options: MessageOptions, method: string, content: string): Body {
  const { length } = content;
  const value = wrongOr(
    random,
    options,
    () =>
      random.pick([
        `+${length}`,
        `${2 ** 32 + length}`,
        `${length}, ${length}`,
        `${length + 1}`,
        `${Math.max(0, length - 1)}`,
        " ",
      ]),
    random.weigh([[9, () => `${length}`], [1, () => `00${length}`]]),
  );
  return { method, fields: [`Content-Length:${ows(random)}${value}`], bytes: content };
}

/** Some content: random bytes, or what looks like a message. */
export function makeContent(random: Random): string {
  return random.weigh([
    [20, () => random.text(random.size(60), "abcdef0123456789")],
    [5, () => random.binary(random.size(200))],
    [3, () => "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"],
    [3, () => "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"],
    [1, () => random.text(random.size(20_000), "abcdefgh")],
  ]);
}

/** Encodes content in chunks, with extensions and trailers. */
export function encodeChunks(random: Random, options: MessageOptions, content: string): string {
  let bytes = "";
  const most = random.pick([1, 5, 50, 5000, 30_000]);
  for (let at = 0; at < content.length;) {
    const data = content.slice(at, at + random.between(1, most));
    bytes += `${chunkSize(random, options, data.length)}${chunkExtension(random, options)}`;
    bytes += wrongOr(random, options, lineEnds(random), "\r\n");
    bytes += data + wrongOr(random, options, () => random.pick(["", "\n", "x\r\n", "\r"]), "\r\n");
    at += data.length;
    if (bytes.length > 40_000) break;
  }
  const last = random.weigh([[8, () => "0"], [1, () => "000"]]);
  return `${bytes}${last}${chunkExtension(random, options)}\r\n${trailers(random, options)}\r\n`;
}

function chunkSize(random: Random, options: MessageOptions, size: number): string {
  const hex = size.toString(16);
  return wrongOr(
    random,
    options,
    () =>
      random.pick([
        `0x${hex}`,
        `1${hex.padStart(8, "0")}`, // as large as the chunk where only 32 bits count
        `1${hex.padStart(16, "0")}`,
        `+${hex}`,
        ` ${hex}`,
        `${hex} `,
        `${hex}g`,
        "",
        "-1",
        "fffffffffffffffff",
      ]),
    random.pick([hex, hex, hex.toUpperCase(), `00${hex}`]),
  );
}

function chunkExtension(random: Random, options: MessageOptions): string {
  if (!random.chance(10)) return "";
  return wrongOr(
    random,
    options,
    () => random.pick([";", "; ", ";a=", ';a="', ";a b", "\t;a", ";\0", ";a\n", ';a="\n"', ";=b"]),
    random.pick([";a", ";a=b", ';a="b;c"', ';a="\\""', " ; a = b", ";a;b"]),
  );
}

function trailers(random: Random, options: MessageOptions): string {
  if (!random.chance(20)) return "";
  const good = random.times(random.between(1, 4), () => makeTrailer(random));
  const wrong =
    () => [...good, random.pick(["Content-Length: 5", "Host: b", "x", " x: y", "x : y", "x: \0"])];
  return wrongOr(random, options, wrong, good).map((field) => `${field}\r\n`).join("");
}

function makeTrailer(random: Random): string {
  const name = random.pick(["x-checksum", "X-T", "etag", "server-timing"]);
  return `${name}:${ows(random)}${random.text(random.size(20), VALUE_CHARS).trim()}${ows(random)}`;
}
