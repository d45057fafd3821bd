/** What is in the frames: the parse functions on frames laid out by hand, and the encode functions with them as the peer. */

import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { ErrorCode } from "../../../drivers/http2/error_code.ts";
import {
  Flag,
  type Frame,
  FRAME_HEADER_SIZE,
  FRAME_SIZE_LIMIT,
  FrameType,
} from "../../../drivers/http2/frame.ts";
import { FrameReader } from "../../../drivers/http2/frame_reader.ts";
import { checkBlockSize, PartialFieldBlock } from "../../../drivers/http2/frames/continuation.ts";
import { parseData, writeDataHead } from "../../../drivers/http2/frames/data.ts";
import {
  type FieldBlock,
  sealFieldBlock,
  splitFieldBlock,
} from "../../../drivers/http2/frames/field_block.ts";
import { encodeGoAway, parseGoAway } from "../../../drivers/http2/frames/goaway.ts";
import { parseHeaders } from "../../../drivers/http2/frames/headers.ts";
import { encodePing, encodePingAck } from "../../../drivers/http2/frames/ping.ts";
import { parsePriority } from "../../../drivers/http2/frames/priority.ts";
import { parsePriorityUpdate } from "../../../drivers/http2/frames/priority_update.ts";
import { parsePushPromise } from "../../../drivers/http2/frames/push_promise.ts";
import { encodeRstStream, parseRstStream } from "../../../drivers/http2/frames/rst_stream.ts";
import {
  encodeSettings,
  parseSettings,
  parseSettingsPayload,
  type Setting,
  SETTINGS_ACK,
} from "../../../drivers/http2/frames/settings.ts";
import { encodeWindowUpdate, parseWindowUpdate } from "../../../drivers/http2/frames/window_update.ts";
import { HpackDecoder } from "../../../drivers/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../drivers/http2/hpack/encoder.ts";
import {
  answerEachWay,
  answerTo,
  encodeBlock,
  fromHex,
  inputOf,
  layFrame,
  Noise,
  type Pair,
  pairsOf,
  payloadOf,
  readEachWay,
  readFrame,
} from "./support.ts";

/** A payload, the flags that say what it has, and what is left of it: hex, or the answer to it. */
type Narrowing = readonly [name: string, flags: number, payload: string, left: string];

const { PADDED, PRIORITY } = Flag;
const BOTH = PADDED | PRIORITY;

/** What all types that may be padded have in common. */
const PADDINGS: readonly Narrowing[] = [
  ["nothing", 0, "", ""],
  ["no padding", 0, "02abcd", "02abcd"],
  ["a padding of 0", PADDED, "00 abcd", "abcd"],
  ["a padding of 0 and nothing else", PADDED, "00", ""],
  ["a padding of 2", PADDED, "02 abcd 0000", "abcd"],
  ["a padding that is not of zeros", PADDED, "02 abcd ffff", "abcd"],
  ["a padding of all that there is", PADDED, "04 abcd0000", ""],
  ["a padding of 1 and nothing else", PADDED, "01 00", ""],
  ["a padding of 255", PADDED, `ff ab ${"00".repeat(255)}`, "ab"],
  ["a padding of 255 and nothing else", PADDED, `ff ${"00".repeat(255)}`, ""],
  ["a padding of one more than there is", PADDED, "05 abcd0000", "GOAWAY PROTOCOL_ERROR"],
  ["a padding of 1 without it", PADDED, "01", "GOAWAY PROTOCOL_ERROR"],
  ["a padding of 255 without its last byte", PADDED, `ff ${"00".repeat(254)}`, "GOAWAY PROTOCOL_ERROR"],
  ["no room for the length of its padding", PADDED, "", "GOAWAY FRAME_SIZE_ERROR"],
];

