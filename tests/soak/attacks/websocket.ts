/**
 * Attacks by WebSocket: one socket, or a few, that keep the server busy.
 *
 * @module
 */

import { deflateRawSync } from "node:zlib";
import { concat } from "../../support/bytes.ts";
import { encodeClientFrame } from "../../support/websocket_wire.ts";
import type { Attack } from "../attack.ts";
import type { Peer } from "../wire/peer.ts";
import { openSocket } from "../wire/websocket.ts";

const TEXT = 1, BINARY = 2, PING = 9;
const COMPRESSED = 4; // RSV1 (RFC 7692 §6)

/** Sends the same bytes without end over `scale` sockets, and over another one when the server has ended one. */
async function flood(
  attack: Attack,
  bytes: Uint8Array,
  { target = "/socket", deflate = false } = {},
): Promise<void> {
  await Promise.all(Array.from({ length: attack.scale }, async () => {
    while (!attack.isOver) {
      const socket = await openSocket(attack, target, { deflate });
      if (socket !== null) await sendAll(attack, socket, bytes);
      await attack.pass(20);
    }
  }));
}

async function sendAll(attack: Attack, socket: Peer, bytes: Uint8Array): Promise<void> {
  const timer = setTimeout(() => socket.leave(), attack.left);
  while (!attack.isOver && await socket.write(bytes)) attack.count("writes");
  clearTimeout(timer);
  socket.leave();
}

/** Empty pings. */
export async function socketPings(attack: Attack): Promise<void> {
  await flood(attack, concat(Array.from({ length: 5_000 }, () => encodeClientFrame({ opcode: PING }))));
}

/** Messages of one byte. */
export async function tinyMessages(attack: Attack): Promise<void> {
  await flood(
    attack,
    concat(Array.from({ length: 5_000 }, () => encodeClientFrame({ opcode: BINARY, payload: [1] }))),
  );
}

/** Messages of a kilobyte that are a mebibyte when they are inflated. */
export async function inflateBombs(attack: Attack): Promise<void> {
  const zeros = deflateRawSync(new Uint8Array(2 ** 20), { finishFlush: 2 }); // Z_SYNC_FLUSH
  const payload = Uint8Array.from(zeros.subarray(0, -4)); // without its empty block (RFC 7692 §7.2.1)
  const bomb = encodeClientFrame({ opcode: BINARY, payload, rsv: COMPRESSED });
  await flood(attack, concat(Array.from({ length: 50 }, () => bomb)), { deflate: true });
}

/** Messages of 60 kB that are sent back, and read. */
export async function socketEcho(attack: Attack): Promise<void> {
  const message = encodeClientFrame({ opcode: BINARY, payload: new Uint8Array(60_000) });
  await flood(attack, concat([message, message]), { target: "/socket?does=echo" });
}

/** Messages that are sent back to a peer that reads nothing. */
export async function unreadEcho(attack: Attack): Promise<void> {
  const message = encodeClientFrame({ opcode: BINARY, payload: new Uint8Array(16_000) });
  const many = concat(Array.from({ length: 10 }, () => message));
  const sockets = await attack.crowd(
    attack.scale,
    () => openSocket(attack, "/socket?does=echo", { reads: false }),
  );
  await Promise.all(sockets.map((socket) => sendAll(attack, socket, many)));
}

/** Short texts behind long ones in the same segments; the server keeps the short ones. */
export async function keptTexts(attack: Attack): Promise<void> {
  const socket = await openSocket(attack, "/socket?does=keep");
  if (socket === null) return;
  const long = encodeClientFrame({ opcode: TEXT, payload: "x".repeat(30_000) });
  const short = encodeClientFrame({ opcode: TEXT, payload: "a text of twenty let" });
  const pair = concat([long, short]);
  for (let sent = 0; sent < attack.scale && !attack.isOver && await socket.write(pair); sent++) {
    attack.count("texts");
  }
  await attack.pass(1_000);
  await attack.built(attack.counted("texts"));
  socket.leave();
}
