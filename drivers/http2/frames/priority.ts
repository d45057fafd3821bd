/**
 * PRIORITY (RFC 9113 §6.3): deprecated, parsed and ignored. What a frame of a wrong size is answered with is in
 * `frame_reader.ts`.
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