const PRIORITIES: readonly Narrowing[] = [
  ["a priority", PRIORITY, "80000001ff abcd", "abcd"],
  ["a priority and nothing else", PRIORITY, "80000001ff", ""],
  ["a priority and a padding of 0", BOTH, "00 80000001ff abcd", "abcd"],
  ["a priority and a padding of 2", BOTH, "02 80000001ff abcd 0000", "abcd"],
  ["a priority and a padding of all that is left", BOTH, "04 80000001ff abcd0000", ""],
  [
    "a priority and a padding of one more than is left",
    BOTH,
    "05 80000001ff abcd0000",
    "GOAWAY PROTOCOL_ERROR",
  ],
  [
    "a padding that would be of the priority as well",
    BOTH,
    "09 80000001ff abcd0000",
    "GOAWAY PROTOCOL_ERROR",
  ],
  ["no room for its priority", PRIORITY, "80000001", "GOAWAY FRAME_SIZE_ERROR"],
  ["nothing of its priority", PRIORITY, "", "GOAWAY FRAME_SIZE_ERROR"],
  ["no room for the length of its padding, nor a priority", BOTH, "", "GOAWAY FRAME_SIZE_ERROR"],
];

const PROMISES: readonly Narrowing[] = [
  ["no fragment", 0, "00000002", ""],
  ["a fragment", 0, "00000002 abcd", "abcd"],
  ["a padding of 0", PADDED, "00 00000002 abcd", "abcd"],
  ["a padding of 2", PADDED, "02 00000002 abcd 0000", "abcd"],
  ["a padding of all that is left", PADDED, "04 00000002 abcd0000", ""],
  ["a padding of one more than is left", PADDED, "05 00000002 abcd0000", "GOAWAY PROTOCOL_ERROR"],
  [
    "a padding that would be of the promised stream as well",
    PADDED,
    "06 00000002 abcd",
    "GOAWAY PROTOCOL_ERROR",
  ],
];

/** Every type that may be padded, and the flags that have no meaning for it. */
const NARROWED = [
  ["parseData()", "6.1", FrameType.DATA, parseData, 0xf7, PADDINGS],
  ["parseHeaders()", "6.2", FrameType.HEADERS, parseHeaders, 0xd7, [...PADDINGS, ...PRIORITIES]],
  ["parsePushPromise()", "6.6", FrameType.PUSH_PROMISE, parsePushPromise, 0xf7, PROMISES],
] as const;

for (const [parser, section, type, parse, others, rows] of NARROWED) {
  for (const [name, flags, payload, left] of rows) {
    const verb = left.startsWith("GOAWAY") ? "refuses" : "takes";
    Deno.test(`${parser} ${verb} a frame with ${name}, whatever its other flags (RFC 9113 §${section})`, () => {
      for (const noise of [0, others]) {
        const bytes = layFrame({ type, flags: flags | noise, streamId: 1, payload: fromHex(payload) });
        if (verb === "refuses") assertEquals(answerEachWay(bytes, parse), left);
        else readEachWay(bytes, (frame) => assertLeaves(frame, parse, left));
      }
    });
  }
}

function assertLeaves(frame: Frame, parse: (frame: Frame) => unknown, left: string): void {
  const { length } = frame;
  parse(frame);
  assertEquals(payloadOf(frame).toHex(), left);
  assertEquals(frame.length, length, "flow control counts the padding as well");
}

// "too small to contain mandatory frame data" is FRAME_SIZE_ERROR (RFC 9113 §4.2). Where a padding is announced as well, which may be
// of no byte, the codec says PROTOCOL_ERROR; either ends the connection.
const TOO_SMALL: readonly (readonly [name: string, type: number, flags: number, payload: string])[] = [
  ["HEADERS with a padding of 0 and 4 bytes of a priority", FrameType.HEADERS, BOTH, "00 80000001"],
  ["HEADERS with a padding of 0 and no priority", FrameType.HEADERS, BOTH, "00"],
  ["PUSH_PROMISE with a padding of 0 and 3 bytes of a stream", FrameType.PUSH_PROMISE, PADDED, "00 000000"],
];

for (const [name, type, flags, payload] of TOO_SMALL) {
  Deno.test(`parseHeaders() and parsePushPromise() refuse ${name} (RFC 9113 §4.2)`, () => {
    const parse = type === FrameType.HEADERS ? parseHeaders : parsePushPromise;
    const answer = answerEachWay(layFrame({ type, flags, streamId: 1, payload: fromHex(payload) }), parse);
    assert(/^GOAWAY (FRAME_SIZE|PROTOCOL)_ERROR$/.test(answer), answer);
  });
}

