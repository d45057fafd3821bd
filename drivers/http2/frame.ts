/**
 * Frames (RFC 9113 §4.1): their header, their types and flags.
 *
 * ```text
 *  | Length (24) | Type (8) | Flags (8) | R (1) Stream Identifier (31) | Frame Payload ...
 * ```
 *
 * What is in a payload is in `frames/`, one file a type.
 *
 * @module
 */

/** The types of frames (RFC 9113 §6, RFC 9218 §7.1). */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
  PRIORITY_UPDATE: 0x10,
} as const;

/**
 * Flags; which of them a type has is in RFC 9113 §6. "Flags that have no defined semantics [...] MUST be
 * ignored" (§4.1).
 */
export const Flag = {
  NONE: 0x0,
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Bytes of a frame header. */
export const FRAME_HEADER_SIZE = 9;

/**
 * The largest payload that is taken: the initial SETTINGS_MAX_FRAME_SIZE, which is the least there may be.
 */
export const FRAME_SIZE_LIMIT = 16_384;

/**
 * A received frame. One object is used for all frames of a connection: it is valid until the next is read.
 */
export class Frame {
  /** The type, which may be unknown. */
  type = 0;
  /** The flags. */
  flags = 0;
  /** The stream, its reserved bit removed; 0 for the connection. */
  streamId = 0;
  /** The length of the payload, padding and all: what flow control counts. */
  length = 0;
  /** The memory that the payload is in. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where what is left to parse of the payload begins. */
  start = 0;
  /** Where it ends. */
  end = 0;

  /** Whether a flag is set. */
  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
}

/** A 31-bit integer at `at`; the bit above it is reserved, and ignored (RFC 9113 §4.1). */
export function readUint31(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** A 32-bit integer at `at`. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return readUint31(bytes, at) + (bytes[at]! >= 0x80 ? 0x80000000 : 0);
}

/** Writes a 32-bit integer at `at`, and gives where it ends. */
export function writeUint32(room: Uint8Array, at: number, value: number): number {
  room[at] = value >>> 24;
  room[at + 1] = value >>> 16;
  room[at + 2] = value >>> 8;
  room[at + 3] = value;
  return at + 4;
}

/** The parts of a frame header that is written. */
export interface FrameHead {
  /** Bytes of the payload. */
  readonly length: number;
  /** The type. */
  readonly type: number;
  /** The flags. */
  readonly flags: number;
  /** The stream, or 0. */
  readonly streamId: number;
}

/** Writes a frame header at `at`, and gives where the payload begins. */
export function writeFrameHead(room: Uint8Array, at: number, head: FrameHead): number {
  const { length, type, flags, streamId } = head;
  room[at] = length >>> 16;
  room[at + 1] = length >>> 8;
  room[at + 2] = length;
  room[at + 3] = type;
  room[at + 4] = flags;
  return writeUint32(room, at + 5, streamId);
}

/** A frame with room for a payload, which begins at {@link FRAME_HEADER_SIZE}. */
export function makeFrame(head: FrameHead): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_SIZE + head.length);
  writeFrameHead(frame, 0, head);
  return frame;
}
