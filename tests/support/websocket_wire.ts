/**
 * The bytes of WebSocket: what a client sends, and what a server answered.
 *
 * @module
 */

import { assert } from "./assert.ts";
import { latin1 } from "./bytes.ts";

/** A frame of a client; without more words it is a whole message under a mask, of the least length of header. */
export interface ClientFrame {
  readonly opcode: number;
  readonly payload?: string | readonly number[] | Uint8Array;
  readonly fin?: boolean;
  /** The three reserved bits: RSV1 is 4. */
  readonly rsv?: number;
  readonly mask?: boolean;
  /** Bytes of the extended length: 0, 2 or 8. */
  readonly extended?: number;
  /** What its header says of its length. */
  readonly length?: number;
}

/** A frame of a server. */
export interface ServerFrame {
  readonly opcode: number;
  readonly rsv: number;
  readonly payload: Uint8Array;
}

const KEY = [0x37, 0xfa, 0x21, 0x3d];

/** Encodes a frame. */
export function encodeClientFrame(frame: ClientFrame): Uint8Array {
  const { opcode, payload = [], fin = true, rsv = 0, mask = true } = frame;
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : Uint8Array.from(payload);
  const { length = bytes.length } = frame;
  const { extended = length < 126 ? 0 : length < 65_536 ? 2 : 8 } = frame;
  const head = new Uint8Array(2 + extended);
  head[0] = (fin ? 0x80 : 0) | rsv << 4 | opcode;
  head[1] = (mask ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  for (let index = 0; index < extended; index++) {
    head[1 + extended - index] = Math.floor(length / 256 ** index) % 256;
  }
  if (!mask) return join([head, bytes]);
  return join([head, Uint8Array.from(KEY), bytes.map((byte, index) => byte ^ KEY[index % 4]!)]);
}

/** Joins pieces. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** The head of an opening handshake; a field that is `null` is left out. */
export function handshake(
  fields: Readonly<Record<string, string | null>> = {},
  line = "GET / HTTP/1.1",
): string {
  const all: Record<string, string | null> = {
    Host: "a",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...fields,
  };
  const lines = Object.entries(all).map(([name, value]) => value === null ? "" : `${name}: ${value}\r\n`);
  return `${line}\r\n${lines.join("")}\r\n`;
}

/** The frames of a server behind its head: whole messages without a mask, since it neither fragments nor masks. */
export function readServerFrames(received: string): ServerFrame[] {
  const bytes = latin1(received.slice(received.indexOf("\r\n\r\n") + 4));
  const frames: ServerFrame[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 2 <= bytes.length;) {
    assert((bytes[at]! & 0x80) !== 0, "the server's frames are whole messages");
    const short = bytes[at + 1]!;
    assert(short < 128, "the server's frames have no mask (RFC 6455 §5.1)");
    const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
    if (at + 2 + extended > bytes.length) break;
    const length = extended === 0 ? short : extended === 2 ? view.getUint16(at + 2) : view.getUint32(at + 6);
    const start = at + 2 + extended;
    if (start + length > bytes.length) break;
    const payload = bytes.subarray(start, start + length);
    frames.push({ opcode: bytes[at]! & 15, rsv: bytes[at]! >> 4 & 7, payload });
    at = start + length;
  }
  return frames;
}