Deno.test("parseData() gives all of a frame of 16,384 bytes (RFC 9113 §6.1)", () => {
  const payload = new Noise(11).bytes(FRAME_SIZE_LIMIT);
  payload[0] = 255;
  const frame = readFrame(layFrame({ type: FrameType.DATA, streamId: 1, payload }));
  parseData(frame);
  assertEquals(payloadOf(frame), payload);
  const padded = readFrame(layFrame({ type: FrameType.DATA, flags: PADDED, streamId: 1, payload }));
  parseData(padded);
  assertEquals(payloadOf(padded), payload.slice(1, FRAME_SIZE_LIMIT - 255));
});

Deno.test("writeDataHead() writes what parseData() takes (RFC 9113 §6.1)", () => {
  for (const length of [0, 1, 16_384]) {
    for (const endStream of [false, true]) {
      const room = new Uint8Array(2 + FRAME_HEADER_SIZE + length).fill(0x61);
      assertEquals(writeDataHead(room, 2, { streamId: 5, length, endStream }), 2 + FRAME_HEADER_SIZE);
      const frame = readFrame(room.subarray(2));
      parseData(frame);
      assertEquals([frame.type, frame.flags, frame.streamId], [0, endStream ? 1 : 0, 5]);
      assertEquals(payloadOf(frame), new Uint8Array(length).fill(0x61));
    }
  }
});

const DEPENDENCIES = [
  ["00000003 00", { dependency: 3, exclusive: false, weight: 0 }],
  ["80000003 ff", { dependency: 3, exclusive: true, weight: 255 }],
  ["7fffffff 10", { dependency: 0x7fffffff, exclusive: false, weight: 16 }],
  ["80000000 0f", { dependency: 0, exclusive: true, weight: 15 }],
] as const;

for (const [payload, wanted] of DEPENDENCIES) {
  Deno.test(`parsePriority() takes ${payload} (RFC 9113 §6.3)`, () => {
    readEachWay(layFrame({ type: FrameType.PRIORITY, streamId: 5, payload: fromHex(payload) }), (frame) => {
      assertEquals(parsePriority(frame), wanted);
    });
  });
}

const CODES = [...Object.values(ErrorCode), 0xe, 0xff, 0x7fffffff, 0x80000000, 0xffffffff];

Deno.test("encodeRstStream() writes every code, of which parseRstStream() knows not all (RFC 9113 §6.4)", () => {
  for (const code of CODES) {
    for (const streamId of [1, 0x7fffffff]) {
      const bytes = encodeRstStream(streamId, code);
      const payload = new Uint8Array(4);
      new DataView(payload.buffer).setUint32(0, code);
      assertEquals(bytes, layFrame({ type: FrameType.RST_STREAM, streamId, payload }));
      readEachWay(bytes, (frame) => assertEquals([frame.streamId, parseRstStream(frame)], [streamId, code]));
    }
  }
});

const SETTINGS: readonly (readonly Setting[])[] = [
  [],
  [[1, 4096]],
  [[1, 0], [2, 1], [3, 100], [4, 0x7fffffff], [5, 16_384], [6, 0xffffffff], [8, 1], [9, 1]],
  [[4, 1], [4, 2], [4, 1]],
  [[0, 0], [0xffff, 0x80000000]],
  Array.from({ length: 32 }, (_, id) => [id, id * 1000] as const),
];

for (const settings of SETTINGS) {
  Deno.test(`encodeSettings() writes ${settings.length} settings that begin with ${settings[0]}, parseSettings() gives them in order (RFC 9113 §6.5.1)`, () => {
    const bytes = encodeSettings(settings);
    assertEquals(
      bytes.subarray(0, 9).toHex(),
      layFrame({ type: 4, length: 6 * settings.length }).slice(0, 9).toHex(),
    );
    readEachWay(bytes, (frame) => assertEquals(parseSettings(frame), [...settings]));
    assertEquals(parseSettingsPayload(bytes.subarray(FRAME_HEADER_SIZE)), [...settings]);
  });
}

