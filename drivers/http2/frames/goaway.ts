/**
 * GOAWAY (RFC 9113 §6.8): the end of a connection.
 *
 * @module
 */

import {
  Flag,
  type Frame,
  FRAME_HEADER_SIZE,
  FrameType,
  makeFrame,
  readUint31,
  readUint32,
  writeUint32,
} from "../frame.ts";

/** What a GOAWAY frame says. */
export interface GoAway {
  /** The last stream that was or may be dealt with. */
  readonly lastStreamId: number;
  /** Why; the code may be unknown. */
  readonly code: number;
  /** The debug data: a view of the frame. */
  readonly debug: Uint8Array;
}

const FIXED_SIZE = 8;

/** Parses a GOAWAY frame. */
export function parseGoAway({ bytes, start, end }: Frame): GoAway {
  return {
    lastStreamId: readUint31(bytes, start),
    code: readUint32(bytes, start + 4),
    debug: bytes.subarray(start + FIXED_SIZE, end),
  };
}

/** Encodes a GOAWAY frame with a text for whoever looks for the fault. */
export function encodeGoAway(lastStreamId: number, code: number, debug = ""): Uint8Array {
  const text = new TextEncoder().encode(debug);
  const length = FIXED_SIZE + text.length;
  const frame = makeFrame({ length, type: FrameType.GOAWAY, flags: Flag.NONE, streamId: 0 });
  writeUint32(frame, writeUint32(frame, FRAME_HEADER_SIZE, lastStreamId), code);
  frame.set(text, FRAME_HEADER_SIZE + FIXED_SIZE);
  return frame;
}
