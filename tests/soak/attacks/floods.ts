/**
 * Floods over HTTP/1: what keeps a server's event loop busy, from peers that read whatever they are sent.
 *
 * @module
 */

import { isReset } from "../../attacks/raw_connection.ts";
import { concat, fromLatin1, latin1 } from "../../support/bytes.ts";
import type { Attack } from "../attack.ts";
import { countStatuses, GET, head } from "../wire/http1.ts";
import { Peer } from "../wire/peer.ts";

/** Runs `scale` peers at once, each anew when it has ended, until the attack is over. */
async function hold(attack: Attack, run: (peer: Peer) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: attack.scale }, async () => {
    while (!attack.isOver) {
      const peer = await Peer.open(attack);
      if (peer === null) {
        await attack.pass(100);
        continue;
      }
      const timer = setTimeout(() => peer.leave(), attack.left);
      await run(peer);
      clearTimeout(timer);
      peer.leave();
    }
  }));
}

/** Writes the same bytes until the peer, or the attack, is over. */
async function flood(peer: Peer, bytes: Uint8Array): Promise<void> {
  while (!peer.attack.isOver && await peer.write(bytes)) continue;
}

/** Requests in one stream of bytes, hundreds in a segment. */
export async function pipelined(attack: Attack): Promise<void> {
  const many = concat(Array.from({ length: 1_000 }, () => GET));
  await hold(attack, async (peer) => {
    await Promise.all([flood(peer, many), countStatuses(peer)]);
  });
}

/** The same from peers that read nothing. */
export async function pipelinedUnread(attack: Attack): Promise<void> {
  const many = concat(Array.from({ length: 1_000 }, () => GET));
  await hold(attack, (peer) => flood(peer, many));
}

/** Uploads as fast as the server takes them. */
export async function uploads(attack: Attack): Promise<void> {
  const piece = new Uint8Array(256 * 1024);
  await hold(attack, async (peer) => {
    await peer.write(head("POST /upload", ["Content-Length: 1000000000000"]));
    await Promise.all([flood(peer, piece), countStatuses(peer)]);
  });
}

/** Chunks of one byte each. */
export async function tinyChunks(attack: Attack): Promise<void> {
  const chunks = latin1("1\r\na\r\n".repeat(5_000));
  await hold(attack, async (peer) => {
    await peer.write(head("POST /upload", ["Transfer-Encoding: chunked"]));
    await Promise.all([flood(peer, chunks), countStatuses(peer)]);
  });
}

/** Endless responses to peers that read as fast as they can. */
export async function endlessResponses(attack: Attack): Promise<void> {
  await hold(attack, async (peer) => {
    await peer.write(head("GET /endless"));
    attack.count("MiB read", Math.round(await peer.drain(262_144) / 2 ** 20));
  });
}

/** An upgraded connection that sends back what it gets. */
export async function upgradedEcho(attack: Attack): Promise<void> {
  const piece = new Uint8Array(256 * 1024);
  await hold(attack, async (peer) => {
    await peer.write(head("GET /take", ["Connection: upgrade", "Upgrade: soak"]));
    const [, bytes] = await Promise.all([flood(peer, piece), peer.drain(262_144)]);
    attack.count("MiB read", Math.round(bytes / 2 ** 20));
  });
}

/** Heads of too many lines: each of the `scale` senders writes all of it, and only then looks for the answer. */
export async function tooManyLines(attack: Attack): Promise<void> {
  const lines = Array.from({ length: 12_000 }, (_, index) => `X-${index}: ${"y".repeat(150)}`); // 2 MB
  const request = head("GET /", lines);
  await attack.crowd(attack.scale, async () => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: attack.port });
    attack.count("senders");
    const wrote = await attempt(async () => {
      for (let at = 0; at < request.length;) at += await connection.write(request.subarray(at));
    });
    if (!wrote) attack.count("writes that failed");
    await attack.pass(20);
    const buffer = new Uint8Array(12);
    await attempt(() => connection.read(buffer));
    if (fromLatin1(buffer).startsWith("HTTP/1.1 ")) attack.count(fromLatin1(buffer.subarray(9)));
    return null;
  });
}

/** Whether it succeeded, and did not meet a reset. */
async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (!isReset(error)) throw error;
    return false;
  }
}
