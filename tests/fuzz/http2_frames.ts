/**
 * Frames of HTTP/2: those that are made by the grammar or mutated are the same in other pieces, and those of this project's encoders are
 * what was encoded.
 *
 * @module
 */

import { ConnectionError, StreamError } from "../../drivers/http2/error_code.ts";
import { Flag, type Frame, FRAME_HEADER_SIZE, FrameType } from "../../drivers/http2/frame.ts";
import { FrameReader } from "../../drivers/http2/frame_reader.ts";
import { PartialFieldBlock } from "../../drivers/http2/frames/continuation.ts";
import { parseData, writeDataHead } from "../../drivers/http2/frames/data.ts";
import { sealFieldBlock, splitFieldBlock } from "../../drivers/http2/frames/field_block.ts";
import { encodeGoAway, parseGoAway } from "../../drivers/http2/frames/goaway.ts";
import { parseHeaders } from "../../drivers/http2/frames/headers.ts";
import { encodePing, encodePingAck } from "../../drivers/http2/frames/ping.ts";
import { parsePriority } from "../../drivers/http2/frames/priority.ts";
import { parsePriorityUpdate } from "../../drivers/http2/frames/priority_update.ts";
import { parsePushPromise } from "../../drivers/http2/frames/push_promise.ts";
import { encodeRstStream, parseRstStream } from "../../drivers/http2/frames/rst_stream.ts";
import { encodeSettings, parseSettings } from "../../drivers/http2/frames/settings.ts";
import { encodeWindowUpdate, parseWindowUpdate } from "../../drivers/http2/frames/window_update.ts";
import { PeerSettings } from "../../drivers/http2/settings.ts";
import { InputBuffer } from "../../drivers/input_buffer.ts";
import { concat, fromLatin1, latin1 } from "../support/bytes.ts";
import { frameBytes, settingsPayload, uint } from "../support/http2_client.ts";
import { cutsFor, mutate, piecesOf, singleBytes } from "./mutate.ts";
import type { Random } from "./random.ts";
import { shorterTexts, smallerMember, withoutRuns } from "./shrink.ts";
import { demand, type Outcome, same, type Target } from "./target.ts";

const BLOCK_LIMITS = { headerSizeLimit: 400, continuationFrameLimit: 3 };

/** What a frame is read as; `undefined` where nothing more is read of it than its head. */
type Reader = (frame: Frame) => unknown;

const payloadOf: Reader = ({ bytes, start, end }) => fromLatin1(bytes.subarray(start, end));

const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [FrameType.DATA, (frame) => [parseData(frame), payloadOf(frame)]],
  [FrameType.HEADERS, (frame) => [parseHeaders(frame), payloadOf(frame)]],
  [FrameType.PRIORITY, parsePriority],
  [FrameType.RST_STREAM, parseRstStream],
  [FrameType.SETTINGS, readSettings],
  [FrameType.PUSH_PROMISE, (frame) => [parsePushPromise(frame), payloadOf(frame)]],
  [FrameType.PING, (frame) => fromLatin1(encodePingAck(frame))],
  [FrameType.GOAWAY, (frame) => ({ ...parseGoAway(frame), debug: fromLatin1(parseGoAway(frame).debug) })],
  [FrameType.WINDOW_UPDATE, parseWindowUpdate],
  [FrameType.CONTINUATION, payloadOf],
  [FrameType.PRIORITY_UPDATE, parsePriorityUpdate],
]);

function readSettings(frame: Frame): unknown {
  const settings = parseSettings(frame);
  const peer = new PeerSettings();
  for (const setting of settings) peer.take(setting);
  return [settings, { ...peer, maxConcurrentStreams: null, maxHeaderListSize: null }];
}

/** The field blocks of a connection, joined. */
class Blocks {
  #partial: PartialFieldBlock | null = null;

