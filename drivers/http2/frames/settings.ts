/**
 * SETTINGS (RFC 9113 §6.5): what one side asks of the other. What the values mean is in `../settings.ts`.
 *
 * @module
 */

import { ConnectionError, ErrorCode } from "../error_code.ts";
import {
  Flag,
  type Frame,
  FRAME_HEADER_SIZE,
  FrameType,
  makeFrame,
  readUint32,
  writeUint32,
} from "../frame.ts";

/** One setting: identifier and value. */
export type Setting = readonly [id: number, value: number];

const SETTING_SIZE = 6;

// There are ten identifiers. Each entry costs work, and nobody needs many (CVE-2020-11080).
const SETTINGS_LIMIT = 32;

/**
 * Parses the settings of a frame, in their order.
 *
 * @throws {ConnectionError} FRAME_SIZE_ERROR for an acknowledgement that has some, ENHANCE_YOUR_CALM for too
 * many
 */
export function parseSettings(frame: Frame): Setting[] {
  if (frame.has(Flag.ACK) && frame.length > 0) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS ACK with a payload (RFC 9113 §6.5)");
  }
  if (frame.length > SETTINGS_LIMIT * SETTING_SIZE) {
    throw new ConnectionError(
      ErrorCode.ENHANCE_YOUR_CALM,
      `More than ${SETTINGS_LIMIT} settings in a frame (RFC 9113 §10.5)`,
    );
  }
  const settings: Setting[] = [];
  for (let at = frame.start; at < frame.end; at += SETTING_SIZE) settings.push(parseSetting(frame.bytes, at));
  return settings;
}

function parseSetting(bytes: Uint8Array, at: number): Setting {
  return [(bytes[at]! << 8) | bytes[at + 1]!, readUint32(bytes, at + 2)];
}

/** Parses the payload of a SETTINGS frame alone, as `HTTP2-Settings` has it. */
export function parseSettingsPayload(bytes: Uint8Array): Setting[] | null {
  if (bytes.length % SETTING_SIZE !== 0 || bytes.length > SETTINGS_LIMIT * SETTING_SIZE) return null;
  const settings: Setting[] = [];
  for (let at = 0; at < bytes.length; at += SETTING_SIZE) settings.push(parseSetting(bytes, at));
  return settings;
}

/** Encodes a SETTINGS frame. */
export function encodeSettings(settings: readonly Setting[]): Uint8Array {
  const length = SETTING_SIZE * settings.length;
  const frame = makeFrame({ length, type: FrameType.SETTINGS, flags: Flag.NONE, streamId: 0 });
  settings.forEach(([id, value], index) => {
    const at = FRAME_HEADER_SIZE + SETTING_SIZE * index;
    frame[at] = id >>> 8;
    frame[at + 1] = id;
    writeUint32(frame, at + 2, value);
  });
  return frame;
}

/** The acknowledgement of SETTINGS. */
export const SETTINGS_ACK: Uint8Array = makeFrame({
  length: 0,
  type: FrameType.SETTINGS,
  flags: Flag.ACK,
  streamId: 0,
});
