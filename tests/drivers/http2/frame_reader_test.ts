/** Frames out of bytes: every type in each way it may come, what its header may say, and noise. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { ErrorCode, StreamError } from "../../../drivers/http2/error_code.ts";
import {
  Flag,
  type Frame,
  FRAME_HEADER_SIZE,
  FRAME_SIZE_LIMIT,
  FrameType,
  makeFrame,
  readUint31,
  readUint32,
  writeFrameHead,
  writeUint32,
} from "../../../drivers/http2/frame.ts";
import { FrameReader } from "../../../drivers/http2/frame_reader.ts";
import { InputBuffer } from "../../../drivers/input_buffer.ts";
import {
  answerEachWay,
  answerTo,
  fromHex,
  inputOf,
  layFrame,
  Noise,
  payloadOf,
  readEachWay,
} from "./support.ts";

/** Every type: a frame in hex, and what its header says. */
type Vector = readonly [
  name: string,
  section: string,
  hex: string,
  type: number,
  flags: number,
  streamId: number,
];

const VECTORS: readonly Vector[] = [
  ["DATA", "6.1", "000005 00 01 00000001 68656c6c6f", 0x0, Flag.END_STREAM, 1],
  ["an empty DATA", "6.1", "000000 00 00 00000003", 0x0, Flag.NONE, 3],
  ["HEADERS", "6.2", "000003 01 05 00000005 828684", 0x1, Flag.END_HEADERS | Flag.END_STREAM, 5],
  ["PRIORITY", "6.3", "000005 02 00 00000007 80000003 ff", 0x2, Flag.NONE, 7],
  ["RST_STREAM", "6.4", "000004 03 00 7fffffff 00000008", 0x3, Flag.NONE, 0x7fffffff],
  ["SETTINGS", "6.5", "00000c 04 00 00000000 000100001000 000400010000", 0x4, Flag.NONE, 0],
  ["an acknowledgement of SETTINGS", "6.5", "000000 04 01 00000000", 0x4, Flag.ACK, 0],
  ["PUSH_PROMISE", "6.6", "000005 05 04 00000001 00000002 82", 0x5, Flag.END_HEADERS, 1],
  ["PING", "6.7", "000008 06 00 00000000 0102030405060708", 0x6, Flag.NONE, 0],
  ["GOAWAY", "6.8", "00000a 07 00 00000000 00000001 00000000 6f6b", 0x7, Flag.NONE, 0],
  ["WINDOW_UPDATE of a stream", "6.9", "000004 08 00 00000009 00000001", 0x8, Flag.NONE, 9],
  ["WINDOW_UPDATE of the connection", "6.9", "000004 08 00 00000000 7fffffff", 0x8, Flag.NONE, 0],
  ["CONTINUATION", "6.10", "000001 09 04 0000000b 84", 0x9, Flag.END_HEADERS, 11],
  ["a frame of an unknown type", "5.5", "000003 0b ff 0000000d abcdef", 0xb, 0xff, 13],
];

for (const [name, section, hex, ...wanted] of VECTORS) {
  Deno.test(`FrameReader.read() takes ${name}, whole, byte by byte and with bytes behind (RFC 9113 §${section})`, () => {
    const bytes = fromHex(hex);
    readEachWay(bytes, (frame) => {
      const { type, flags, streamId } = frame;
      assertEquals([type, flags, streamId], wanted);
      assertEquals(frame.length, bytes.length - FRAME_HEADER_SIZE);
      assertEquals(payloadOf(frame), bytes.slice(FRAME_HEADER_SIZE));
    });
  });
}

Deno.test("FrameReader.read() takes PRIORITY_UPDATE on any stream, of which its parser judges (RFC 9218 §7.1)", () => {
  for (const streamId of [0, 1]) {
    readEachWay(
      layFrame({ type: FrameType.PRIORITY_UPDATE, streamId, payload: fromHex("00000001 753d31") }),
      (frame) => {
        assertEquals([frame.type, frame.streamId, frame.length], [0x10, streamId, 7]);
      },
    );
  }
});

Deno.test("FrameReader.read() gives several frames one after the other, in one and the same object (RFC 9113 §4.1)", () => {
  const input = inputOf(concat(VECTORS.map(([, , hex]) => fromHex(hex))));
  const reader = new FrameReader();
  const frames = VECTORS.map(([, , , type]) => {
    const frame = reader.read(input);
    assertEquals(frame?.type, type);
    return frame;
  });
  for (const frame of frames) assertStrictEquals(frame, frames[0]);
  assertEquals([reader.read(input), input.length], [undefined, 0]);
});

