/**
 * Takes messages and control frames out of received bytes. The fragments of a message are joined in one
 * array, which grows with the bytes that have come, never with a length that a header announces.
 *
 * @module
 */

import type { InputBuffer } from "../drivers/input_buffer.ts";
import { type FrameHeader, Opcode, parseHeader, TextChecker, tooBig, unmask } from "./frame.ts";

const LEAST_ROOM = 1024;

/** A whole message, or a control frame. */
export interface Received {
  /** The kind of message or control frame. */
  readonly opcode: Opcode;
  /** Whether the payload is compressed. */
  readonly compressed: boolean;
  /** The payload, valid until the next call of {@link MessageParser.next}. */
  readonly payload: Uint8Array;
}

/** A fragment that does not end its message. `"empty fragment"` is one without bytes behind the first. */
export type Fragment = "fragment" | "empty fragment";

/** Parses the frames of one connection. */
export class MessageParser {
  readonly #limit: number;
  readonly #deflate: boolean;
  #header: FrameHeader | null = null; // of the first fragment, until the last one has come
  #checker: TextChecker | null = null;
  #joined: Uint8Array = new Uint8Array(0);
  #size = 0;

  /** @param limit the largest message, in bytes; @param deflate whether permessage-deflate was agreed on */
  constructor(limit: number, deflate: boolean) {
    this.#limit = limit;
    this.#deflate = deflate;
  }

  /**
   * Consumes the next message, control frame or fragment of `input`. Returns `undefined` until one has come
   * in full. The parser keeps the bytes of a fragment until the last fragment of the message has come. It
   * still returns after each fragment, because fragments may be many and the caller has to let other
   * connections run.
   *
   * @throws {WebSocketFault} 1002 for a faulty frame, 1007 as soon as a fragment is not UTF-8, and 1009 as
   * soon as a header announces that the message is too large
   */
  next(input: InputBuffer): Received | Fragment | undefined {
    const context = { deflate: this.#deflate, fragmented: this.#header !== null };
    const header = parseHeader(input.bytes, input.start, input.end, context);
    if (header === undefined) return undefined;
    const isControl = header.opcode >= Opcode.CLOSE;
    if (!isControl && this.#size + header.length > this.#limit) throw tooBig(this.#limit);
    if (input.length < header.size + header.length) return undefined;
    const start = input.start + header.size;
    const end = start + header.length;
    unmask(input.bytes, start, end);
    input.consume(header.size + header.length);
    const payload = input.bytes.subarray(start, end);
    if (isControl || (header.fin && this.#header === null)) {
      return { opcode: header.opcode, compressed: header.compressed, payload };
    }
    return this.#join(header, payload);
  }

  #join(header: FrameHeader, payload: Uint8Array): Received | Fragment {
    this.#header ??= header;
    if (this.#header.opcode === Opcode.TEXT && !this.#header.compressed) {
      this.#checker ??= new TextChecker();
      if (payload.length > 0 || header.fin) this.#checker.check(payload, header.fin);
    }
    this.#reserve(payload.length);
    this.#joined.set(payload, this.#size);
    this.#size += payload.length;
    if (header.fin) return this.#complete(this.#header);
    return payload.length === 0 && header !== this.#header ? "empty fragment" : "fragment";
  }

  #complete({ opcode, compressed }: FrameHeader): Received {
    const payload = this.#joined.subarray(0, this.#size);
    this.#header = null;
    this.#checker = null;
    this.#joined = new Uint8Array(0);
    this.#size = 0;
    return { opcode, compressed, payload };
  }

  #reserve(count: number): void {
    const needed = this.#size + count;
    if (needed <= this.#joined.length) return;
    const room = new Uint8Array(Math.max(LEAST_ROOM, 2 * needed));
    room.set(this.#joined.subarray(0, this.#size));
    this.#joined = room;
  }
}
