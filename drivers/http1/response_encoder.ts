/**
 * Turns heads and texts into bytes: a small response becomes one run of bytes, in memory that is used again for the next.
 *
 * Plan: a text of ASCII has as many bytes as characters, so that head and body are encoded as one text, which tells whether
 * that was so; any other body is encoded first, since the head has to say how many bytes it has.
 *
 * @module
 */

import { Memory } from "../../memory.ts";
import { layLatin1 } from "../latin1.ts";
import { HeadEnding, type ResponseFields, sortFields } from "./response_head.ts";

// Not above COPIED_WRITE_SIZE, so that the memory may be used again once it was handed to the client.
const SCRATCH_SIZE = 4096;

const ENCODER = new TextEncoder();

/** Encodes the responses of any number of connections; what it returns is valid until its next call. */
export class ResponseEncoder {
  /** What every head ends in, shared by the connections. */
  readonly ending: HeadEnding = new HeadEnding();
  readonly #scratch = new Memory(SCRATCH_SIZE);
  #fields: readonly string[] = [];
  #sorted: ResponseFields = sortFields(this.#fields);

  /** As {@link sortFields}; what was sorted last is remembered, since many responses have the very same fields. */
  sort(fields: readonly string[]): ResponseFields {
    if (fields !== this.#fields) {
      this.#sorted = sortFields(fields);
      this.#fields = fields;
    }
    return this.#sorted;
  }

  /** Encodes a head: a text of characters up to U+00FF. */
  encode(head: string): Uint8Array {
    return this.encodeAscii(head) ?? layLatin1(head, new Uint8Array(head.length));
  }

  /** Encodes a text that is short and ASCII: one byte a character. Gives `null` for any other. */
  encodeAscii(text: string): Uint8Array | null {
    if (text.length > SCRATCH_SIZE) return null;
    const { read, written } = ENCODER.encodeInto(text, this.#scratch.bytes);
    return read === text.length && written === read ? this.#scratch.start(written) : null;
  }
}
