/** The bodies of requests: every split, every (state, event) pair, and noise. */

import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { ChunkedDecoder, type ChunkLimits, LengthDecoder } from "../../../drivers/http1/body.ts";
import { InputBuffer } from "../../../drivers/input_buffer.ts";
import { HttpError } from "../../../errors.ts";

const LIMITS: ChunkLimits = {
  chunkLineSizeLimit: 64,
  chunkOverheadLimit: 256,
  streamThreshold: 8,
  trailerSizeLimit: 64,
  headerCountLimit: 4,
};

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** What a decoder makes of pieces: the content, how it ends, and what is left of the input. */
function decode(pieces: readonly Uint8Array[], decoder = new ChunkedDecoder(LIMITS)): string {
  const input = new InputBuffer();
  const content: Uint8Array[] = [];
  try {
    for (const piece of pieces) {
      input.push(piece.slice());
      for (let part = decoder.next(input); part !== undefined; part = decoder.next(input)) {
        if (part === null) break;
        content.push(part.slice());
      }
      input.retain();
    }
  } catch (error) {
    assert(error instanceof HttpError, `only an HttpError escapes: ${error}`);
    return `${error.status}`;
  }
  const ended = decoder.next(input) === null;
  const trailers = decoder.trailers?.toPairs().map((pair) => pair.join("=")).join(";") ?? "";
  const text = new TextDecoder("latin1").decode(concat(content));
  return ended ? `"${text}" [${trailers}] then ${input.length}` : `"${text}" …`;
}

const VECTORS: readonly (readonly [name: string, bytes: string, result: string])[] = [
  ["one chunk", "5\r\nhello\r\n0\r\n\r\n", '"hello" [] then 0'],
  ["several, with bytes behind", "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\nGET", '"hello world" [] then 3'],
  [
    "a chunk larger than streamThreshold",
    "14\r\n01234567890123456789\r\n0\r\n\r\n",
    '"01234567890123456789" [] then 0',
  ],
  ["trailers", "0\r\nX-A: 1\r\nx-b:2\r\n\r\n", '"" [X-A=1;x-b=2] then 0'],
  [
    "leading zeros and both cases",
    "000a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n",
    '"01234567890123456789" [] then 0',
  ],
  ["quoted extensions", '1;a="b;\\"c"\r\nx\r\n0;z\r\n\r\n', '"x" [] then 0'],
];

for (const [name, bytes, result] of VECTORS) {
  Deno.test(`ChunkedDecoder.next() decodes ${name}, whole and split anywhere (RFC 9112 §7.1)`, () => {
    const all = latin1(bytes);
    assertEquals(decode([all]), result);
    assertEquals(decode([...all].map((byte) => Uint8Array.of(byte))), result);
    for (let at = 1; at < all.length; at++) {
      assertEquals(decode([all.slice(0, at), all.slice(at)]), result, `split at ${at}`);
    }
  });
}

const STATES: Readonly<Record<string, string>> = {
  "size": "",
  "within a size": "5",
  "data": "5\r\nhe",
  "the end of data": "5\r\nhello",
  "within the end of data": "5\r\nhello\r",
  "trailers": "0\r\n",
  "within a trailer": "0\r\nX-A: 1",
  "done": "0\r\n\r\n",
};

/** For each state: what becomes of a size, letters, CRLF, a bare LF, a colon, and nothing. */
const EVENTS = ["3\r\n", "xyz", "\r\n", "\n", ":", ""] as const;
const TABLE: Readonly<Record<string, readonly string[]>> = {
  "size": ['"" …', "?", "400", "400", "?", '"" …'],
  "within a size": ['"" …', "?", '"" …', "400", "?", '"" …'],
  "data": ['"he3\r\n" …', '"hexyz" …', '"" …', '"" …', '"" …', '"" …'],
  "the end of data": ["400", "400", '"hello" …', "400", "400", '"hello" …'],
  "within the end of data": ["400", "400", "400", '"hello" …', "400", '"hello" …'],
  "trailers": ["400", '"" …', '"" [] then 0', "400", '"" …', '"" …'],
  "within a trailer": ['"" …', '"" …', '"" …', "400", '"" …', '"" …'],
  "done": ['"" [] then 3', '"" [] then 3', '"" [] then 2', '"" [] then 1', '"" [] then 1', '"" [] then 0'],
};

for (const [state, before] of Object.entries(STATES)) {
  EVENTS.forEach((event, index) => {
    Deno.test(`ChunkedDecoder.next() in the state "${state}" takes ${JSON.stringify(event)} (RFC 9112 §7.1)`, () => {
      const wanted = TABLE[state]![index]!;
      const got = decode([latin1(before), latin1(event)]);
      // "?": a size line without its end is judged when the end has come
      if (wanted === "?") assertEquals(decode([latin1(before), latin1(event), latin1("\r\n")]), "400");
      else assertEquals(got, wanted);
    });
  });
}

