/**
 * WebSocket as an attacker speaks it: any frames out; pongs, messages and close codes counted.
 *
 * @module
 */

import { fromLatin1, latin1 } from "../../support/bytes.ts";
import { handshake } from "../../support/websocket_wire.ts";
import type { Attack } from "../attack.ts";
import { Peer } from "./peer.ts";

/** Opens a WebSocket at a target and reads all the time; `null` where the server does not let it. */
export async function openSocket(
  attack: Attack,
  target: string,
  { deflate = false, reads = true }: { readonly deflate?: boolean; readonly reads?: boolean } = {},
): Promise<Peer | null> {
  const peer = await Peer.open(attack);
  if (peer === null) return null;
  const fields = deflate ? { "Sec-WebSocket-Extensions": "permessage-deflate" } : {};
  await peer.write(latin1(handshake(fields, `GET ${target} HTTP/1.1`)));
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const count = await peer.read(buffer);
    if (count === null) return null;
    text += fromLatin1(buffer.subarray(0, count));
  }
  attack.count(text.slice(9, 12));
  if (reads) void countFrames(peer);
  return peer;
}

const OPCODES: Readonly<Record<number, string>> = {
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

async function countFrames(peer: Peer): Promise<void> {
  const buffer = new Uint8Array(65_536);
  let skip = 0; // bytes of a payload that are still to come
  let rest = new Uint8Array(0);
  for (;;) {
    const count = await peer.read(buffer);
    if (count === null) return;
    let bytes = new Uint8Array(rest.length + count);
    bytes.set(rest);
    bytes.set(buffer.subarray(0, count), rest.length);
    for (;;) {
      const skipped = Math.min(skip, bytes.length);
      skip -= skipped;
      bytes = bytes.subarray(skipped);
      const frame = skip > 0 ? null : readFrame(bytes);
      if (frame === null) break;
      peer.attack.count(frame.name);
      bytes = bytes.subarray(frame.head);
      skip = frame.length;
    }
    rest = bytes;
  }
}

/** The name, size of the head and length of the payload of the frame that begins here; `null` while its head is not complete. */
function readFrame(bytes: Uint8Array): { name: string; head: number; length: number } | null {
  if (bytes.length < 2) return null;
  const opcode = (bytes[0] ?? 0) & 15;
  const short = (bytes[1] ?? 0) & 127;
  const head = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < head + (opcode === 8 && short >= 2 ? 2 : 0)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = short < 126 ? short : short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
  const name = OPCODES[opcode] ?? String(opcode);
  return { name: opcode === 8 && short >= 2 ? `close ${view.getUint16(head)}` : name, head, length };
}