Deno.test("parseSettings() takes an acknowledgement, which is empty (RFC 9113 §6.5)", () => {
  assertEquals(SETTINGS_ACK, layFrame({ type: FrameType.SETTINGS, flags: Flag.ACK }));
  readEachWay(SETTINGS_ACK, (frame) => assertEquals([frame.has(Flag.ACK), parseSettings(frame)], [true, []]));
});

const SETTINGS_REFUSED: readonly (readonly [name: string, flags: number, count: number, answer: string])[] = [
  ["an acknowledgement with a setting", Flag.ACK, 1, "GOAWAY FRAME_SIZE_ERROR"],
  ["an acknowledgement with 33 settings", Flag.ACK, 33, "GOAWAY FRAME_SIZE_ERROR"],
  ["33 settings", 0, 33, "GOAWAY ENHANCE_YOUR_CALM"],
  ["as many settings as a frame can have", 0, 2730, "GOAWAY ENHANCE_YOUR_CALM"],
];

for (const [name, flags, count, answer] of SETTINGS_REFUSED) {
  Deno.test(`parseSettings() refuses ${name} (RFC 9113 §6.5)`, () => {
    const bytes = layFrame({ type: FrameType.SETTINGS, flags, length: 6 * count });
    assertEquals(answerTo(() => parseSettings(readFrame(bytes))), answer);
    if (bytes.length < 1000) assertEquals(answerEachWay(bytes, parseSettings), answer);
  });
}

Deno.test("parseSettingsPayload() gives null for what is no payload of SETTINGS, and for more than 32 settings (RFC 9113 §6.5.1)", () => {
  for (const length of [1, 5, 7, 6 * 32 + 1, 6 * 33]) {
    assertEquals(parseSettingsPayload(new Uint8Array(length)), null, `${length} bytes`);
  }
  assertEquals(parseSettingsPayload(new Uint8Array(6 * 32))?.length, 32);
});

const PROMISED: readonly (readonly [payload: string, wanted: number | string])[] = [
  ["00000002", 2],
  ["7ffffffe", 0x7ffffffe],
  ["80000002", 2],
  ["00000000", "GOAWAY PROTOCOL_ERROR"],
  ["80000000", "GOAWAY PROTOCOL_ERROR"],
  ["00000001", "GOAWAY PROTOCOL_ERROR"],
  ["7fffffff", "GOAWAY PROTOCOL_ERROR"],
];

for (const [payload, wanted] of PROMISED) {
  const verb = typeof wanted === "string" ? "refuses" : "takes";
  Deno.test(`parsePushPromise() ${verb} a promise of the stream ${payload} (RFC 9113 §6.6)`, () => {
    const bytes = layFrame({ type: FrameType.PUSH_PROMISE, streamId: 1, payload: fromHex(payload) });
    if (typeof wanted === "string") assertEquals(answerEachWay(bytes, parsePushPromise), wanted);
    else readEachWay(bytes, (frame) => assertEquals(parsePushPromise(frame), wanted));
  });
}

Deno.test("encodePing() writes 8 bytes, which encodePingAck() sends back as they are (RFC 9113 §6.7)", () => {
  const noise = new Noise(12);
  for (const opaque of [new Uint8Array(8), noise.bytes(8), new Uint8Array(8).fill(0xff)]) {
    const bytes = encodePing(opaque);
    assertEquals(bytes, layFrame({ type: FrameType.PING, payload: opaque }));
    assertEquals(encodePing(concat([opaque, noise.bytes(3)])), bytes, "more than 8 bytes are cut");
    readEachWay(bytes, (frame) => {
      assertEquals(
        encodePingAck(frame),
        layFrame({ type: FrameType.PING, flags: Flag.ACK, payload: opaque }),
      );
    });
    assertEquals(readFrame(encodePing(opaque, Flag.ACK)).has(Flag.ACK), true);
  }
});

Deno.test("encodeGoAway() writes every stream, code and text, and parseGoAway() gives them (RFC 9113 §6.8)", () => {
  for (const lastStreamId of [0, 1, 0x7fffffff]) {
    for (const code of CODES) {
      for (const text of ["", "why", "é ☃"]) {
        readEachWay(encodeGoAway(lastStreamId, code, text), (frame) => {
          const { debug, ...rest } = parseGoAway(frame);
          assertEquals(rest, { lastStreamId, code });
          assertEquals(new TextDecoder().decode(debug), text);
        });
      }
    }
  }
  assertEquals(encodeGoAway(3, ErrorCode.CANCEL).toHex(), "000008070000000000" + "00000003" + "00000008");
});