const REJECTED: readonly (readonly [name: string, bytes: string, status: string])[] = [
  ["a sign", "+5\r\nhello\r\n", "400"],
  ["0x", "0x5\r\nhello\r\n", "400"],
  ["no digit", ";a\r\n", "400"],
  ["14 significant digits", "10000000000000\r\n", "400"],
  ["white space behind the size", "5 \r\nhello\r\n", "400"],
  ["LF alone behind the size", "5\nhello\r\n", "400"],
  ["an open quote", '1;a="b\r\n', "400"],
  ["a bare CR in an extension", "1;a\rb\r\n", "400"],
  ["more data than announced", "1\r\nxy\r\n", "400"],
  ["a trailer for framing", "0\r\nContent-Length: 5\r\n\r\n", "400"],
  ["an obs-fold among the trailers", "0\r\nX-A: 1\r\n 2\r\n\r\n", "400"],
  ["a chunk line beyond chunkLineSizeLimit", `1;${"a".repeat(61)}\r\n`, "400"],
  ["trailers beyond trailerSizeLimit", `0\r\nX-A: ${"a".repeat(60)}\r\n\r\n`, "431"],
  ["trailers beyond headerCountLimit", `0\r\n${"a:\r\n".repeat(5)}\r\n`, "431"],
  ["more framing than content", "1\r\nx\r\n".repeat(65) + "0\r\n\r\n", "400"],
];

for (const [name, bytes, status] of REJECTED) {
  Deno.test(`ChunkedDecoder.next() rejects ${name} with ${status}, whole and byte by byte (RFC 9112 §7.1)`, () => {
    assertEquals(decode([latin1(bytes)]), status);
    assertEquals(decode([...latin1(bytes)].map((byte) => Uint8Array.of(byte))), status);
  });
}

Deno.test("ChunkedDecoder.next() takes what is exactly at each limit (RFC 9112 §7.1.1)", () => {
  assertEquals(decode([latin1(`1;${"a".repeat(60)}\r\nx\r\n0\r\n\r\n`)]), '"x" [] then 0');
  assertEquals(decode([latin1(`0\r\nX-A: ${"a".repeat(57)}\r\n\r\n`)]), `"" [X-A=${"a".repeat(57)}] then 0`);
  assertEquals(decode([latin1(`0\r\n${"a:\r\n".repeat(4)}\r\n`)]), '"" [a=;a=;a=;a=] then 0');
  assertEquals(decode([latin1("1\r\nx\r\n".repeat(63) + "0\r\n\r\n")]), `"${"x".repeat(63)}" [] then 0`);
});

Deno.test("LengthDecoder.next() gives the bytes as they come, and none behind the end (RFC 9112 §6.2)", () => {
  const input = new InputBuffer();
  const decoder = new LengthDecoder(4);
  input.push(latin1("ab"));
  assertEquals(decoder.next(input), latin1("ab"));
  assertEquals([decoder.next(input), decoder.remaining], [undefined, 2]);
  input.push(latin1("cdef"));
  assertEquals(decoder.next(input), latin1("cd"));
  assertEquals([decoder.next(input), input.length], [null, 2]);
});

Deno.test("ChunkedDecoder.next() gives the same for any split of the same noise, and lets only HttpError out", () => {
  let seed = 42;
  const random = (limit: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % limit;
  const alphabet = [
    "0",
    "1",
    "5",
    "a",
    "\r\n",
    "\r",
    "\n",
    ";",
    "=",
    '"',
    "x",
    ":",
    " ",
    "hello",
    "\x00",
    "\xff",
  ];
  for (let round = 0; round < 3000; round++) {
    let text = random(2) ? "5\r\nhello\r\n" : "";
    for (let length = random(12); length > 0; length--) text += alphabet[random(alphabet.length)];
    const bytes = latin1(text);
    const at = bytes.length === 0 ? 0 : random(bytes.length);
    const whole = decode([bytes]);
    const split = decode([bytes.slice(0, at), bytes.slice(at)]);
    // A fault may be seen before the content that waits in front of it: the status is what counts.
    assertEquals(split, whole, JSON.stringify(text));
  }
});

Deno.test("InputBuffer.push() borrows a chunk, and retain() keeps what is left of it", () => {
  const input = new InputBuffer();
  const chunk = latin1("abcdef");
  input.push(chunk);
  input.consume(2);
  input.retain();
  chunk.fill(0);
  input.push(latin1("gh"));
  assertEquals(input.toBytes(), latin1("cdefgh"));
  input.consume(6);
  assertEquals(input.length, 0);
});
