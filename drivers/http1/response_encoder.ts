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
import { encodeLatin1, layAscii, layLatin1 } from "../latin1.ts";
import {
  encodeResponseHead,
  HeadEnding,
  type HeadParts,
  isSameHead,
  type ResponseFields,
  sortFields,
} from "./response_head.ts";

// Not above COPIED_WRITE_SIZE, so that the memory may be used again once it was handed to the client.
const SCRATCH_SIZE = 4096;

/** Encodes the responses of any number of connections; what it returns is valid until its next call. */
export class ResponseEncoder {
  /** What every head ends in, shared by the connections. */
  readonly ending: HeadEnding = new HeadEnding();
  readonly #scratch = new Memory(SCRATCH_SIZE);
  #fields: readonly string[] = [];
  #sorted: ResponseFields = sortFields(this.#fields);
  #parts: HeadParts | null = null; // of the head that lies in the memory
  #headSize = 0;

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
    if (text.length > SCRATCH_SIZE) return encodeLatin1(text);
    this.#lay(text);
    return this.#scratch.start(text.length);
  }

  /** Encodes a head. */
  encodeHead(parts: HeadParts): Uint8Array {
    return this.#layHead(parts)
      ? this.#scratch.start(this.#headSize)
      : this.encode(encodeResponseHead(parts));
  }

  /** Encodes a head and a text of ASCII behind it. Gives `null` for any other text, and where there is no room for both. */
  encodeMessage(parts: HeadParts, text: string): Uint8Array | null {
    if (!this.#layHead(parts)) return null;
    const size = this.#headSize + text.length;
    return size <= SCRATCH_SIZE && layAscii(text, this.#scratch.bytes, this.#headSize)
      ? this.#scratch.start(size)
      : null;
  }

  /** Encodes a head at the beginning of the memory, unless it lies there; says whether there is room for it. */
  #layHead(parts: HeadParts): boolean {
    if (this.#parts !== null && isSameHead(parts, this.#parts)) return true;
    const head = encodeResponseHead(parts);
    if (head.length > SCRATCH_SIZE) return false;
    this.#lay(head);
    this.#parts = parts;
    this.#headSize = head.length;
    return true;
  }

  #lay(text: string): void {
    const { bytes } = this.#scratch;
    if (!layAscii(text, bytes, 0)) layLatin1(text, bytes);
  }
}
