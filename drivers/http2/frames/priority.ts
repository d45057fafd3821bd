/**
 * PRIORITY (RFC 9113 §6.3): deprecated, and ignored but for a stream that depends on itself.
 * `frame_reader.ts` answers a frame of a wrong size.
 *
 * @module
 */

import { type Frame, readUint31 } from "../frame.ts";

/** What a PRIORITY frame, or the beginning of a HEADERS frame, says. */
export interface StreamDependency {
  /** The stream depended on. */
  readonly dependency: number;
  /** Whether it alone depends on it. */
  readonly exclusive: boolean;
  /** 0 to 255, one less than the weight. */
  readonly weight: number;
}

/** Parses a PRIORITY frame. */
export function parsePriority({ bytes, start }: Frame): StreamDependency {
  return {
    dependency: readUint31(bytes, start),
    exclusive: bytes[start]! >= 0x80,
    weight: bytes[start + 4]!,
  };
}