  take(frame: Frame): string | null {
    if (frame.type === FrameType.HEADERS) {
      this.#partial = new PartialFieldBlock(frame, frame.has(Flag.END_STREAM), BLOCK_LIMITS);
    } else if (frame.type !== FrameType.CONTINUATION || this.#partial?.streamId !== frame.streamId) {
      return null;
    } else this.#partial.add(frame);
    if (!frame.has(Flag.END_HEADERS)) return null;
    const block = fromLatin1(this.#partial!.join());
    this.#partial = null;
    return block;
  }
}

/** What is read of some pieces: the frames, the faults of streams, and the fault that ends the connection. */
function readFrames(
  pieces: readonly Uint8Array[],
): readonly (readonly [label: string, ...values: unknown[]])[] {
  const input = new InputBuffer();
  const reader = new FrameReader();
  const blocks = new Blocks();
  const events: (readonly [string, ...unknown[]])[] = [];
  for (const piece of pieces) {
    const borrowed = piece.slice();
    input.push(borrowed);
    for (;;) {
      try {
        const frame = reader.read(input);
        if (frame === undefined) break;
        const { type, flags, streamId, length } = frame;
        const value = READERS.get(type)?.(frame);
        events.push([
          `frame ${Math.min(type, 17)}`,
          type,
          flags,
          streamId,
          length,
          value,
          blocks.take(frame),
        ]);
      } catch (error) {
        if (error instanceof StreamError) events.push([`stream error ${error.code}`, error.streamId]);
        else if (error instanceof ConnectionError) return [...events, [`connection error ${error.code}`]];
        else throw error;
      }
    }
    input.retain();
    borrowed.fill(0xaa);
  }
  return events;
}

// Frames by the grammar.

function makeFrame(random: Random): Uint8Array {
  const streamId = random.pick([0, 1, 1, 3, 5, 2]);
  const stream = random.chance(95) ? random.pick([1, 3, 5]) : streamId;
  const zero = random.chance(95) ? 0 : streamId;
  const payload = random.binary(random.size(60));
  return random.make([
    () =>
      frameBytes({
        type: 0,
        flags: random.pick([0, 1, 8, 9]),
        streamId: stream,
        payload: padded(random, payload),
      }),
    () =>
      frameBytes({
        type: 1,
        flags: random.pick([0, 1, 4, 5, 12, 36, 44]),
        streamId: stream,
        payload: padded(random, payload),
      }),
    () => frameBytes({ type: 9, flags: random.pick([0, 4]), streamId: stream, payload }),
    () => frameBytes({ type: 2, streamId: stream, payload: random.binary(random.chance(90) ? 5 : 4) }),
    () => frameBytes({ type: 3, streamId: stream, payload: random.binary(4) }),
    () => frameBytes({ type: 4, streamId: zero, payload: settingsPayload(makeSettings(random)) }),
    () => frameBytes({ type: 4, flags: 1, streamId: zero, payload: random.chance(95) ? "" : "abcdef" }),
    () =>
      frameBytes({
        type: 5,
        flags: 4,
        streamId: stream,
        payload: [...uint(random.pick([2, 4, 3, 0])), ...latin1(payload)],
      }),
    () => frameBytes({ type: 6, flags: random.below(2), streamId: zero, payload: random.binary(8) }),
    () => frameBytes({ type: 7, streamId: zero, payload: random.binary(8) + payload }),
    () => frameBytes({ type: 8, streamId, payload: uint(random.pick([0, 1, 100, 2 ** 31 - 1, 2 ** 31])) }),
    () => frameBytes({ type: 16, streamId: zero, payload: `${random.binary(4)}u=${random.below(9)}, i` }),
    () => frameBytes({ type: random.below(256), flags: random.below(256), streamId, payload }),
  ]);
}

function padded(random: Random, payload: string): string {
  return random.chance(50) ? String.fromCharCode(random.below(20)) + payload : payload;
}

function makeSettings(random: Random): [number, number][] {
  return random.times(random.size(6), () => {
    const id = random.pick([1, 2, 3, 4, 5, 6, 8, 9, 77]);
    const usual = id === 2 || id === 8 || id === 9
      ? random.below(2)
      : id === 5
      ? 16_384
      : random.below(70_000);
    return [id, random.chance(97) ? usual : random.pick([0, 2, 2 ** 24, 2 ** 31, 2 ** 32 - 1])];
  });
}

/** Frames as bytes, and how they are cut. */
interface FramesInput {
  readonly bytes: string;
  readonly cuts: readonly number[];
}

/** Fuzzes the readers of frames. */
export const http2Frames: Target<FramesInput> = {
  name: "http2-frames",
  depth: { accepted: [70, 97], labels: 18 },
  make(random) {
    const frames = fromLatin1(concat(random.times(random.between(1, 12), () => makeFrame(random))));
    const bytes = random.chance(30)
      ? mutate(random, frames, ["\0", "\0\0\x04", "\xff", "\0\0\0\0\0"])
      : frames;
    return { bytes, cuts: cutsFor(random, bytes.length) };
  },
  run({ bytes, cuts }): Outcome {
    const whole = latin1(bytes);
    const events = readFrames([whole]);
    same("the frames of the whole, and of the pieces", events, readFrames(piecesOf(whole, cuts)));
    same(
      "the frames of the whole, and of single bytes",
      events,
      readFrames(piecesOf(whole, singleBytes(bytes.length))),
    );
    const labels = [...new Set(events.map(([label]) => label))];
    const accepted = events.filter(([label]) => label.startsWith("frame")).length;
    return { accepted, refused: events.length - accepted, labels };
  },
  *shrink(input) {
    yield* smallerMember(input, "bytes", shorterTexts);
    yield* smallerMember(input, "cuts", withoutRuns);
  },
};

// Frames by this project's encoders.

/** What is encoded: some numbers, and some bytes. */
interface EncoderInput {
  readonly kind: "data" | "headers" | "promise" | "ping" | "goaway" | "reset" | "settings" | "window";
  readonly streamId: number;
  readonly value: number;
  readonly payload: string;
  readonly end: boolean;
}

function encode({ kind, streamId, value, payload, end }: EncoderInput): Uint8Array {
  switch (kind) {
    case "data": {
      const head = new Uint8Array(FRAME_HEADER_SIZE);
      writeDataHead(head, 0, { streamId, length: payload.length, endStream: end });
      return concat([head, latin1(payload)]);
    }
    case "headers":
    case "promise":
      return encodeBlock(payload, streamId, end, kind === "promise" ? 2 * value + 2 : undefined);
    case "ping":
      return encodePing(latin1(payload.slice(0, 8).padEnd(8)), end ? Flag.ACK : Flag.NONE);
    case "goaway":
      return encodeGoAway(streamId, value, payload.replaceAll(/[^ -~]/g, "?").slice(0, 1000));
    case "reset":
      return encodeRstStream(streamId, value);
    case "settings":
      return encodeSettings(Array.from({ length: value % 20 }, (_, index) => [index + 1, 2 ** 14 + index]));
    case "window":
      return encodeWindowUpdate(streamId, value + 1);
    default:
      return kind satisfies never;
  }
}

function encodeBlock(payload: string, streamId: number, endStream: boolean, promised?: number): Uint8Array {
  const start = FRAME_HEADER_SIZE + (promised === undefined ? 0 : 4);
  const room = concat([new Uint8Array(start), latin1(payload)]);
  const block = {
    room,
    start: 0,
    end: room.length,
    streamId,
    endStream,
    ...(promised === undefined ? {} : { promised }),
  };
  return sealFieldBlock(block) ? room : splitFieldBlock(block);
}

/** What must be read of an encoded frame: the last value that was read, and all payloads. */
function expected({ kind, streamId, value, payload }: EncoderInput): unknown {
  switch (kind) {
    case "goaway":
      return {
        lastStreamId: streamId,
        code: value,
        debug: payload.replaceAll(/[^ -~]/g, "?").slice(0, 1000),
      };
    case "reset":
      return value;
    case "window":
      return value + 1;
    case "settings":
      return Array.from({ length: value % 20 }, (_, index) => [index + 1, 2 ** 14 + index]);
    default:
      return payload;
  }
}

function decoded(kind: EncoderInput["kind"], bytes: Uint8Array): unknown {
  const input = new InputBuffer();
  input.push(bytes);
  const reader = new FrameReader();
  let payload = "";
  for (let frame = reader.read(input); frame !== undefined; frame = reader.read(input)) {
    if (kind === "settings") return parseSettings(frame);
    const value = READERS.get(frame.type)!(frame);
    if (kind === "goaway" || kind === "reset" || kind === "window") return value;
    payload += payloadOf(frame);
  }
  demand(input.length === 0, `${input.length} bytes are no frame`);
  return payload;
}

/** Fuzzes the encoders of frames. */
export const http2Encoders: Target<EncoderInput> = {
  name: "http2-encoders",
  depth: { accepted: [100, 100], labels: 8 },
  make(random) {
    return {
      kind: random.pick(["data", "headers", "promise", "ping", "goaway", "reset", "settings", "window"]),
      streamId: 1 + 2 * random.below(2 ** 30 - 1),
      value: random.pick([0, 1, 7, 255, 65_535, random.below(2 ** 30 - 2)]),
      payload: random.binary(random.chance(3) ? random.size(40_000) : random.size(300)).slice(0, 40_000),
      end: random.chance(50),
    };
  },
  run(input): Outcome {
    const fits = input.kind !== "data" || input.payload.length <= 16_384;
    const cut = fits ? input : { ...input, payload: input.payload.slice(0, 16_384) };
    const whole = cut.kind === "ping" ? { ...cut, payload: cut.payload.slice(0, 8).padEnd(8) } : cut;
    same(
      `what is encoded as ${input.kind}, and what is decoded`,
      expected(whole),
      decoded(whole.kind, encode(whole)),
    );
    return { accepted: 1, refused: 0, labels: [input.kind] };
  },
  shrink: (input) => smallerMember(input, "payload", shorterTexts),
};