Deno.test("FrameReader.read() gives a payload where it lies, without a copy (RFC 9113 §4.1)", () => {
  const bytes = fromHex("000001 00 00 00000001 61");
  const input = new InputBuffer();
  input.push(bytes);
  const frame = new FrameReader().read(input)!;
  assertStrictEquals(frame.bytes, bytes);
  assertEquals([frame.start, frame.end], [9, 10]);
});

/** For each type: a stream that it may be on, and lengths that it may have and may not. */
type Sizes = readonly [
  name: string,
  section: string,
  type: number,
  streamId: number,
  allowed: readonly number[],
  refused: readonly number[],
];

const ANY = [[0, 1, 16_383, 16_384], [16_385, 65_536, 0xffffff]] as const;

const SIZES: readonly Sizes[] = [
  ["DATA", "6.1", 0x0, 1, ...ANY],
  ["HEADERS", "6.2", 0x1, 1, ...ANY],
  ["RST_STREAM", "6.4", 0x3, 1, [4], [0, 3, 5, 16_384, 16_385]],
  ["SETTINGS", "6.5", 0x4, 0, [0, 6, 12, 16_380], [1, 5, 7, 11, 13, 16_384, 16_386]],
  ["PUSH_PROMISE", "6.6", 0x5, 1, [4, 5, 16_384], [0, 3, 16_385]],
  ["PING", "6.7", 0x6, 0, [8], [0, 7, 9, 16_384, 16_385]],
  ["GOAWAY", "6.8", 0x7, 0, [8, 9, 16_384], [0, 7, 16_385]],
  ["WINDOW_UPDATE", "6.9", 0x8, 1, [4], [0, 3, 5, 16_384, 16_385]],
  ["WINDOW_UPDATE of the connection", "6.9", 0x8, 0, [4], [0, 3, 5, 16_385]],
  ["CONTINUATION", "6.10", 0x9, 1, ...ANY],
  ["an unknown type", "4.2", 0xb, 1, ...ANY],
  ["an unknown type on the connection", "4.2", 0xff, 0, ...ANY],
  ["PRIORITY_UPDATE", "4.2", 0x10, 0, ...ANY],
];

for (const [name, section, type, streamId, allowed, refused] of SIZES) {
  Deno.test(`FrameReader.read() takes ${name} of ${allowed.join(", ")} bytes (RFC 9113 §${section})`, () => {
    for (const length of allowed) {
      readOnce(layFrame({ type, streamId, length }), (frame) => assertEquals(frame.length, length));
    }
  });

  Deno.test(`FrameReader.read() refuses ${name} of ${refused.join(", ")} bytes by its header alone (RFC 9113 §${section})`, () => {
    for (const length of refused) {
      const head = layFrame({ type, streamId, length, payload: new Uint8Array(0) });
      assertEquals(head.length, FRAME_HEADER_SIZE);
      assertEquals(answerEachWay(head), "GOAWAY FRAME_SIZE_ERROR", `${length} bytes`);
      assertEquals(
        new FrameReader().read(inputOf(head.subarray(0, 8))),
        undefined,
        "eight bytes are no header",
      );
    }
  });
}

/** A frame that is read whole once its last byte has come, and not before. */
function readOnce(bytes: Uint8Array, check: (frame: Frame) => void): void {
  const input = inputOf(bytes.subarray(0, bytes.length - 1));
  const reader = new FrameReader();
  assertEquals(reader.read(input), undefined);
  assertEquals(input.length, bytes.length - 1, "nothing is consumed before");
  input.retain();
  input.push(bytes.subarray(bytes.length - 1));
  check(reader.read(input)!);
  assertEquals(input.length, 0);
}

const STREAMS: readonly (readonly [
  name: string,
  section: string,
  type: number,
  length: number,
  on: "stream" | "connection",
])[] = [
  ["DATA", "6.1", 0x0, 0, "stream"],
  ["HEADERS", "6.2", 0x1, 0, "stream"],
  ["PRIORITY", "6.3", 0x2, 5, "stream"],
  ["RST_STREAM", "6.4", 0x3, 4, "stream"],
  ["SETTINGS", "6.5", 0x4, 0, "connection"],
  ["PUSH_PROMISE", "6.6", 0x5, 4, "stream"],
  ["PING", "6.7", 0x6, 8, "connection"],
  ["GOAWAY", "6.8", 0x7, 8, "connection"],
  ["CONTINUATION", "6.10", 0x9, 0, "stream"],
];

