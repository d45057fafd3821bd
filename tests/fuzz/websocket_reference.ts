/**
 * A parser of WebSocket messages (RFC 6455 §5) written to be plain: it has all bytes at once, and takes them one frame after another.
 *
 * @module
 */

import { inflateRawSync } from "node:zlib";
import { fromLatin1 } from "../support/bytes.ts";

/** A message or control frame: its opcode, and its bytes after inflating. */
export interface WebSocketEvent {
  readonly opcode: number;
  readonly payload: string;
}

/** What some bytes are. */
export interface WebSocketParsed {
  readonly events: readonly WebSocketEvent[];
  /** The code that the connection fails with, or 0. */
  readonly fault: number;
  /** How many frames gave nothing: pings, pongs, and empty fragments. */
  readonly idle: number;
}

/** What the parser takes. */
export interface WebSocketLimits {
  readonly limit: number;
  readonly deflate: boolean;
}

/** A fault of the peer, and its code. */
class Fault extends Error {
  constructor(readonly code: number) {
    super(`fault ${code}`);
  }
}

interface Fragments {
  readonly opcode: number;
  readonly compressed: boolean;
  readonly decoder: TextDecoder;
  payload: string;
}

const CLOSE_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];

class Reference {
  readonly events: WebSocketEvent[] = [];
  idle = 0;
  readonly #bytes: Uint8Array;
  readonly #limits: WebSocketLimits;
  #at = 0;
  #fragments: Fragments | null = null;

  constructor(bytes: Uint8Array, limits: WebSocketLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  /** Takes a frame; says whether there may be another. */
  step(): boolean {
    const [first, second] = this.#bytes.subarray(this.#at);
    if (first === undefined || second === undefined) return false;
    const opcode = first & 15;
    this.#checkFirst(first, opcode);
    if (second < 128) throw new Fault(1002);
    if (opcode >= 8 && (second & 127) > 125) throw new Fault(1002);
    const extended = (second & 127) === 126 ? 2 : (second & 127) === 127 ? 8 : 0;
    const start = this.#at + 2 + extended + 4;
    if (start > this.#bytes.length) return false;
    const length = this.#length(second & 127, extended);
    if (opcode < 8 && (this.#fragments?.payload.length ?? 0) + length > this.#limits.limit) {
      throw new Fault(1009);
    }
    if (start + length > this.#bytes.length) return false;
    const key = this.#bytes.subarray(start - 4, start);
    const payload = this.#bytes.slice(start, start + length).map((byte, index) => byte ^ key[index % 4]!);
    this.#at = start + length;
    return this.#take({ opcode, fin: first >= 128, compressed: (first & 64) !== 0, payload });
  }

  #checkFirst(first: number, opcode: number): void {
    const starts = opcode === 1 || opcode === 2;
    if ((first & 0x30) !== 0 || ((first & 0x40) !== 0 && !(this.#limits.deflate && starts))) {
      throw new Fault(1002);
    }
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) throw new Fault(1002);
    if (opcode >= 8 && first < 128) throw new Fault(1002);
    if (opcode < 8 && starts === (this.#fragments !== null)) throw new Fault(1002);
  }

  #length(short: number, extended: number): number {
    if (extended === 0) return short;
    const digits = this.#bytes.subarray(this.#at + 2, this.#at + 2 + extended);
    const length = digits.reduce((sum, digit) => sum * 256 + digit, 0);
    if (digits[0]! >= 128 && extended === 8) throw new Fault(1002);
    if (length < (extended === 2 ? 126 : 65_536)) throw new Fault(1002);
    return length;
  }

  #take(frame: { opcode: number; fin: boolean; compressed: boolean; payload: Uint8Array }): boolean {
    const { opcode, fin, compressed, payload } = frame;
    if (opcode >= 8) return this.#control(opcode, payload);
    const isFirst = this.#fragments === null;
    const decoder = new TextDecoder("utf-8", { fatal: true });
    this.#fragments ??= { opcode, compressed, decoder, payload: "" };
    const fragments = this.#fragments;
    if (fragments.opcode === 1 && !fragments.compressed && !(isFirst && fin)) {
      decode(fragments.decoder, payload, !fin);
    }
    fragments.payload += fromLatin1(payload);
    if (!isFirst && !fin && payload.length === 0) this.idle++;
    if (!fin) return true;
    this.#fragments = null;
    this.#message(fragments);
    return true;
  }

  #message({ opcode, compressed, payload }: Fragments): void {
    const bytes = Uint8Array.from(payload, (character) => character.charCodeAt(0));
    const whole = compressed ? this.#inflate(bytes) : bytes;
    if (opcode === 1) decode(new TextDecoder("utf-8", { fatal: true }), whole, false);
    this.events.push({ opcode, payload: fromLatin1(whole) });
  }

  #inflate(bytes: Uint8Array): Uint8Array {
    let inflated: Uint8Array;
    try {
      inflated = inflateRawSync(Uint8Array.from([...bytes, 0, 0, 255, 255]), { finishFlush: 2 });
    } catch {
      throw new Fault(1007);
    }
    if (inflated.length > Math.max(1, this.#limits.limit)) throw new Fault(1009);
    return inflated;
  }

  #control(opcode: number, payload: Uint8Array): boolean {
    if (opcode > 8) this.idle++;
    if (opcode === 8 && payload.length > 0) {
      const code = payload[0]! * 256 + (payload[1] ?? 0);
      const isKnown = CLOSE_CODES.includes(code) || (code >= 3000 && code < 5000);
      if (payload.length === 1 || !isKnown) throw new Fault(1002);
      decode(new TextDecoder("utf-8", { fatal: true }), payload.subarray(2), false);
    }
    this.events.push({ opcode, payload: fromLatin1(payload) });
    return opcode !== 8;
  }
}

function decode(decoder: TextDecoder, bytes: Uint8Array, stream: boolean): void {
  try {
    decoder.decode(bytes, { stream });
  } catch {
    throw new Fault(1007);
  }
}

/** What the frames of a client are. Nothing behind a Close frame is looked at. */
export function parseWebSocket(bytes: Uint8Array, limits: WebSocketLimits): WebSocketParsed {
  const reference = new Reference(bytes, limits);
  let fault = 0;
  try {
    while (reference.step());
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fault = error.code;
  }
  return { events: reference.events, fault, idle: reference.idle };
}
