/**
 * Turns heads and texts into bytes: a small response becomes one run of bytes, in memory that is used again for the next.
 *
 * Plan: a text of ASCII has as many bytes as characters, so that head and body are encoded as one text; any other text is
 * encoded first, since the head has to say how many bytes it has.
 *
 * @module
 */

import { DateLine } from "./response_head.ts";

// Not above COPIED_WRITE_SIZE, so that the memory may be used again once it was handed to the client.
const SCRATCH_SIZE = 4096;

const ENCODER = new TextEncoder();
const ASCII = /^[\0-\x7f]*$/;

/** Encodes the responses of any number of connections; what it returns is valid until its next call. */
export class ResponseEncoder {
  /** The `date` line, shared by the connections. */
  readonly date: DateLine = new DateLine();
  readonly #scratch = new Uint8Array(SCRATCH_SIZE);

  /** Encodes a head, a text of characters up to U+00FF, and behind it a text that {@link isShortAscii} says yes to. */
  encode(head: string, body: string): Uint8Array {
    const message = head + body;
    if (message.length > SCRATCH_SIZE) return layLatin1(message, new Uint8Array(message.length));
    const { read, written } = ENCODER.encodeInto(message, this.#scratch);
    const bytes = this.#scratch.subarray(0, message.length);
    // A character above U+007F takes two bytes in UTF-8, and one on the wire.
    return read === message.length && written === read ? bytes : layLatin1(message, bytes);
  }
}

/** Whether a text may be encoded together with a head. */
export function isShortAscii(text: string): boolean {
  return text.length <= SCRATCH_SIZE / 2 && ASCII.test(text);
}

/** Encodes as ISO-8859-1: one byte a character. */
export function layLatin1(text: string, room: Uint8Array): Uint8Array {
  for (let index = 0; index < text.length; index++) room[index] = text.charCodeAt(index);
  return room;
}
