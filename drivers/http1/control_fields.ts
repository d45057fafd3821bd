/**
 * The fields of a request that framing and routing need: they are found while the head is scanned, by their length first.
 *
 * @module
 */

import { takePart } from "../latin1.ts";

/** The fields that decide how a request is framed and routed. Each value is that of all its lines, joined by `, `. */
export interface ControlFields {
  "host"?: string;
  "connection"?: string;
  "content-length"?: string;
  "transfer-encoding"?: string;
  "expect"?: string;
  "upgrade"?: string;
}

const CONTROL_FIELDS = [
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "expect",
  "upgrade",
] as const;

/** The index of `Host`, as {@link controlField} gives it. */
export const HOST = CONTROL_FIELDS.indexOf("host");
const LONGEST = 17;

/** For each length of a name, the control field of that length: they all differ in it. */
const BY_LENGTH: Int8Array = byLength();

function byLength(): Int8Array {
  const table = new Int8Array(LONGEST + 1).fill(-1);
  CONTROL_FIELDS.forEach((name, index) => table[name.length] = index);
  return table;
}

/** Which control field the name from `start` to `end` is, whatever its case, or -1. */
export function controlField(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > LONGEST) return -1;
  const field = BY_LENGTH[end - start]!;
  if (field < 0) return -1;
  const name = CONTROL_FIELDS[field]!;
  for (let index = 0; index < name.length; index++) {
    const byte = bytes[start + index]!;
    // Upper-case letters only: "|0x20" would make other characters the same too.
    const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    if (lower !== name.charCodeAt(index)) return -1;
  }
  return field;
}

/**
 * The control fields of a section.
 *
 * @param noted for each of their lines: which field it is, where its value begins and ends
 * @param count how many of those numbers count
 */
export function controlFields(text: string, noted: readonly number[], count: number): ControlFields {
  const control: ControlFields = {};
  for (let at = 0; at < count; at += 3) {
    const name = CONTROL_FIELDS[noted[at]!]!;
    const value = takePart(text, noted[at + 1]!, noted[at + 2]!);
    const before = control[name];
    control[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return control;
}