Deno.test("parseGoAway() ignores the reserved bit in front of the stream (RFC 9113 §6.8)", () => {
  const payload = fromHex("80000003 ffffffff 00ff");
  readEachWay(layFrame({ type: FrameType.GOAWAY, payload }), (frame) => {
    assertEquals(parseGoAway(frame), { lastStreamId: 3, code: 0xffffffff, debug: payload.subarray(8) });
  });
});

Deno.test("encodeWindowUpdate() writes every increment, and parseWindowUpdate() gives it (RFC 9113 §6.9)", () => {
  for (const streamId of [0, 1, 0x7fffffff]) {
    for (const increment of [1, 255, 65_535, 0x7fffffff]) {
      const bytes = encodeWindowUpdate(streamId, increment);
      readEachWay(
        bytes,
        (frame) => assertEquals([frame.streamId, parseWindowUpdate(frame)], [streamId, increment]),
      );
    }
  }
});

const INCREMENTS: readonly (readonly [streamId: number, payload: string, wanted: number | string])[] = [
  [0, "80000001", 1],
  [1, "ffffffff", 0x7fffffff],
  [0, "00000000", "GOAWAY PROTOCOL_ERROR"],
  [0, "80000000", "GOAWAY PROTOCOL_ERROR"],
  [3, "00000000", "RST_STREAM 3 PROTOCOL_ERROR"],
  [3, "80000000", "RST_STREAM 3 PROTOCOL_ERROR"],
];

for (const [streamId, payload, wanted] of INCREMENTS) {
  const verb = typeof wanted === "string" ? "refuses" : "takes";
  Deno.test(`parseWindowUpdate() ${verb} an increment of ${payload} on stream ${streamId} (RFC 9113 §6.9)`, () => {
    const bytes = layFrame({ type: FrameType.WINDOW_UPDATE, streamId, payload: fromHex(payload) });
    if (typeof wanted === "string") assertEquals(answerEachWay(bytes, parseWindowUpdate), wanted);
    else readEachWay(bytes, (frame) => assertEquals(parseWindowUpdate(frame), wanted));
  });
}

const PRIORITY_UPDATES:
  readonly (readonly [name: string, streamId: number, payload: string, wanted: string])[] = [
    ["a value", 0, "00000001 753d31", "1 u=1"],
    ["an empty value", 0, "7fffffff", "2147483647 "],
    ["the reserved bit in front of the stream", 0, "80000003 69", "3 i"],
    ["obs-text", 0, "00000001 80ff", "1 \x80\xff"],
    ["no stream", 0, "", "GOAWAY FRAME_SIZE_ERROR"],
    ["three bytes of a stream", 0, "000000", "GOAWAY FRAME_SIZE_ERROR"],
    ["stream 0", 0, "00000000 69", "GOAWAY PROTOCOL_ERROR"],
    ["stream 0 and the reserved bit", 0, "80000000 69", "GOAWAY PROTOCOL_ERROR"],
    ["a stream in its header", 1, "00000001 69", "GOAWAY PROTOCOL_ERROR"],
  ];

for (const [name, streamId, payload, wanted] of PRIORITY_UPDATES) {
  const verb = wanted.startsWith("GOAWAY") ? "refuses" : "takes";
  Deno.test(`parsePriorityUpdate() ${verb} a frame with ${name} (RFC 9218 §7.1)`, () => {
    const bytes = layFrame({ type: FrameType.PRIORITY_UPDATE, streamId, payload: fromHex(payload) });
    if (verb === "refuses") return assertEquals(answerEachWay(bytes, parsePriorityUpdate), wanted);
    readEachWay(bytes, (frame) => {
      const update = parsePriorityUpdate(frame);
      assertEquals(`${update.streamId} ${update.value}`, wanted);
    });
  });
}

const LIMITS = { headerSizeLimit: 20, continuationFrameLimit: 3 };

