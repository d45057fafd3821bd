/**
 * Frames of RFC 6455 §5.2: header, masking, and the payloads of text and Close frames.
 *
 * ```text
 *  | FIN RSV1-3 opcode (4) | MASK length (7) | extended length (0, 16 or 64) | masking key (32) | payload
 * ```
 *
 * @module
 */

import { decodeLatin1, layAscii } from "../drivers/latin1.ts";
import type { Memory } from "../memory.ts";

/** The kinds of frames (RFC 6455 §11.8). */
export const Opcode = {
  CONTINUATION: 0x0,
  TEXT: 0x1,
  BINARY: 0x2,
  CLOSE: 0x8,
  PING: 0x9,
  PONG: 0xa,
} as const;

/** A value of {@link Opcode}. */
export type Opcode = typeof Opcode[keyof typeof Opcode];

/**
 * The codes of Close frames that this server sends or checks, and the codes that stand for no Close frame
 * (RFC 6455 §7.4.1).
 */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  NO_STATUS: 1005,
  ABNORMAL: 1006,
  INVALID_PAYLOAD: 1007,
  POLICY_VIOLATION: 1008,
  TOO_BIG: 1009,
  /** Sent by clients only, when the server has not agreed to an extension. */
  EXTENSION_MISSING: 1010,
} as const;

/** A fault of the peer, and the code that answers it. */
export class WebSocketFault extends Error {
  /** The name of the class. */
  override readonly name: string = "WebSocketFault";
  /** The code of the Close frame. */
  readonly code: number;

  /**
   * @param code of the Close frame; @param message ends in its section, and is the reason of the Close frame
   */
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** A frame header. */
export interface FrameHeader {
  /** Whether this is the last frame of a message. */
  readonly fin: boolean;
  /** Whether RSV1 is set, because the message is compressed. */
  readonly compressed: boolean;
  /** The kind of frame. */
  readonly opcode: Opcode;
  /** The size of the payload, in bytes. */
  readonly length: number;
  /** The size of the header in bytes. The last four are the masking key. */
  readonly size: number;
}

/** The state of the connection that decides which headers are allowed. */
export interface HeaderContext {
  /** Whether permessage-deflate was agreed on. */
  readonly deflate: boolean;
  /** Whether a message has begun whose last fragment has not come. */
  readonly fragmented: boolean;
}

const KEY_SIZE = 4;
const CONTROL = 0x8;
const CONTROL_LIMIT = 125;

/**
 * Parses the header at `start`. Returns `undefined` until the whole header has come, up to `end`.
 *
 * @throws {WebSocketFault} 1002 for a header that is not allowed here
 */
export function parseHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: HeaderContext,
): FrameHeader | undefined {
  if (end - start < 2) return undefined;
  const first = bytes[start]!;
  const second = bytes[start + 1]!;
  const opcode = first & 0x0f;
  checkFirst(first, opcode, context);
  // "a client MUST mask all frames that it sends to the server [...] The server MUST close the connection
  // upon receiving a frame that is not masked" (RFC 6455 §5.1)
  if (second < 0x80) throw fault("A frame without a mask", "5.1");
  const short = second & 0x7f;
  if (opcode >= CONTROL && short > CONTROL_LIMIT) throw fault("A control frame above 125 bytes", "5.5");
  const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
  const size = 2 + extended + KEY_SIZE;
  if (end - start < size) return undefined;
  const length = extended === 0 ? short : parseLength(bytes, start + 2, extended);
  return { fin: first >= 0x80, compressed: (first & 0x40) !== 0, opcode: opcode as Opcode, length, size };
}

function checkFirst(first: number, opcode: number, { deflate, fragmented }: HeaderContext): void {
  // "If a nonzero value is received and none of the negotiated extensions defines the meaning of such a
  // nonzero value, the receiving endpoint MUST _Fail the WebSocket Connection_." (RFC 6455 §5.2); RSV1 is set
  // on the first frame alone (RFC 7692 §6.1)
  const starts = opcode === Opcode.TEXT || opcode === Opcode.BINARY;
  if ((first & 0x30) !== 0 || ((first & 0x40) !== 0 && !(deflate && starts))) {
    throw fault("A reserved bit is set", "5.2");
  }
  if ((opcode > Opcode.BINARY && opcode < Opcode.CLOSE) || opcode > Opcode.PONG) {
    throw fault("A reserved opcode", "5.2");
  }
  if (opcode >= CONTROL) {
    if (first < 0x80) throw fault("A control frame in fragments", "5.5");
  } else if (starts === fragmented) {
    throw fault(fragmented ? "A new message within another" : "A continuation of nothing", "5.4");
  }
}

// "the minimal number of bytes MUST be used to encode the length [...] the most significant bit MUST be 0"
// (RFC 6455 §5.2)
function parseLength(bytes: Uint8Array, at: number, size: number): number {
  let length = 0;
  for (let index = 0; index < size; index++) length = length * 256 + bytes[at + index]!;
  if (size === 8 && bytes[at]! >= 0x80) throw fault("A length with its highest bit set", "5.2");
  if (length < (size === 2 ? 126 : 65_536)) throw fault("A length in more bytes than it needs", "5.2");
  return length;
}

/**
 * Unmasks the bytes from `start` to `end` in place. The masking key is the four bytes before `start`
 * (RFC 6455 §5.3).
 */
