/**
 * Heads and trailers of HTTP/2 requests, as lists of fields: what is accepted keeps to RFC 9113 §8, by a judge that is written apart
 * from the parser, and what a parser has noted of a field changes nothing for the next list that has it.
 *
 * @module
 */

import { AuthorityParser } from "../../drivers/authority.ts";
import { StreamError } from "../../drivers/http2/error_code.ts";
import { HeaderField } from "../../drivers/http2/hpack/header_field.ts";
import { parseRequestHead, parseTrailers } from "../../drivers/http2/request_head.ts";
import { HttpError } from "../../errors.ts";
import type { Field } from "./hpack_reference.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";
import { shorterTexts, smallerLists, smallerMember } from "./shrink.ts";
import { demand, type Outcome, same, type Target } from "./target.ts";

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const LOWER_TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const CONNECTION_SPECIFIC = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
const METHODS = ["GET", "POST", "HEAD", "OPTIONS", "CONNECT"];
const TARGET_SIZE_LIMIT = 60;

/** A list of fields, and whether it is a trailer section. */
interface HeadInput {
  readonly fields: readonly Field[];
  readonly trailers: boolean;
  readonly extendedConnect: boolean;
}

function makeHead(random: Random): Field[] {
  const wrong = random.chance(5);
  const method = random.pick(wrong ? ["x", "G T", ""] : ["GET", "POST", "HEAD", "OPTIONS", "CONNECT"]);
  const connect = method === "CONNECT" && random.chance(80);
  const fields: Field[] = [[":method", random.chance(90) ? method : "GET"]];
  if (!connect || random.chance(40)) {
    fields.push([
      ":scheme",
      random.chance(95) ? random.pick(["http", "https"]) : random.pick(["ftp", "HTTP", ""]),
    ]);
    fields.push([":path", makePath(random)]);
  }
  if (random.chance(90)) fields.push([":authority", makeAuthority(random)]);
  if (random.chance(2) || (connect && random.chance(50))) {
    fields.push([":protocol", random.pick(["websocket", "x", "a b"])]);
  }
  fields.push(...random.times(random.size(6), () => makeField(random)));
  return disturb(random, fields);
}

function disturb(random: Random, fields: Field[]): Field[] {
  if (random.chance(75)) return fields;
  const at = random.below(fields.length);
  return random.make([
    () => random.shuffle(fields),
    () => fields.toSpliced(at, 1),
    () => [...fields, fields[at]!],
    () => [...fields, [":status", "200"] as const],
    () => fields.with(at, [mutate(random, fields[at]![0], ["\0", " ", "A", ":"]), fields[at]![1]]),
    () =>
      fields.with(at, [fields[at]![0], mutate(random, fields[at]![1], ["\0", " ", "\r\n", "\x7f", "\t"])]),
  ]);
}

function makePath(random: Random): string {
  return random.weigh([
    [8, () => `/${random.text(random.size(20), "abc/?&=%.~")}`],
    [1, () => "*"],
    [1, () => random.pick(["", "a", "/ ", "/#", "/\\", "/\x80", "//a", `/${"x".repeat(100)}`, "http://a/"])],
  ]);
}

function makeAuthority(random: Random): string {
  return random.weigh([
    [8, () => random.pick(["a", "a", "example.org:80", "[::1]", "A.b", "127.0.0.1:8080", "a:443"])],
    [1, () => random.pick(["", "u@a", "a b", "a:x", "a/b", "a,b", ":80"])],
  ]);
}

function makeField(random: Random): Field {
  const name = random.pick([
    "x-a",
    "cookie",
    "te",
    "host",
    "content-length",
    "expect",
    "priority",
    "accept",
    "x-b",
    "etag",
    ...(random.chance(10) ? ["connection"] : []),
  ]);
  const values: Readonly<Record<string, readonly string[]>> = {
    te: ["trailers", "trailers", "Trailers", "gzip"],
    host: ["a", "a", "a", "b", "A", "a b"],
    "content-length": ["0", "5", "007", "12", "5, 5", "+5", "", "9".repeat(20)],
    expect: ["100-continue", "100-continue", "100-Continue", "x"],
    priority: ["u=1", "i, u=9", "("],
    connection: ["close", ""],
  };
  const value = random.pick(values[name] ?? ["", "1", "abc", "a b", "\xff", "a\tb"]);
  return [random.chance(97) ? name : random.pick(["X-A", "x a", "", "é", "content-length "]), value];
}

