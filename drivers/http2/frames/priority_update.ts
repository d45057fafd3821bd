/**
 * PRIORITY_UPDATE (RFC 9218 §7.1): a new priority for a response.
 *
 * @module
 */

import { decodeLatin1 } from "../../latin1.ts";
import { ConnectionError, ErrorCode } from "../error_code.ts";
import { type Frame, readUint31 } from "../frame.ts";

/** What a PRIORITY_UPDATE frame says. */
export interface PriorityUpdate {
  /** The stream whose response it is about. */
  readonly streamId: number;
  /** The value of a `priority` field. */
  readonly value: string;
}

/**
 * Parses a PRIORITY_UPDATE frame.
 *
 * @throws {ConnectionError} PROTOCOL_ERROR on a stream other than 0 or about stream 0, FRAME_SIZE_ERROR
 */
export function parsePriorityUpdate({ bytes, start, end, streamId }: Frame): PriorityUpdate {
  if (streamId !== 0) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "PRIORITY_UPDATE on a stream (RFC 9218 §7.1)");
  }
  if (end - start < 4) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY_UPDATE of no stream (RFC 9218 §7.1)");
  }
  const prioritized = readUint31(bytes, start);
  if (prioritized === 0) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "PRIORITY_UPDATE of stream 0 (RFC 9218 §7.1)");
  }
  return { streamId: prioritized, value: decodeLatin1(bytes, start + 4, end) };
}