for (const [name, section, type, length, on] of STREAMS) {
  const where = on === "stream" ? "the connection" : "a stream";
  Deno.test(`FrameReader.read() refuses ${name} on ${where} by its header alone (RFC 9113 §${section})`, () => {
    for (const streamId of on === "stream" ? [0, 0x80000000] : [1, 2, 0x7fffffff, 0x80000001]) {
      const head = layFrame({ type, streamId, length, payload: new Uint8Array(0) });
      assertEquals(answerEachWay(head), "GOAWAY PROTOCOL_ERROR", `stream ${streamId}`);
    }
    const streamId = on === "stream" ? 1 : 0;
    assertEquals(answerEachWay(layFrame({ type, streamId, length })), "nothing");
  });
}

Deno.test("FrameReader.read() says PROTOCOL_ERROR of a PRIORITY frame on the connection, whatever its size (RFC 9113 §6.3)", () => {
  const head = layFrame({ type: FrameType.PRIORITY, length: 4, payload: new Uint8Array(0) });
  assertEquals(answerEachWay(head), "GOAWAY PROTOCOL_ERROR");
});

for (const length of [0, 1, 4, 6, 16_384]) {
  Deno.test(`FrameReader.read() answers PRIORITY of ${length} bytes with RST_STREAM, and goes on behind it (RFC 9113 §6.3)`, () => {
    const faulty = layFrame({ type: FrameType.PRIORITY, streamId: 3, length });
    if (length < 100) assertEquals(answerEachWay(faulty), "RST_STREAM 3 FRAME_SIZE_ERROR");
    const input = inputOf(faulty.subarray(0, faulty.length - 1));
    const reader = new FrameReader();
    if (length > 0) {
      assertEquals(reader.read(input), undefined, "it is not judged before it can be passed over");
    }
    input.retain();
    input.push(concat([faulty.subarray(faulty.length - 1), layFrame({ type: FrameType.DATA, streamId: 5 })]));
    assertEquals(answerTo(() => reader.read(input)), "RST_STREAM 3 FRAME_SIZE_ERROR");
    assertEquals([reader.read(input)?.streamId, input.length], [5, 0]);
  });
}

Deno.test("FrameReader.read() refuses PRIORITY that is larger than any frame by its header alone (RFC 9113 §4.2)", () => {
  const head = layFrame({
    type: FrameType.PRIORITY,
    streamId: 3,
    length: 16_385,
    payload: new Uint8Array(0),
  });
  assertEquals(answerEachWay(head), "GOAWAY FRAME_SIZE_ERROR");
});

Deno.test("FrameReader.read() takes all unknown types on any stream, for the driver to ignore (RFC 9113 §5.5)", () => {
  for (let type = 0xa; type <= 0xff; type++) {
    for (const streamId of [0, 1, 2, 0x7fffffff]) {
      readEachWay(layFrame({ type, flags: 0xff, streamId, payload: fromHex("0102") }), (frame) => {
        assertEquals([frame.type, frame.flags, frame.streamId, frame.length], [type, 0xff, streamId, 2]);
      });
    }
  }
});

Deno.test("FrameReader.read() takes every flag on every type, for the parsers to ignore (RFC 9113 §4.1)", () => {
  for (const [, , hex, type] of VECTORS) {
    for (let flags = 0; flags <= 0xff; flags++) {
      const bytes = fromHex(hex);
      bytes[4] = flags;
      const frame = new FrameReader().read(inputOf(bytes))!;
      assertEquals([frame.type, frame.flags], [type, flags]);
      assertEquals(payloadOf(frame), bytes.slice(FRAME_HEADER_SIZE));
      for (const flag of Object.values(Flag)) {
        assertEquals(frame.has(flag), (flags & flag) === flag && flag !== 0);
      }
    }
  }
});

Deno.test("FrameReader.read() ignores the reserved bit in front of the stream (RFC 9113 §4.1)", () => {
  for (const [, , hex, , , streamId] of VECTORS) {
    const bytes = fromHex(hex);
    bytes[5] = bytes[5]! | 0x80;
    readEachWay(bytes, (frame) => assertEquals(frame.streamId, streamId));
  }
});

