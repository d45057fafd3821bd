/**
 * Turns heads and texts into bytes: a small response becomes one run of bytes, in memory that is used again for the next.
 *
 * Plan: a head lies at the beginning of that memory, and stays there: the next is often the very same, and only what it is made
 * of is compared. A text of ASCII is encoded behind it, since it has as many bytes as characters; any other body is encoded
 * first, since the head has to say how many bytes it has.
 *
 * @module
 */

import { Memory } from "../../memory.ts";
import { layLatin1 } from "../latin1.ts";
import {
  encodeResponseHead,
  HeadEnding,
  type HeadParts,
  type ResponseFields,
  type ResponseFraming,
  sortFields,
} from "./response_head.ts";

// Not above COPIED_WRITE_SIZE, so that the memory may be used again once it was handed to the client.
const SCRATCH_SIZE = 4096;

/** A text up to this length, in characters, is encoded here: calling the platform takes longer. */
const SHORT_TEXT = 48;

const ENCODER = new TextEncoder();

/** Encodes the responses of any number of connections; what it returns is valid until its next call. */
export class ResponseEncoder {
  /** What every head ends in, shared by the connections. */
  readonly ending: HeadEnding = new HeadEnding();
  readonly #scratch = new Memory(SCRATCH_SIZE);
  #fields: readonly string[] = [];
  #sorted: ResponseFields = sortFields(this.#fields);
  #parts: HeadParts | null = null; // of the head that lies in the memory
  #room: Uint8Array = this.#scratch.bytes; // behind it

  /** As {@link sortFields}; what was sorted last is remembered, since many responses have the very same fields. */
  sort(fields: readonly string[]): ResponseFields {
    if (fields !== this.#fields) {
      this.#sorted = sortFields(fields);
      this.#fields = fields;
    }
    return this.#sorted;
  }

  /** Encodes a text of characters up to U+00FF, as heads are. */
  encode(text: string): Uint8Array {
    this.#parts = null;
    if (text.length > SCRATCH_SIZE) return layLatin1(text, new Uint8Array(text.length));
    if (!layAscii(text, this.#scratch.bytes)) layLatin1(text, this.#scratch.bytes);
    return this.#scratch.start(text.length);
  }

  /** Encodes a head. */
  encodeHead(parts: HeadParts): Uint8Array {
    const size = this.#layHead(parts);
    return size > 0 ? this.#scratch.start(size) : this.encode(encodeResponseHead(parts));
  }

  /** Encodes a head and a text of ASCII behind it. Gives `null` for any other text, and where there is no room for both. */
  encodeMessage(parts: HeadParts, text: string): Uint8Array | null {
    const size = this.#layHead(parts);
    const room = this.#room;
    return size > 0 && text.length <= room.length && layAscii(text, room)
      ? this.#scratch.start(size + text.length)
      : null;
  }

  /** Encodes a head at the beginning of the memory, unless it lies there, and gives its size: 0 where there is no room for it. */
  #layHead(parts: HeadParts): number {
    if (!this.#holds(parts)) {
      const head = encodeResponseHead(parts);
      if (head.length > SCRATCH_SIZE) return 0;
      this.#room = this.#scratch.bytes.subarray(this.encode(head).length);
      this.#parts = parts;
    }
    return SCRATCH_SIZE - this.#room.length;
  }

  #holds(parts: HeadParts): boolean {
    const last = this.#parts;
    return last !== null && isSameFraming(parts.framing, last.framing) && parts.lines === last.lines &&
      parts.ending === last.ending && parts.status === last.status && parts.statusText === last.statusText &&
      parts.minor === last.minor && parts.close === last.close && parts.upgrade === last.upgrade;
  }
}

function isSameFraming(one: ResponseFraming, other: ResponseFraming): boolean {
  if (one.kind !== other.kind) return false;
  return !("length" in one) || !("length" in other) || one.length === other.length;
}

/** Encodes a text where it is ASCII, one byte a character, and says whether it was. */
function layAscii(text: string, room: Uint8Array): boolean {
  if (text.length > SHORT_TEXT) {
    const { read, written } = ENCODER.encodeInto(text, room);
    return read === text.length && written === read;
  }
  let all = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    all |= code;
    room[index] = code;
  }
  return all < 0x80;
}
