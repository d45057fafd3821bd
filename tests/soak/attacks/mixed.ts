/**
 * Mixed requests whose answers are checked, handlers that misbehave, and bytes that are no HTTP.
 *
 * @module
 */

import { concat, fromLatin1, latin1 } from "../../support/bytes.ts";
import type { Attack } from "../attack.ts";
import { MISDEED_NAMES } from "../misbehaviour.ts";
import { countStatuses, GET, head, readResponse } from "../wire/http1.ts";
import { Http2Peer, requestHead } from "../wire/http2.ts";
import { Peer } from "../wire/peer.ts";

/** Random numbers that come again with the same seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 to below `most`. */
  roll(most: number): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) % most;
  }
}

/** Requests of several kinds on `scale` connections; each answer is checked. */
export async function mixedRequests(attack: Attack): Promise<void> {
  const dice = new Dice(attack.seed);
  await Promise.all(Array.from({ length: attack.scale }, async (_, place) => {
    while (!attack.isOver) {
      if (place % 5 === 0) await mixedStreams(attack, dice);
      else await mixedKept(attack, dice);
    }
  }));
}

async function mixedKept(attack: Attack, dice: Dice): Promise<void> {
  const peer = await Peer.open(attack);
  if (peer === null) return attack.pass(50);
  const buffer = new Uint8Array(16_384);
  for (let turn = dice.roll(200); turn >= 0 && !attack.isOver; turn--) {
    const [request, expected] = makeRequest(dice);
    await peer.write(request);
    const response = await readResponse(peer, buffer);
    if (response === null) attack.count("unanswered");
    else attack.count(response.status === 200 && response.body === expected ? "right" : "wrong");
    if (response === null) break;
  }
  peer.leave();
}

function makeRequest(dice: Dice): readonly [request: Uint8Array, expected: string] {
  const size = dice.roll(5_000);
  const body = new Uint8Array(size);
  switch (dice.roll(4)) {
    case 0:
      return [GET, "Hello, World!"];
    case 1:
      return [concat([head("POST /upload", [`Content-Length: ${size}`]), body]), String(size)];
    case 2: {
      const chunk = concat([latin1(`${(size + 1).toString(16)}\r\na`), body, latin1("\r\n0\r\n\r\n")]);
      return [concat([head("PUT /upload", ["Transfer-Encoding: chunked"]), chunk]), String(size + 1)];
    }
    default:
      return [head(`GET /large?size=${size}`), fromLatin1(body)];
  }
}

async function mixedStreams(attack: Attack, dice: Dice): Promise<void> {
  const peer = await Http2Peer.open(attack);
  if (peer === null) return attack.pass(50);
  for (let turn = dice.roll(100); turn >= 0 && !attack.isOver && !peer.isOver; turn--) {
    const ids = Array.from({ length: 1 + dice.roll(10) }, () => peer.nextStream());
    let open = ids.length;
    const ended = new Promise<void>((resolve) => {
      peer.onStreamEnd = (_id, code) => {
        attack.count(code === null ? "right" : "refused");
        if (--open === 0) resolve();
      };
    });
    await peer.send(concat(ids.map((id) => requestHead(id, `/large?size=${dice.roll(20_000)}`))));
    await Promise.race([ended, peer.end]);
  }
  peer.peer.leave();
}

/** Every misdeed of a handler, over HTTP/1 and HTTP/2, again and again. */
export async function misdeeds(attack: Attack): Promise<void> {
  await attack.crowd(Infinity, async (index) => {
    const name = MISDEED_NAMES[index % MISDEED_NAMES.length] ?? "";
    if (index % 2 === 0) await overHttp2(attack, name);
    else await overHttp1(attack, name);
    return null;
  }, { atOnce: attack.scale });
}

async function overHttp1(attack: Attack, name: string): Promise<void> {
  const peer = await Peer.open(attack);
  if (peer === null) return;
  await peer.write(head(`GET /misbehave/${name}`, ["Connection: close"]));
  const timer = setTimeout(() => {
    attack.count(`unanswered: ${name}`);
    peer.leave();
  }, 5_000);
  await countStatuses(peer);
  clearTimeout(timer);
  peer.leave();
}

async function overHttp2(attack: Attack, name: string): Promise<void> {
  const peer = await Http2Peer.open(attack);
  if (peer === null) return;
  const ended = new Promise<void>((resolve) => {
    peer.onStreamEnd = () => resolve();
  });
  await peer.send(requestHead(peer.nextStream(), `/misbehave/${name}`));
  await Promise.race([ended, peer.end, attack.pass(5_000)]);
  peer.peer.leave();
}

const PIECES: readonly string[] = [
  "GET / HTTP/1.1\r\n",
  "POST /upload HTTP/1.1\r\n",
  "Host: soak\r\n",
  "Host: \r\n",
  "Content-Length: 5\r\n",
  "Content-Length: -1\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: \r\n",
  "Expect: 100-continue\r\n",
  "Upgrade: websocket\r\nConnection: upgrade\r\n",
  "\r\n",
  "\n",
  "5\r\nhello\r\n",
  "0\r\n\r\n",
  "fffffffffffffffff\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\0\0\0\x04\0\0\0\0\0",
  "\0\0\x04\x08\0\0\0\0\0\x7f\xff\xff\xff",
  "\0\0\x01\x01\x05\0\0\0\x01\x82",
  "\xff\xff\xff\x09\x04\0\0\0\x01",
];

/** Connections that send random pieces of messages, cut, repeated and with bytes changed. */
export async function fuzzed(attack: Attack): Promise<void> {
  const dice = new Dice(attack.seed);
  await attack.crowd(Infinity, async () => {
    const peer = await Peer.open(attack);
    if (peer === null) return null;
    attack.count("connections");
    const answers = countStatuses(peer);
    for (let turn = dice.roll(8); turn >= 0; turn--) await peer.write(scramble(dice));
    await peer.endWriting();
    const timer = setTimeout(() => peer.leave(), 300);
    await answers;
    clearTimeout(timer);
    peer.leave();
    return null;
  }, { atOnce: attack.scale });
}

function scramble(dice: Dice): Uint8Array {
  const pieces = Array.from(
    { length: 1 + dice.roll(10) },
    () => latin1(PIECES[dice.roll(PIECES.length)] ?? ""),
  );
  const bytes = concat(pieces);
  for (let turn = dice.roll(4); turn > 0; turn--) bytes[dice.roll(bytes.length)] = dice.roll(256);
  return dice.roll(3) === 0 ? bytes.subarray(0, dice.roll(bytes.length)) : bytes;
}
