/**
 * PING (RFC 9113 §6.7): a question whether the other side is there.
 *
 * @module
 */

import { Flag, type Frame, FRAME_HEADER_SIZE, FrameType, makeFrame } from "../frame.ts";

const PING_SIZE = 8;

/** Encodes a PING frame with 8 bytes of one's own. */
export function encodePing(opaque: Uint8Array, flags: number = Flag.NONE): Uint8Array {
  const frame = makeFrame({ length: PING_SIZE, type: FrameType.PING, flags, streamId: 0 });
  frame.set(opaque.subarray(0, PING_SIZE), FRAME_HEADER_SIZE);
  return frame;
}

/** Encodes the answer to a PING: "with an identical frame payload" (RFC 9113 §6.7). */
export function encodePingAck({ bytes, start, end }: Frame): Uint8Array {
  return encodePing(bytes.subarray(start, end), Flag.ACK);
}
