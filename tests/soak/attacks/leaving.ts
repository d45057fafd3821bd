/**
 * Peers that leave while something is made, kept or waited for on their behalf.
 *
 * @module
 */

import { latin1 } from "../../support/bytes.ts";
import { hpackBlock, requestFields } from "../../support/http2_client.ts";
import { type Attack, UNHURRIED } from "../attack.ts";
import { countStatuses, GET, head, readHead, readResponse } from "../wire/http1.ts";
import { headersFrame, Http2Peer } from "../wire/http2.ts";
import { Peer } from "../wire/peer.ts";

/** Clients of an event stream, who leave while it is idle. */
export async function leftEvents(attack: Attack): Promise<void> {
  const peers = await attack.crowd(attack.scale, async () => {
    const peer = await Peer.open(attack);
    if (peer === null || !await peer.write(head("GET /events"))) return null;
    attack.count(String(await readHead(peer)));
    return peer;
  });
  await attack.built(peers.length);
  for (const peer of peers) peer.leave();
  attack.count("left", peers.length);
  await attack.rest();
}

/** Clients who ask for an upgrade, and leave while the handler opens what it needs for it. */
export async function leftUpgrades(attack: Attack): Promise<void> {
  await attack.crowd(attack.scale, async () => {
    const peer = await Peer.open(attack);
    if (peer === null) return null;
    await peer.write(head("GET /upstream", ["Connection: upgrade", "Upgrade: soak"]));
    await attack.pass(60);
    peer.leave();
    attack.count("left");
    return null;
  });
  await attack.pass(1_000);
  await attack.built(attack.counted("left"));
}

/** Takes the places of all handlers that one client after the other can have. */
async function takePlaces(attack: Attack): Promise<Peer[]> {
  const holders = await attack.crowd(30, async () => {
    const peer = await Peer.open(attack);
    return peer !== null && await peer.write(head("GET /never")) ? peer : null;
  });
  await attack.pass(300);
  return holders;
}

/** All handlers' places are taken; who then asks, sends a part of a body, and leaves, must not stay in the queue. */
export async function departedWaiting(attack: Attack): Promise<void> {
  const holders = await takePlaces(attack);
  const request = head("POST /upload", ["Content-Length: 200000", `X-Large: ${"x".repeat(20_000)}`]);
  const part = new Uint8Array(120_000);
  await attack.crowd(attack.scale, async () => {
    const peer = await Peer.open(attack);
    if (peer === null) return null;
    void peer.write(request).then(() => peer.write(part));
    await attack.pass(20);
    peer.leave();
    attack.count("left");
    return null;
  }, { atOnce: 16 });
  await attack.pass(1_500);
  await attack.built(attack.counted("left"));
  for (const peer of holders) peer.leave();
}

/** All handlers' places are taken, and `scale` clients ask and stay: some wait, others are turned away. */
export async function standingWaiting(attack: Attack): Promise<void> {
  const holders = await takePlaces(attack);
  const request = head("GET /", ["Connection: close"]);
  const endings: Promise<void>[] = [];
  const peers = await attack.crowd(attack.scale, async () => {
    const peer = await Peer.open(attack);
    if (peer === null || !await peer.write(request)) return null;
    endings.push(countStatuses(peer));
    return peer;
  }, UNHURRIED);
  await attack.built(peers.length);
  await Promise.race([Promise.all(endings), attack.rest()]);
  for (const peer of [...holders, ...peers]) peer.leave();
}

/** Heads of 30 KB, of which the server keeps a short part; by what `/keep?what=` names. */
function keepers(what: "header" | "target" | "url"): (attack: Attack) => Promise<void> {
  return async (attack) => {
    const request = head(`GET /keep?what=${what}`, [
      `X-Large: ${"x".repeat(30_000)}`,
      "X-Keep: a value of twenty let",
    ]);
    const buffer = new Uint8Array(4096);
    const peers = await attack.crowd(10, () => Peer.open(attack));
    const each = attack.scale / peers.length;
    await Promise.all(peers.map(async (peer) => {
      for (let sent = 0; sent < each && !attack.isOver && await peer.write(request); sent++) {
        const response = await readResponse(peer, buffer);
        if (response === null) break;
        attack.count(String(response.status));
      }
    }));
    await attack.built(attack.counted("200"));
    for (const peer of peers) peer.leave();
  };
}

/** Header values that are kept. */
export const keptHeaders: (attack: Attack) => Promise<void> = keepers("header");
/** Targets that are kept. */
export const keptTargets: (attack: Attack) => Promise<void> = keepers("target");
/** URLs that are kept. */
export const keptUrls: (attack: Attack) => Promise<void> = keepers("url");

/** Header values that are kept, out of field blocks of 30 KB. */
export async function keptHttp2Headers(attack: Attack): Promise<void> {
  const peer = await Http2Peer.open(attack);
  if (peer === null) return;
  const block = hpackBlock(requestFields("GET", "/keep?what=header", [
    ["x-large-1", "x".repeat(15_000)],
    ["x-keep", "a value of twenty let"],
  ]));
  for (let sent = 0; sent < attack.scale && !attack.isOver && !peer.isOver; sent++) {
    const ended = new Promise<void>((resolve) => {
      peer.onStreamEnd = () => resolve();
    });
    await peer.send(headersFrame(peer.nextStream(), block));
    await Promise.race([ended, peer.end]);
  }
  await attack.built(attack.counted("200"));
  peer.peer.leave();
}

/** Clients that come and go in every state: before a byte, in a head, in a body, in a response, after one. */
export async function comeAndGo(attack: Attack): Promise<void> {
  const beginnings: readonly (readonly [string, Uint8Array])[] = [
    ["nothing", new Uint8Array(0)],
    ["head", latin1("GET / HTT")],
    ["body", head("POST /upload", ["Content-Length: 1000"])],
    ["chunk", head("POST /upload", ["Transfer-Encoding: chunked"])],
    ["handler", head("GET /never")],
    ["response", head("GET /endless")],
    ["events", head("GET /events")],
    ["after", GET],
  ];
  await attack.crowd(Infinity, async (index) => {
    const [state, bytes] = beginnings[index % beginnings.length] ?? ["nothing", new Uint8Array(0)];
    const peer = await Peer.open(attack);
    if (peer === null) return null;
    await peer.write(bytes);
    if (index % 3 === 0) await attack.pass(20);
    if (index % 5 === 0) await peer.endWriting();
    peer.leave();
    attack.count(`left: ${state}`);
    return null;
  }, { atOnce: attack.scale });
}
