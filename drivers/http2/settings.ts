/**
 * The settings of both sides (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1).
 *
 * @module
 */

import type { Options } from "../../options.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { FRAME_SIZE_LIMIT } from "./frame.ts";
import type { Setting } from "./frames/settings.ts";

/** The identifiers. */
export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
  ENABLE_CONNECT_PROTOCOL: 0x8,
  /** What says that stream dependencies are ignored (RFC 9218 §2.1). */
  NO_OLD_PRIORITIES: 0x9,
} as const;

/** The window of every stream and of the connection before anybody has said anything (RFC 9113 §6.9.2). */
export const DEFAULT_WINDOW = 65_535;

/** The largest window there may be (RFC 9113 §6.9.1). */
export const WINDOW_LIMIT = 2 ** 31 - 1;

/** What the peer has asked for. */
export class PeerSettings {
  /** The largest table that its decoder keeps. */
  headerTableSize = 4096;
  /** Whether it takes pushed responses. */
  enablePush = true;
  /** How many pushed streams it takes at once. */
  maxConcurrentStreams = Infinity;
  /** The window of a new stream. */
  initialWindowSize = DEFAULT_WINDOW;
  /** The largest list of fields it takes: advisory (RFC 9113 §6.5.2). */
  maxHeaderListSize = Infinity;

  /**
   * Takes one setting.
   *
   * @throws {ConnectionError} PROTOCOL_ERROR, FLOW_CONTROL_ERROR for values that are not allowed
   */
  take([id, value]: Setting): void {
    switch (id) {
      case SettingId.HEADER_TABLE_SIZE:
        this.headerTableSize = value;
        break;
      case SettingId.ENABLE_PUSH:
        this.enablePush = parseBoolean(value, "SETTINGS_ENABLE_PUSH");
        break;
      case SettingId.MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value;
        break;
      case SettingId.INITIAL_WINDOW_SIZE:
        this.initialWindowSize = checkWindow(value);
        break;
      case SettingId.MAX_FRAME_SIZE:
        checkFrameSize(value); // frames of the least size that there may be are sent anyway, so that streams take turns
        break;
      case SettingId.MAX_HEADER_LIST_SIZE:
        this.maxHeaderListSize = value;
        break;
      case SettingId.ENABLE_CONNECT_PROTOCOL:
      case SettingId.NO_OLD_PRIORITIES:
        parseBoolean(value, `setting ${id}`); // both are of interest to clients only
        break;
      default: // "MUST ignore" (RFC 9113 §6.5.2)
    }
  }
}

function parseBoolean(value: number, name: string): boolean {
  if (value <= 1) return value === 1;
  throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${name} is ${value} (RFC 9113 §6.5.2)`);
}

function checkWindow(value: number): number {
  if (value <= WINDOW_LIMIT) return value;
  throw new ConnectionError(
    ErrorCode.FLOW_CONTROL_ERROR,
    `SETTINGS_INITIAL_WINDOW_SIZE is ${value} (RFC 9113 §6.5.2)`,
  );
}

function checkFrameSize(value: number): void {
  if (value >= FRAME_SIZE_LIMIT && value < 2 ** 24) return;
  throw new ConnectionError(
    ErrorCode.PROTOCOL_ERROR,
    `SETTINGS_MAX_FRAME_SIZE is ${value} (RFC 9113 §6.5.2)`,
  );
}

/** What this server asks of its peers. */
export function serverSettings(options: Options): Setting[] {
  const settings: Setting[] = [
    [SettingId.MAX_CONCURRENT_STREAMS, options.concurrentStreamLimit],
    [SettingId.INITIAL_WINDOW_SIZE, options.streamWindowSize],
    [SettingId.MAX_HEADER_LIST_SIZE, options.headerSizeLimit],
    [SettingId.NO_OLD_PRIORITIES, 1],
  ];
  if (options.extendedConnect) settings.push([SettingId.ENABLE_CONNECT_PROTOCOL, 1]);
  return settings;
}
