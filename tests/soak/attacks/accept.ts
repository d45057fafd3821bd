/**
 * Attacks on the accept loop: resets before a connection is accepted, no descriptors left, handshakes that nobody ends.
 *
 * @module
 */

import { connect } from "node:net";
import { captureClientHello } from "../../attacks/client_hello.ts";
import { type Attack, UNHURRIED } from "../attack.ts";
import { head } from "../wire/http1.ts";
import { Peer } from "../wire/peer.ts";

/** Connects, and resets as soon as the handshake of TCP is over. */
function resetOne({ port, attack }: { readonly port: number; readonly attack: Attack }): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      attack.count("resets sent");
      socket.resetAndDestroy();
    });
    socket.once("error", (error) => attack.count(`connect: ${"code" in error ? error.code : error.name}`));
    socket.once("close", () => resolve());
  });
}

/**
 * `scale` connections at once, all reset at once, every two seconds. A handler that computes for 60 ms keeps the server from
 * accepting any of them before.
 */
export async function resetBurst(attack: Attack): Promise<void> {
  while (!attack.isOver) {
    const busy = await Peer.open(attack);
    await busy?.write(head("GET /block?ms=60"));
    await attack.pass(3);
    for (let made = 0; made < attack.scale; made++) void resetOne({ port: attack.port, attack });
    await attack.pass(2_000);
    busy?.leave();
  }
}

/** `scale` resets a second, evenly. */
export async function resetSteadily(attack: Attack): Promise<void> {
  const start = performance.now();
  for (let made = 0; !attack.isOver;) {
    const due = (performance.now() - start) * attack.scale / 1000;
    for (; made < due; made++) void resetOne({ port: attack.port, attack });
    await attack.pass(10);
  }
}

/** More connections than the server has descriptors for. */
export async function exhaustDescriptors(attack: Attack): Promise<void> {
  const peers = await attack.crowd(attack.scale, () => Peer.open(attack));
  await attack.built(peers.length);
  await attack.rest();
  for (const peer of peers) peer.leave();
}

/** `scale` TLS handshakes: a part of the ClientHello, and then nothing. */
export async function abandonHandshakes(attack: Attack): Promise<void> {
  const hello = await captureClientHello();
  const connections = await attack.crowd(attack.scale, async (index) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: attack.port });
    if (index % 2 === 0) await connection.write(hello.subarray(0, 60));
    return connection;
  }, UNHURRIED);
  await attack.pass(3_000); // longer than `tlsSetupTimeout`
  await attack.built(connections.length);
  await attack.rest();
  for (const connection of connections) connection.close();
}
