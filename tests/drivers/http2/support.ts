/**
 * What the tests of the HTTP/2 codecs share: bytes in hex, noise, header lists, and frames laid out by hand.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { concat } from "@std/bytes";
import { ConnectionError, ErrorCode, StreamError } from "../../../drivers/http2/error_code.ts";
import type { Frame } from "../../../drivers/http2/frame.ts";
import { FrameReader } from "../../../drivers/http2/frame_reader.ts";
import type { HeaderList } from "../../../drivers/http2/hpack/decoder.ts";
import type { DynamicTable } from "../../../drivers/http2/hpack/dynamic_table.ts";
import { FIELD_OVERHEAD, type HpackEncoder } from "../../../drivers/http2/hpack/encoder.ts";
import { InputBuffer } from "../../../drivers/input_buffer.ts";

/** A field line: name and value. */
export type Pair = readonly [name: string, value: string];

/** The bytes that a dump in hex shows; white space is for the reader. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(hex.replace(/\s/g, ""));
}

/** Numbers that look random and are the same each time (mulberry32). */
export class Noise {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 to less than `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * limit);
  }

  /** One of several. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** Bytes of any value. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }

  /** A text whose characters are bytes, each from `least` to `most`. */
  text(count: number, least = 0, most = 255): string {
    return String.fromCharCode(...Array.from({ length: count }, () => least + this.below(most - least + 1)));
  }
}

/** The fields of a list as pairs. */
export function pairsOf({ fields }: HeaderList): Pair[] {
  return fields.map(({ name, value }) => [name, value]);
}

/** The entries of a table as pairs, the newest first, which is the order of their indices. */
export function entriesOf(table: DynamicTable): Pair[] {
  const entries = Array.from({ length: table.length }, (_, place) => table.byNumber(table.added - place)!);
  return entries.map(({ name, value }) => [name, value]);
}

/** Encodes a list to a block of its own, in no more room than the encoder says that it needs. */
export function encodeBlock(encoder: HpackEncoder, list: readonly Pair[]): Uint8Array<ArrayBuffer> {
  const room = new Uint8Array(
    list.reduce((sum, [name, value]) => sum + name.length + value.length + FIELD_OVERHEAD, 8),
  );
  let end = encoder.begin(room, 0);
  assert(end <= 8, `begin() took ${end} bytes`);
  for (const [name, value] of list) {
    const start = end;
    end = encoder.encode(name, value, room, start);
    assert(end - start <= name.length + value.length + FIELD_OVERHEAD, `${name} took ${end - start} bytes`);
  }
  return room.slice(0, end);
}

/** The parts of a frame that is laid out by hand. */
export interface Layout {
  readonly type: number;
  readonly flags?: number;
  /** All 32 bits, the reserved one among them. */
  readonly streamId?: number;
  readonly payload?: Uint8Array;
  /** What the header says of the payload's length, where that is another. */
  readonly length?: number;
}

/** The bytes of a frame, made without the code under test (RFC 9113 §4.1). */
export function layFrame({ type, flags = 0, streamId = 0, payload, length }: Layout): Uint8Array {
  const body = payload ?? new Uint8Array(length ?? 0);
  const head = new DataView(new ArrayBuffer(9));
  head.setUint32(0, (length ?? body.length) * 256 + type);
  head.setUint8(4, flags);
  head.setUint32(5, streamId);
  return concat([new Uint8Array(head.buffer), body]);
}

/** What is left of a frame's payload to parse, copied. */
export function payloadOf({ bytes, start, end }: Frame): Uint8Array {
  return bytes.slice(start, end);
}

/** An input that holds `bytes`. */
export function inputOf(bytes: Uint8Array): InputBuffer {
  const input = new InputBuffer();
  input.push(bytes.slice());
  return input;
}

/** The one frame that `bytes` are. */
export function readFrame(bytes: Uint8Array): Frame {
  const input = inputOf(bytes);
  const frame = new FrameReader().read(input);
  assert(frame !== undefined && input.length === 0, `${bytes.length} bytes are one frame`);
  return frame;
}

const TAIL = fromHex("000008 06 01 00000000 7461696c7461696c");

/** Reads one frame in each way that its bytes may come, and lets `check` look at it each time. */
export function readEachWay(bytes: Uint8Array, check: (frame: Frame) => void): void {
  check(readFrame(bytes));
  for (const tail of [TAIL.subarray(0, 0), TAIL]) {
    readWithTail(bytes, tail, check);
    readByteByByte(bytes, tail, check);
  }
}

function readWithTail(bytes: Uint8Array, tail: Uint8Array, check: (frame: Frame) => void): void {
  const input = inputOf(concat([bytes, tail]));
  const reader = new FrameReader();
  check(readSome(reader, input));
  assertEquals(input.toBytes(), tail, "the bytes behind are left alone");
  if (tail.length > 0) assertEquals(payloadOf(readSome(reader, input)), TAIL.slice(9));
}

function readByteByByte(bytes: Uint8Array, tail: Uint8Array, check: (frame: Frame) => void): void {
  const input = new InputBuffer();
  const reader = new FrameReader();
  let frames = 0;
  concat([bytes, tail]).forEach((byte, at) => {
    input.push(Uint8Array.of(byte));
    const frame = reader.read(input);
    const isEnd = at === bytes.length - 1 || at === bytes.length + tail.length - 1;
    assertEquals(frame !== undefined, isEnd, `whether there is a frame behind byte ${at}`);
    if (frame !== undefined && frames++ === 0) check(frame);
    input.retain();
  });
}

function readSome(reader: FrameReader, input: InputBuffer): Frame {
  const frame = reader.read(input);
  assert(frame !== undefined, "there is a frame");
  return frame;
}

const CODE_NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]));

/** How a peer's fault is answered: `GOAWAY PROTOCOL_ERROR`, `RST_STREAM 3 CANCEL`, or `nothing` without one. */
export function answerTo(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assertInstanceOf(error, Error);
    assert(/\(RFC \d{4} §[\d.]+\)$/.test(error.message), `"${error.message}" ends in its section`);
    if (error instanceof ConnectionError) return `GOAWAY ${CODE_NAMES.get(error.code)}`;
    assertInstanceOf(error, StreamError, `only typed errors escape: ${error.stack}`);
    return `RST_STREAM ${error.streamId} ${CODE_NAMES.get(error.code)}`;
  }
  return "nothing";
}

/** How a faulty frame is answered by the reader or by `parse`, which has to be the same in each way that its bytes may come. */
export function answerEachWay(bytes: Uint8Array, parse: (frame: Frame) => unknown = () => {}): string {
  const answer = answerTo(() => feed([bytes], parse));
  const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
  assertEquals(answerTo(() => feed(single, parse)), answer, "byte by byte");
  assertEquals(answerTo(() => feed([concat([bytes, TAIL])], parse)), answer, "with a tail");
  assertEquals(answerTo(() => feed([...single, TAIL], parse)), answer, "byte by byte with a tail");
  return answer;
}

/** Reads until the first frame is there, and lets `parse` look at it. */
function feed(pieces: readonly Uint8Array[], parse: (frame: Frame) => unknown): void {
  const input = new InputBuffer();
  const reader = new FrameReader();
  for (const piece of pieces) {
    input.push(piece.slice());
    const frame = reader.read(input);
    if (frame !== undefined) return void parse(frame);
    input.retain();
  }
}