/** A frame whose payload is `size` bytes of one letter. */
function fragment(size: number, letter = "a"): Frame {
  const payload = new Uint8Array(size).fill(letter.charCodeAt(0));
  return readFrame(layFrame({ type: FrameType.CONTINUATION, streamId: 7, payload }));
}

/** The text of a block that comes in fragments of these sizes, or the answer to it. */
function gather(...sizes: readonly number[]): string {
  let text = "";
  const answer = answerTo(() => {
    const block = new PartialFieldBlock(fragment(sizes[0]!, "a"), true, LIMITS);
    sizes.slice(1).forEach((size, index) => block.add(fragment(size, "bcdefg"[index])));
    assertEquals([block.streamId, block.endStream], [7, true]);
    text = new TextDecoder().decode(block.join());
  });
  return answer === "nothing" ? text : answer;
}

const GATHERED: readonly (readonly [name: string, sizes: readonly number[], wanted: string])[] = [
  ["takes one fragment", [3], "aaa"],
  ["takes several fragments", [3, 1, 2, 1], "aaabccd"],
  ["takes empty fragments", [0, 2, 0], "bb"],
  ["takes nothing at all", [0], ""],
  ["takes headerSizeLimit bytes in one fragment", [20], "a".repeat(20)],
  ["takes headerSizeLimit bytes in several fragments", [10, 5, 4, 1], "aaaaaaaaaabbbbbccccd"],
  ["takes continuationFrameLimit frames", [1, 1, 1, 1], "abcd"],
  ["refuses one byte more in one fragment", [21], "GOAWAY ENHANCE_YOUR_CALM"],
  ["refuses one byte more in the last fragment", [10, 5, 4, 2], "GOAWAY ENHANCE_YOUR_CALM"],
  ["refuses one frame more", [1, 1, 1, 1, 1], "GOAWAY ENHANCE_YOUR_CALM"],
  ["refuses one empty frame more", [0, 0, 0, 0, 0], "GOAWAY ENHANCE_YOUR_CALM"],
];

for (const [name, sizes, wanted] of GATHERED) {
  Deno.test(`PartialFieldBlock.add() ${name} (RFC 9113 §6.10)`, () => assertEquals(gather(...sizes), wanted));
}

Deno.test("PartialFieldBlock.add() keeps the fragment alone, and a copy of it (RFC 9113 §6.10)", () => {
  const reader = new FrameReader();
  const bytes = concat([
    layFrame({
      type: FrameType.HEADERS,
      flags: BOTH,
      streamId: 1,
      payload: fromHex("02 80000001ff 6162 0000"),
    }),
    layFrame({ type: FrameType.CONTINUATION, streamId: 1, payload: fromHex("6364") }),
  ]);
  const input = inputOf(bytes);
  const frame = reader.read(input)!;
  parseHeaders(frame);
  const block = new PartialFieldBlock(frame, false, LIMITS);
  block.add(reader.read(input)!);
  input.bytes.fill(0);
  assertEquals([block.streamId, block.endStream, block.join().toHex()], [1, false, "61626364"]);
});

Deno.test("checkBlockSize() takes a block at the limit, and refuses one beyond (RFC 9113 §10.5.1)", () => {
  assertEquals(answerTo(() => checkBlockSize(20, 20)), "nothing");
  assertEquals(answerTo(() => checkBlockSize(21, 20)), "GOAWAY ENHANCE_YOUR_CALM");
});

/** A block of `size` bytes of payload, with other bytes around it. */
function layBlock(size: number, options: Pick<FieldBlock, "endStream"> & { promised?: number }): FieldBlock {
  const room = new Noise(size).bytes(5 + FRAME_HEADER_SIZE + size + 5);
  return { room, start: 5, end: room.length - 5, streamId: 9, ...options };
}

const BLOCKS: readonly (Pick<FieldBlock, "endStream"> & { promised?: number })[] = [
  { endStream: false },
  { endStream: true },
  { endStream: false, promised: 2 },
  { endStream: false, promised: 0x7ffffffe },
];

