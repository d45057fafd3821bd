/**
 * Slow and idle peers.
 *
 * @module
 */

import { concat, latin1 } from "../../support/bytes.ts";
import { type Attack, UNHURRIED } from "../attack.ts";
import { countStatuses, GET, head, readHead } from "../wire/http1.ts";
import { Peer } from "../wire/peer.ts";

/** Opens `scale` peers, each of which begins with `first` and then sends `rest` a second, and counts the answers. */
async function drip(attack: Attack, first: Uint8Array, rest: Uint8Array): Promise<void> {
  const endings: Promise<void>[] = [];
  const peers = await attack.crowd(attack.scale, async () => {
    const peer = await Peer.open(attack);
    if (peer === null) return null;
    await peer.write(first);
    endings.push(countStatuses(peer));
    return peer;
  }, UNHURRIED);
  await attack.built(peers.length);
  while (!attack.isOver && peers.some((peer) => !peer.isOver)) {
    await attack.pass(1_000);
    await Promise.all(peers.map((peer) => peer.isOver ? null : peer.write(rest)));
  }
  for (const peer of peers) peer.leave();
  await Promise.all(endings);
}

/** Heads that come at one byte a second (Slowloris). */
export async function slowHeads(attack: Attack): Promise<void> {
  await drip(attack, latin1("GET / HTTP/1.1\r\nHost: soak\r\nX-Slow: "), latin1("a"));
}

/** Bodies that come at 50 bytes a second. */
export async function slowBodies(attack: Attack): Promise<void> {
  await drip(attack, head("POST /upload", ["Content-Length: 100000"]), new Uint8Array(50));
}

/** Connections with one request each, and then idle; with a pause after the last of them has gone. */
export async function idleConnections(attack: Attack): Promise<void> {
  const peers = await attack.crowd(attack.scale, async () => {
    const peer = await Peer.open(attack);
    if (peer === null || !await peer.write(GET)) return null;
    attack.count(String(await readHead(peer)));
    return peer;
  }, UNHURRIED);
  await attack.built(peers.length);
  await attack.rest();
  for (const peer of peers) peer.leave();
}

/** 150 connections a second, `scale` in all, that ask for an endless response each, and read nothing of it. */
export async function unreadResponses(attack: Attack): Promise<void> {
  const request = head("GET /endless");
  const peers = await attack.crowd(attack.scale, async () => {
    const peer = await Peer.open(attack);
    return peer !== null && await peer.write(request) ? peer : null;
  }, { perSecond: 150 });
  await attack.pass(1_000);
  await attack.built(peers.length);
  await attack.rest();
  for (const peer of peers) peer.leave();
}

/** Heads with a long target and a long field, one byte in a write. */
export async function byteByByteHeads(attack: Attack): Promise<void> {
  const request = head(`GET /${"t".repeat(8_000)}`, [`X-Long: ${"v".repeat(20_000)}`]);
  await attack.crowd(Infinity, async () => {
    const peer = await Peer.open(attack);
    if (peer === null) return null;
    const end = countStatuses(peer);
    for (let at = 0; at < request.length && !attack.isOver && !peer.isOver; at++) {
      await peer.write(request.subarray(at, at + 1));
    }
    if (!attack.isOver) await peer.write(concat([head("GET /", ["Connection: close"])]));
    if (attack.isOver) peer.leave();
    await end;
    return null;
  }, { atOnce: attack.scale });
}

/** `scale` readers of an endless response at 3 kB a second: slow, but no attack. */
export async function slowReaders(attack: Attack): Promise<void> {
  const peers = await attack.crowd(attack.scale, async () => {
    const peer = await Peer.open(attack);
    return peer !== null && await peer.write(head("GET /endless")) ? peer : null;
  });
  const buffer = new Uint8Array(300);
  while (!attack.isOver) {
    await attack.pass(100);
    await Promise.all(peers.map((peer) => peer.read(buffer)));
  }
  await attack.built(peers.length); // the server knows who was cut: in the kernel's buffers there is still much to read
  for (const peer of peers) peer.leave();
}
