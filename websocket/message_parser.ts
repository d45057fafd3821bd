/**
 * Takes messages and control frames out of received bytes. A message's fragments are joined in one piece of
 * memory, which grows with what has come, never with what is announced.
 *
 * @module
 */

import type { InputBuffer } from "../drivers/input_buffer.ts";
import { type FrameHeader, Opcode, parseHeader, TextChecker, tooBig, unmask } from "./frame.ts";

const LEAST_ROOM = 1024;

/** What was received: a message in full, or a control frame. */
export interface Received {
  /** What it is. */
  readonly opcode: Opcode;
  /** Whether it is compressed. */
  readonly compressed: boolean;
  /** Its bytes, valid until the next is asked for. */
  readonly payload: Uint8Array;
}

/** A fragment that does not end its message: one with bytes, or one behind the first that has none. */
export type Fragment = "fragment" | "empty fragment";

/** Parses one connection's frames. */
export class MessageParser {
  readonly #limit: number;
  readonly #deflate: boolean;
  #header: FrameHeader | null = null; // of the message that is in the middle of its fragments
  #checker: TextChecker | null = null;
  #joined: Uint8Array = new Uint8Array(0);
  #size = 0;

  /** @param limit the largest message, in bytes; @param deflate whether permessage-deflate was agreed on */
  constructor(limit: number, deflate: boolean) {
    this.#limit = limit;
    this.#deflate = deflate;
  }

  /**
   * Consumes the next message, control frame or fragment of `input`; gives `undefined` until it has come in
   * full. The parser keeps a fragment until the last one of its message has come. It says that there was one,
   * so that the caller may give way to others between two, because fragments may be many.
   *
   * @throws {WebSocketFault} 1002; 1007 as soon as a fragment is no text; 1009 as soon as a frame's header
   * says that its message is too large
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
