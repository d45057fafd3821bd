/**
 * HTTP/2 connections that hold what they have: places of handlers, responses, tunnels.
 *
 * @module
 */

import { concat } from "../../support/bytes.ts";
import { Settings } from "../../support/http2_client.ts";
import type { Attack } from "../attack.ts";
import { connectHead, dataFrame, Http2Peer, requestHead } from "../wire/http2.ts";

/** Streams of one connection: as many as the server allows by default. */
const STREAMS = 100;

/** `scale` connections with a hundred uploads each, 260 bytes a second on each stream: above `minimumBodyRate`. */
export async function slowUploads(attack: Attack): Promise<void> {
  const peers = await attack.crowd(attack.scale, () => Http2Peer.open(attack));
  const streams = new Map(
    peers.map((peer) => [peer, Array.from({ length: STREAMS }, () => peer.nextStream())]),
  );
  for (const [peer, ids] of streams) {
    await peer.send(concat(ids.map((id) => requestHead(id, "/upload", { method: "POST", ends: false }))));
  }
  const start = performance.now();
  void attack.built(peers.length);
  for (let sent = 0; !attack.isOver;) {
    const piece = new Uint8Array(Math.max(1, Math.floor((performance.now() - start) * 0.26) + 260 - sent));
    sent += piece.length;
    for (const [peer, ids] of streams) await peer.send(concat(ids.map((id) => dataFrame(id, piece))));
    await attack.pass(1_000);
  }
  for (const peer of peers) peer.peer.leave();
}

/** `scale` connections whose windows are shut, each with as many large responses as it can get, again and again. */
export async function closedWindows(attack: Attack): Promise<void> {
  const settings = [[Settings.INITIAL_WINDOW_SIZE, 0]] as const;
  let waiting = 0;
  const peers = await attack.crowd(attack.scale, async () => {
    const peer = await Http2Peer.open(attack, { settings, credits: false });
    if (peer === null) return null;
    let open = 0;
    const fill = async () => {
      const frames: Uint8Array[] = [];
      for (; open < STREAMS; open++) frames.push(requestHead(peer.nextStream(), "/large?size=1048576"));
      await peer.send(concat(frames));
    };
    peer.onStreamEnd = () => {
      if (--open === 0 && !peer.isOver) void fill();
    };
    peer.onHead = () => void waiting++;
    await fill();
    return peer;
  });
  await attack.pass(1_000);
  attack.count("responses that wait", waiting);
  await attack.built(peers.length);
  await attack.rest();
  attack.count("connections at the end", peers.filter((peer) => !peer.isOver).length);
  for (const peer of peers) peer.peer.leave();
}

/** Tunnels that are opened and ended, one after the other, `scale` of them on one connection that stays. */
export async function endedTunnels(attack: Attack): Promise<void> {
  const peer = await Http2Peer.open(attack);
  if (peer === null) return;
  for (let turn = 0; turn < attack.scale && !attack.isOver && !peer.isOver; turn++) {
    const streamId = peer.nextStream();
    const ended = new Promise<void>((resolve) => {
      peer.onStreamEnd = () => resolve();
    });
    await peer.send(concat([connectHead(streamId), dataFrame(streamId, new Uint8Array(10), true)]));
    await Promise.race([ended, peer.end, attack.pass(2_000)]);
    attack.count("tunnels");
  }
  await attack.pass(300);
  await attack.built(attack.counted("tunnels"));
  await attack.rest();
  peer.peer.leave();
}
