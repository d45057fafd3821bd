/**
 * Frames of a WebSocket client made by their grammar (RFC 6455 §5.2), most of them right, some of them wrong in one place.
 *
 * @module
 */

import { deflateRawSync } from "node:zlib";
import { fromLatin1, latin1 } from "../support/bytes.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";
import type { WebSocketLimits } from "./websocket_reference.ts";

const TEXTS = ["", "a", "ä€😀", "\ufeffbom", "x".repeat(125), "y".repeat(126), "z".repeat(1100)];
const DICTIONARY = [
  "\x81\x80abcd",
  "\x88\x80abcd",
  "\x89\x81abcdx",
  "\xc1\x80abcd",
  "\x80\x80abcd",
  "\0",
  "\xff",
  "\x7e\0\x05",
];

interface FrameParts {
  readonly opcode: number;
  readonly fin: boolean;
  readonly compressed: boolean;
  readonly payload: string;
}

function encode(random: Random, wrong: number, { opcode, fin, compressed, payload }: FrameParts): string {
  const isWrong = random.chance(wrong);
  const rsv = isWrong ? random.pick([0, 1, 2, 4]) : compressed ? 4 : 0;
  const first = (fin ? 128 : 0) | rsv << 4 | (isWrong ? random.pick([opcode, 3, 11, 0, 1]) : opcode);
  const least = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const extended = isWrong ? random.pick([least, 2, 8]) : least;
  const second = (isWrong && random.chance(30) ? 0 : 128) |
    (extended === 0 ? payload.length : extended === 2 ? 126 : 127);
  const length = Array.from(
    { length: extended },
    (_, at) => Math.floor(payload.length / 256 ** (extended - 1 - at)) % 256,
  );
  const key = random.binary(4);
  return fromLatin1(Uint8Array.from([first, second, ...length])) + key + masked(payload, key);
}

function masked(payload: string, key: string): string {
  let text = "";
  for (let at = 0; at < payload.length; at++) {
    text += String.fromCharCode(payload.charCodeAt(at) ^ key.charCodeAt(at % 4));
  }
  return text;
}

function makePayload(random: Random, isText: boolean): string {
  const text = random.chance(70) ? random.pick(TEXTS) : random.text(random.size(3000), "abc äöü€");
  const bytes = fromLatin1(new TextEncoder().encode(text));
  if (isText) return random.chance(2) ? mutate(random, bytes, DICTIONARY) : bytes;
  return random.chance(3) ? random.binary(random.size(80_000)) : bytes + random.binary(random.size(50));
}

function makeMessage(random: Random, wrong: number, { deflate }: WebSocketLimits): string {
  const opcode = random.pick([1, 1, 2]);
  const plain = makePayload(random, opcode === 1);
  const compressed = deflate && random.chance(50);
  const payload = compressed ? compress(random, plain) : plain;
  const count = random.chance(60) ? 1 : random.between(2, 6);
  const ends = random.times(count - 1, () => random.below(payload.length + 1)).toSorted((one, other) =>
    one - other
  );
  let frames = "";
  for (let index = 0; index < count; index++) {
    const part = payload.slice(ends[index - 1] ?? 0, ends[index] ?? payload.length);
    const fin = index === count - 1;
    const isFirst = index === 0;
    frames += encode(random, wrong, {
      opcode: isFirst ? opcode : 0,
      fin,
      compressed: compressed && isFirst,
      payload: part,
    });
    if (!fin && random.chance(20)) frames += makeControl(random, wrong);
  }
  return frames;
}

function compress(random: Random, payload: string): string {
  const bytes = deflateRawSync(latin1(payload), { finishFlush: 2, level: random.below(10) });
  const text = fromLatin1(bytes.subarray(0, bytes.length - 4));
  return random.chance(3) ? mutate(random, text, DICTIONARY) : text;
}

function makeControl(random: Random, wrong: number): string {
  const opcode = random.pick([9, 10]);
  const length = random.chance(wrong) ? 126 : random.size(125);
  return encode(random, wrong, {
    opcode,
    fin: !random.chance(wrong),
    compressed: false,
    payload: random.binary(length),
  });
}

function makeClose(random: Random, wrong: number): string {
  const code = random.chance(wrong) ? random.below(6000) : random.pick([1000, 1001, 1008, 3000, 4999]);
  const reason = fromLatin1(new TextEncoder().encode(random.pick(["", "bye", "ä", "r".repeat(120)])));
  const body = random.chance(10)
    ? random.binary(random.below(2))
    : String.fromCharCode(code >> 8, code & 255) + reason;
  return encode(random, wrong, { opcode: 8, fin: true, compressed: false, payload: body });
}

/** The frames of one client. */
export function makeFrames(random: Random, limits: WebSocketLimits): string {
  const wrong = random.pick([0, 0, 0, 1, 4]);
  const frames = random.times(random.between(1, 10), () =>
    random.weigh([
      [8, () => makeMessage(random, wrong, limits)],
      [2, () => makeControl(random, wrong)],
    ])).join("");
  const bytes = random.chance(50) ? frames + makeClose(random, wrong) : frames;
  return random.chance(15) ? mutate(random, bytes, DICTIONARY) : bytes;
}