for (const options of BLOCKS) {
  const kind = options.promised === undefined ? "HEADERS" : `PUSH_PROMISE of stream ${options.promised}`;
  const name = `${kind} ${options.endStream ? "with" : "without"} END_STREAM`;

  Deno.test(`sealFieldBlock() makes one ${name} of up to 16,384 bytes (RFC 9113 §4.3)`, () => {
    for (const size of [4, 5, 100, 16_383, 16_384]) {
      const block = layBlock(size, options);
      const before = block.room.slice();
      assertEquals(sealFieldBlock(block), true);
      const expected = expectedPayload(before, block);
      assertEquals(reassemble(block.room.subarray(block.start, block.end), block), {
        frames: 1,
        payload: expected,
      });
      assertEquals(block.room.slice(0, 5), before.slice(0, 5), "the bytes in front are left alone");
      assertEquals(block.room.slice(block.end), before.slice(block.end), "the bytes behind are left alone");
    }
  });

  Deno.test(`sealFieldBlock() leaves ${name} of 16,385 bytes to splitFieldBlock() (RFC 9113 §4.2)`, () => {
    const block = layBlock(16_385, options);
    const before = block.room.slice();
    assertEquals(sealFieldBlock(block), false);
    assertEquals(block.room, before);
  });

  Deno.test(`splitFieldBlock() makes ${name} and CONTINUATION that are the block again (RFC 9113 §6.10)`, () => {
    for (
      const [size, frames] of [[16_384, 1], [16_385, 2], [32_768, 2], [32_769, 3], [100_000, 7]] as const
    ) {
      const block = layBlock(size, options);
      const expected = expectedPayload(block.room, block);
      assertEquals(reassemble(splitFieldBlock(block), block), { frames, payload: expected }, `${size} bytes`);
    }
  });
}

/** The payload that is to be sent: a promise begins with its stream. */
function expectedPayload(room: Uint8Array, { start, end, promised }: FieldBlock): string {
  const payload = room.slice(start + FRAME_HEADER_SIZE, end);
  if (promised !== undefined) new DataView(payload.buffer).setUint32(0, promised);
  return payload.toHex();
}

/** Puts frames together as a peer does, who reads them in bits and pieces. */
function reassemble(bytes: Uint8Array, block: FieldBlock): { frames: number; payload: string } {
  const input = inputOf(bytes);
  const reader = new FrameReader();
  const first = reader.read(input)!;
  assertEquals(first.type, block.promised === undefined ? FrameType.HEADERS : FrameType.PUSH_PROMISE);
  assertEquals(first.flags, flagsOf(input.length === 0, block.endStream));
  const partial = new PartialFieldBlock(first, block.endStream, {
    headerSizeLimit: bytes.length,
    continuationFrameLimit: 10,
  });
  let frames = 1;
  for (let frame = reader.read(input); frame !== undefined; frame = reader.read(input), frames++) {
    assertEquals([frame.type, frame.streamId], [FrameType.CONTINUATION, block.streamId]);
    assertEquals(frame.flags, flagsOf(input.length === 0, false));
    partial.add(frame);
  }
  assertEquals([partial.streamId, input.length], [block.streamId, 0]);
  return { frames, payload: partial.join().toHex() };
}

function flagsOf(isLast: boolean, endStream: boolean): number {
  return (isLast ? Flag.END_HEADERS : 0) | (endStream ? Flag.END_STREAM : 0);
}

Deno.test("HpackDecoder.decode() takes what splitFieldBlock() sent of a list larger than a frame (RFC 9113 §4.3)", () => {
  const noise = new Noise(13);
  const list = Array.from({ length: 200 }, (_, index): Pair => [`x-${index}`, noise.text(300)]);
  const encoded = encodeBlock(new HpackEncoder(), list);
  const room = concat([new Uint8Array(FRAME_HEADER_SIZE), encoded]);
  const block = { room, start: 0, end: room.length, streamId: 1, endStream: true };
  const { frames, payload } = reassemble(splitFieldBlock(block), block);
  assert(frames > 3, `${frames} frames`);
  const decoder = new HpackDecoder({ headerSizeLimit: 2 ** 20, headerCountLimit: 200 });
  assertEquals(pairsOf(decoder.decode(fromHex(payload))), list);
});
