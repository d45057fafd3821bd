/** What comes byte by byte costs as much time as it has bytes, not the square of that. */

import { ChunkedDecoder } from "../../drivers/http1/body.ts";
import { HeadParser } from "../../drivers/http1/head.ts";
import { FrameReader } from "../../drivers/http2/frame_reader.ts";
import { InputBuffer } from "../../drivers/input_buffer.ts";
import { MessageParser } from "../../websocket/message_parser.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { concat, latin1 } from "../support/bytes.ts";

const huge = 2 ** 24;
const limits = {
  headerSizeLimit: huge,
  headerCountLimit: huge,
  targetSizeLimit: huge,
  trailerSizeLimit: huge,
  chunkLineSizeLimit: huge,
  chunkOverheadLimit: huge,
  streamThreshold: 8192,
};

/** Takes what is complete out of the input, and says whether that was all. */
type Parse = (input: InputBuffer) => boolean;

/** Feeds one byte at a time, as the driver does; gives how often something was complete. */
function feed(bytes: Uint8Array, parse: Parse): number {
  const input = new InputBuffer();
  let found = 0;
  for (let at = 0; at < bytes.length; at++) {
    input.retain();
    input.push(bytes.subarray(at, at + 1));
    while (parse(input)) found++;
  }
  assertEquals(input.length, 0, "bytes left");
  return found;
}

function head(): Parse {
  const parser = new HeadParser(limits);
  return (input) => input.length > 0 && parser.parse(input) !== undefined;
}

function body(): Parse {
  const decoder = new ChunkedDecoder(limits);
  return (input) => (decoder.next(input) ?? null) !== null;
}

function frames(): Parse {
  const reader = new FrameReader();
  return (input) => reader.read(input) !== undefined;
}

function messages(): Parse {
  const parser = new MessageParser(huge, false);
  return (input) => parser.next(input) !== undefined;
}

function repeat(piece: Uint8Array, size: number): Uint8Array {
  return concat(Array.from({ length: Math.ceil(size / piece.length) }, () => piece));
}

function unknownFrame(length: number): Uint8Array {
  const frame = new Uint8Array(9 + length);
  frame.set([length >> 16, (length >> 8) & 0xff, length & 0xff, 0x42]);
  return frame;
}

/** A WebSocket frame of a client; its mask is zero. */
function binaryFrame(opcode: number, length: number): Uint8Array {
  const frame = new Uint8Array(8 + length);
  frame.set([opcode, 0x80 | 126, length >> 8, length & 0xff]);
  return frame;
}

const cases: Readonly<Record<string, (size: number) => readonly [bytes: Uint8Array, parse: Parse]>> = {
  "a target": (size) => [latin1(`GET /${"a".repeat(size)} HTTP/1.1\r\n\r\n`), head()],
  "a field value": (size) => [latin1(`GET / HTTP/1.1\r\na: ${"a".repeat(size)}\r\n\r\n`), head()],
  "a field name": (size) => [latin1(`GET / HTTP/1.1\r\n${"a".repeat(size)}:\r\n\r\n`), head()],
  "many field lines": (size) => [latin1(`GET / HTTP/1.1\r\n${"a: b\r\n".repeat(size / 6)}\r\n`), head()],
  "many heads": (size) => [latin1("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(size / 27)), head()],
  "a chunk extension": (size) => [latin1(`1;a=${"a".repeat(size)}\r\nx\r\n0\r\n\r\n`), body()],
  "the zeros of a chunk size": (size) => [latin1(`${"0".repeat(size)}1\r\nx\r\n0\r\n\r\n`), body()],
  "many chunks": (size) => [latin1(`${"1\r\na\r\n".repeat(size / 6)}0\r\n\r\n`), body()],
  "large chunks": (
    size,
  ) => [latin1(`${`1000\r\n${"a".repeat(4096)}\r\n`.repeat(size / 4096)}0\r\n\r\n`), body()],
  "a trailer": (size) => [latin1(`1\r\nx\r\n0\r\na: ${"a".repeat(size)}\r\n\r\n`), body()],
  "small HTTP/2 frames": (size) => [repeat(unknownFrame(0), size), frames()],
  "large HTTP/2 frames": (size) => [repeat(unknownFrame(16_000), size), frames()],
  "a WebSocket message": (size) => [repeat(binaryFrame(0x82, 16_000), size), messages()],
  "fragments of a WebSocket message": (size) => {
    const rest = Array.from({ length: size / 134 }, () => binaryFrame(0, 126).subarray(0, 134));
    return [concat([binaryFrame(2, 126), ...rest, binaryFrame(0x80, 126)]), messages()];
  },
};

/** The least of some times, since others run on the same processor. */
function timeOf(size: number, make: (size: number) => readonly [Uint8Array, Parse]): number {
  let least = Infinity;
  for (let run = 0; run < 5; run++) {
    const [bytes, parse] = make(size);
    const start = performance.now();
    assert(feed(bytes, parse) > 0, "nothing was complete");
    least = Math.min(least, (performance.now() - start) / bytes.length);
  }
  return least;
}

for (const [name, make] of Object.entries(cases)) {
  Deno.test(`${name} byte by byte takes as long for each byte of 128 KiB as of 16 KiB`, () => {
    const small = timeOf(16_384, make);
    const large = timeOf(131_072, make);
    assert(large < 3 * small, `${small * 1e6} ns a byte of 16 KiB, ${large * 1e6} ns of 128 KiB`); // squared: 8
  });
}