const NUMBERS = [
  0,
  1,
  0x7f,
  0x80,
  0xff,
  0x100,
  0x7fffff,
  0x800000,
  0x7fffffff,
  0x80000000,
  0xdeadbeef,
  0xffffffff,
];

for (const number of NUMBERS) {
  Deno.test(`writeUint32(), readUint32() and readUint31() take ${number}, the last without its highest bit (RFC 9113 §4.1)`, () => {
    const room = new Uint8Array(6).fill(0xa5);
    assertEquals(writeUint32(room, 1, number), 5);
    assertEquals(room.toHex(), `a5${number.toString(16).padStart(8, "0")}a5`);
    assertEquals([readUint32(room, 1), readUint31(room, 1)], [number, number % 2 ** 31]);
  });
}

Deno.test("writeFrameHead() and makeFrame() write what FrameReader.read() takes (RFC 9113 §4.1)", () => {
  for (const length of [0, 1, 255, 256, 16_384]) {
    for (const streamId of [0, 1, 256, 65_536, 0x7fffffff]) {
      const head = { length, type: 0xfa, flags: 0x29, streamId };
      const frame = makeFrame(head);
      assertEquals(frame, layFrame(head));
      const room = new Uint8Array(20).fill(0xa5);
      assertEquals(writeFrameHead(room, 3, head), 3 + FRAME_HEADER_SIZE);
      assertEquals(room.toHex(), "a5a5a5" + frame.subarray(0, 9).toHex() + "a5".repeat(8));
    }
  }
});

/** What comes of pieces: the frames in short, and the answer to the first fault that ends the connection. */
function readAll(pieces: readonly Uint8Array[]): string[] {
  const input = new InputBuffer();
  const reader = new FrameReader();
  const found: string[] = [];
  for (const piece of pieces) {
    input.push(piece.slice());
    for (let answer = readNext(reader, input); answer !== undefined; answer = readNext(reader, input)) {
      found.push(answer);
      if (answer.startsWith("GOAWAY")) return found;
    }
    input.retain();
  }
  return found;
}

function readNext(reader: FrameReader, input: InputBuffer): string | undefined {
  const before = input.length;
  let frame: Frame | undefined;
  const answer = answerTo(() => frame = reader.read(input));
  if (answer !== "nothing") return answer;
  if (frame === undefined) {
    return void assertEquals(input.length, before, "what is not whole is not consumed");
  }
  assertEquals(before - input.length, FRAME_HEADER_SIZE + frame.length);
  assert(frame.length <= FRAME_SIZE_LIMIT && frame.streamId >= 0, "a frame is within its limits");
  return `${frame.type} ${frame.flags} ${frame.streamId} ${payloadOf(frame).toHex()}`;
}

Deno.test("FrameReader.read() gives the same for any split of the same noise, and lets only typed errors out (RFC 9113 §5.4)", () => {
  const noise = new Noise(10);
  let [frames, faults] = [0, 0];
  for (let round = 0; round < 3000; round++) {
    const bytes = noise.below(4) === 0 ? noise.bytes(noise.below(40)) : manyFrames(noise);
    const whole = readAll([bytes]);
    const [first, second] = [noise.below(bytes.length + 1), noise.below(bytes.length + 1)].sort((a, b) =>
      a - b
    );
    const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
    assertEquals(readAll(pieces.filter(({ length }) => length > 0)), whole, bytes.toHex());
    assertEquals(readAll(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole, bytes.toHex());
    faults += whole.filter((answer) => /[A-Z]/.test(answer)).length;
    frames += whole.length;
  }
  assert(faults > 500 && frames - faults > 500, `${frames - faults} frames, ${faults} faults`);
});

/** Frames whose headers are often right. */
function manyFrames(noise: Noise): Uint8Array {
  return concat(Array.from({ length: 1 + noise.below(6) }, () =>
    layFrame({
      type: noise.below(12),
      flags: noise.below(256),
      streamId: noise.pick([0, 1, 1, 1, 0x80000002]),
      payload: noise.bytes(noise.pick([0, 4, 4, 5, 6, 8, 8, 12, 30])),
    })));
}

Deno.test("StreamError carries its stream and code, for RST_STREAM (RFC 9113 §5.4.2)", () => {
  const error = new StreamError(3, ErrorCode.CANCEL, "why");
  assertEquals([error.name, error.streamId, error.code, error.message], ["StreamError", 3, 8, "why"]);
});
