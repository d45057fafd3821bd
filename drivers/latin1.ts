/**
 * ISO-8859-1, in which messages are read and written: one byte a character, obs-text as it is.
 *
 * @module
 */

import { Buffer } from "node:buffer";

// The web's TextDecoder knows ISO-8859-1 only by name: its "latin1" is windows-1252.
const LATIN1_SLICE: (this: Uint8Array, start: number, end: number) => string = Reflect.get(
  Buffer.prototype,
  "latin1Slice",
);

/** Decodes as ISO-8859-1, which keeps obs-text as it is: one character a byte. */
export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  return LATIN1_SLICE.call(bytes, start, end);
}

// The web has no way to compare bytes. It gives 0 where those from `start` to `end` are the same as all of `other`.
const COMPARE: (
  this: Uint8Array,
  other: Uint8Array,
  otherStart: number,
  otherEnd: number,
  start: number,
  end: number,
) => number = Reflect.get(Buffer.prototype, "compare");

/** Whether `other` stands in `bytes` at `start`. */
export function hasBytesAt(bytes: Uint8Array, start: number, other: Uint8Array): boolean {
  const end = start + other.length;
  return end <= bytes.length && COMPARE.call(bytes, other, 0, other.length, start, end) === 0;
}

/** Encodes as ISO-8859-1: one byte a character. */
export function layLatin1(text: string, room: Uint8Array): Uint8Array {
  for (let index = 0; index < text.length; index++) room[index] = text.charCodeAt(index);
  return room;
}

/** Encodes as ISO-8859-1 into memory of its own. */
export function encodeLatin1(text: string): Uint8Array {
  return layLatin1(text, new Uint8Array(text.length));
}

const ENCODER = new TextEncoder();

/** A text up to this length, in characters, is encoded by a loop: calling the platform takes longer. */
const LOOPED_TEXT = 48;

/** Encodes a text at `start` of `room`, which has room for it, where it is ASCII: one byte a character. Says whether it is. */
export function layAscii(text: string, room: Uint8Array, start: number): boolean {
  if (text.length > LOOPED_TEXT) {
    const { read, written } = ENCODER.encodeInto(text, start === 0 ? room : room.subarray(start));
    return read === text.length && written === read;
  }
  let all = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    all |= code;
    room[start + index] = code;
  }
  return all < 0x80;
}

/** A text up to this size, in characters, may be kept alive by a small part of it. */
const SMALL_TEXT = 1024;

/**
 * V8 copies a part that is shorter than this, in characters; a longer one is a view of the text around it.
 */
const SHORTEST_VIEW = 13;

/** How many times its own size a part may keep alive of a text that is not small. */
const LARGEST_SHARE = 4;

/**
 * Takes a part out of a text, in memory of its own where the text is much larger: a handler that stores a
 * part for long would else keep all of the text alive.
 */
export function takePart(text: string, start: number, end: number): string {
  return ownPart(text.slice(start, end), text.length);
}

/** Gives a part of a text of `size` characters memory of its own, as {@link takePart} does. */
export function ownPart(part: string, size: number): string {
  if (size <= SMALL_TEXT || part.length < SHORTEST_VIEW || size <= LARGEST_SHARE * part.length) return part;
  return (" " + part).slice(1); // a view of a text with one more character: a tenth of the time of a copy
}

/**
 * Returns a flat copy of the text. V8 represents a part of another text as a view, which keeps all of that
 * text alive and makes each character slower to read.
 */
export function copyLatin1(text: string): string {
  return decodeLatin1(encodeLatin1(text), 0, text.length);
}