/** Fuzzes the parser of heads. */
export const http2Head: Target<HeadInput> = {
  name: "http2-head",
  depth: { accepted: [20, 80], labels: 20 },
  make(random) {
    const trailers = random.chance(20);
    const section = () =>
      disturb(random, [["x-sum", "1"], ...random.times(random.size(4), () => makeField(random))]);
    return { fields: trailers ? section() : makeHead(random), trailers, extendedConnect: random.chance(50) };
  },
  run(input): Outcome {
    const fields = input.fields.map(([name, value]) => new HeaderField(name, value));
    const first = parse(fields, input);
    same("what is found of fields that were looked at before", first, parse(fields, input));
    if (typeof first === "string") return { accepted: 0, refused: 1, labels: [first] };
    if (input.trailers) judgeFields(input.fields);
    else judgeHead(input);
    return {
      accepted: 1,
      refused: 0,
      labels: [input.trailers ? "trailers" : METHODS.includes(first.method) ? first.method : "other method"],
    };
  },
  *shrink(input) {
    yield* smallerMember(input, "fields", (fields) => smallerLists(fields, smallerField));
  },
};

function* smallerField([name, value]: Field): Generator<Field> {
  for (const shorter of shorterTexts(value)) yield [name, shorter];
}

/** What is found, or why it is refused. */
function parse(
  fields: readonly HeaderField[],
  { trailers, extendedConnect }: HeadInput,
): { readonly method: string; readonly pairs: unknown } | string {
  const list = { fields, tooLarge: false };
  try {
    if (trailers) return { method: "", pairs: parseTrailers(list, 1, 8192).toPairs() };
    const authorities = new AuthorityParser("http");
    const context = {
      streamId: 1,
      scheme: "http",
      authorities,
      targetSizeLimit: TARGET_SIZE_LIMIT,
      extendedConnect,
    };
    const { fields: found, ...head } = parseRequestHead(list, context);
    return { ...head, pairs: found.toPairs() };
  } catch (error) {
    if (error instanceof HttpError) return String(error.status);
    if (error instanceof StreamError) {
      return error.message.replaceAll(/"[^"]*"|:?[a-z-]+ (?=behind|is there twice)/g, "…");
    }
    throw error;
  }
}

/** What must hold of a head that was accepted (RFC 9113 §8.2, §8.3). */
function judgeHead({ fields, extendedConnect }: HeadInput): void {
  const pseudo = fields.filter(([name]) => name.startsWith(":"));
  const regular = fields.filter(([name]) => !name.startsWith(":"));
  same("the order of the fields", [...pseudo, ...regular], fields);
  same("pseudo-header fields", new Set(pseudo.map(([name]) => name)).size, pseudo.length);
  const found = new Map(pseudo);
  const known = [":method", ":scheme", ":authority", ":path", ":protocol"];
  demand(pseudo.every(([name]) => known.includes(name)), "a pseudo-header field that no request has");
  const method = found.get(":method") ?? "";
  demand(TOKEN.test(method), `the method ${JSON.stringify(method)}`);
  const plainConnect = method === "CONNECT" && !found.has(":protocol");
  demand(plainConnect === !found.has(":scheme"), ":scheme");
  demand(plainConnect === !found.has(":path"), ":path");
  demand(!found.has(":protocol") || (method === "CONNECT" && extendedConnect), ":protocol");
  const path = found.get(":path");
  const isPath = path === undefined ||
    (/^\/[!-~]*$/.test(path) && !path.includes("#") && path.length <= TARGET_SIZE_LIMIT);
  demand(isPath || (path === "*" && method === "OPTIONS"), `the path ${JSON.stringify(path)}`);
  judgeAuthority(found.get(":authority"), regular);
  judgeFields(regular);
}

function judgeAuthority(authority: string | undefined, fields: readonly Field[]): void {
  const hosts = fields.filter(([name]) => name === "host").map(([, value]) => value);
  demand(hosts.length <= 1, "several host fields");
  const given = [authority, ...hosts].filter((host) => host !== undefined);
  demand(given.length > 0, "no authority");
  demand(
    given.every((host) => !/[@\/ ]/.test(host) && host !== ""),
    `the authority ${JSON.stringify(given)}`,
  );
}

function judgeFields(fields: readonly Field[]): void {
  for (const [name, value] of fields) {
    demand(LOWER_TOKEN.test(name), `the name ${JSON.stringify(name)}`);
    demand(!/^[\t ]|[\t ]$|[^\t -~\x80-\xff]/.test(value), `the value ${JSON.stringify(value)}`);
    demand(!CONNECTION_SPECIFIC.includes(name), `the field ${name}`);
    demand(name !== "te" || value.toLowerCase() === "trailers", `te: ${value}`);
    demand(name !== "content-length" || /^[0-9]+$/.test(value), `content-length: ${value}`);
  }
}