export function unmask(bytes: Uint8Array, start: number, end: number): void {
  const a = bytes[start - 4]!;
  const b = bytes[start - 3]!;
  const c = bytes[start - 2]!;
  const d = bytes[start - 1]!;
  let at = start;
  for (; at + 3 < end; at += 4) {
    bytes[at]! ^= a;
    bytes[at + 1]! ^= b;
    bytes[at + 2]! ^= c;
    bytes[at + 3]! ^= d;
  }
  if (at < end) bytes[at]! ^= a;
  if (at + 1 < end) bytes[at + 1]! ^= b;
  if (at + 2 < end) bytes[at + 2]! ^= c;
}

/**
 * Encodes a whole message as one frame. It has no mask, because "A server MUST NOT mask any frames"
 * (RFC 6455 §5.1). The payload is copied.
 */
export function encodeFrame(
  opcode: Opcode,
  payload: Uint8Array,
  compressed = false,
): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = new Uint8Array(2 + extended + length);
  frame[0] = 0x80 | (compressed ? 0x40 : 0) | opcode;
  frame[1] = extended === 0 ? length : extended === 2 ? 126 : 127;
  for (let index = 0, rest = length; index < extended; index++, rest = Math.floor(rest / 256)) {
    frame[1 + extended - index] = rest % 256;
  }
  frame.set(payload, 2 + extended);
  return frame;
}

const ENCODER = new TextEncoder();

/** A text of up to this many characters always fits a frame with the shortest header. */
const SHORT_TEXT = Math.floor(CONTROL_LIMIT / 3);

/**
 * Encodes a text frame. A short one is written into `room`, which has at least 127 bytes, because allocating
 * costs more than encoding.
 */
export function encodeText(text: string, room: Memory): Uint8Array {
  if (text.length > SHORT_TEXT) return encodeFrame(Opcode.TEXT, ENCODER.encode(text));
  const { bytes } = room;
  const written = layAscii(text, bytes, 2)
    ? text.length
    : ENCODER.encodeInto(text, bytes.subarray(2)).written;
  bytes[0] = 0x80 | Opcode.TEXT;
  bytes[1] = written;
  return room.start(2 + written);
}

/** Encodes a Close frame. Without a code the payload is empty. */
export function encodeClose(code: number | null, reason = ""): Uint8Array<ArrayBuffer> {
  if (code === null) return encodeFrame(Opcode.CLOSE, new Uint8Array(0));
  const text = ENCODER.encode(reason).subarray(0, CONTROL_LIMIT - 2);
  const body = new Uint8Array(2 + text.length);
  body[0] = code >>> 8;
  body[1] = code;
  body.set(text, 2);
  return encodeFrame(Opcode.CLOSE, body);
}

/** The content of a Close frame. */
export interface Close {
  /** The code, or `null` where there is none. */
  readonly code: number | null;
  /** The reason, or `""`. */
  readonly reason: string;
}

/**
 * Parses the payload of a Close frame (RFC 6455 §5.5.1).
 *
 * @throws {WebSocketFault} 1002 for a code that may not be sent, 1007 for a reason that is not UTF-8
 */
export function parseClose(body: Uint8Array): Close {
  if (body.length === 0) return { code: null, reason: "" };
  const code = body.length === 1 ? 0 : body[0]! * 256 + body[1]!;
  if (!isCloseCode(code)) throw fault("A Close frame with a code that may not be sent", "7.4");
  return { code, reason: decodeText(body.subarray(2)) };
}

// 1004, 1005, 1006 and 1015 must not be sent, 1016 to 2999 are reserved, and 3000 to 4999 are for libraries
// and applications (RFC 6455 §7.4).
/** Whether a code may stand in a Close frame. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= CloseCode.NORMAL && code <= 1014 && (code < 1004 || code > CloseCode.ABNORMAL);
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes the payload of a text message.
 *
 * @throws {WebSocketFault} 1007 when the bytes are not UTF-8 (RFC 6455 §8.1)
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decodeShort(bytes) ?? UTF8.decode(bytes);
  } catch {
    throw notUtf8();
  }
}

/** Decodes a short text of ASCII, which is faster than a `TextDecoder`. Returns `null` for any other text. */
function decodeShort(bytes: Uint8Array): string | null {
  if (bytes.length > SHORT_TEXT) return null;
  let all = 0;
  for (let at = 0; at < bytes.length; at++) all |= bytes[at]!;
  // Appending character by character would make a tree of strings: a text of 40 characters would hold 900
  // bytes.
  return all < 0x80 ? decodeLatin1(bytes, 0, bytes.length) : null;
}

/** Checks a text that comes in fragments, so that a fragment that is not UTF-8 fails as soon as it comes. */
export class TextChecker {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });

  /**
   * Checks the next fragment.
   *
   * @throws {WebSocketFault} 1007 when the text so far is not UTF-8
   */
  check(bytes: Uint8Array, isLast: boolean): void {
    try {
      this.#decoder.decode(bytes, { stream: !isLast });
    } catch {
      throw notUtf8();
    }
  }
}

/** Makes the error for a message that is larger than `limit` bytes. */
export function tooBig(limit: number): WebSocketFault {
  return new WebSocketFault(CloseCode.TOO_BIG, `A message above ${limit} bytes (RFC 6455 §7.4.1)`);
}

function notUtf8(): WebSocketFault {
  return new WebSocketFault(CloseCode.INVALID_PAYLOAD, "A text is not UTF-8 (RFC 6455 §8.1)");
}

function fault(what: string, section: string): WebSocketFault {
  return new WebSocketFault(CloseCode.PROTOCOL_ERROR, `${what} (RFC 6455 §${section})`);
}
