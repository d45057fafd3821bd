/**
 * Peers that read slowly.
 *
 * A server does not see what its peer reads, but what the system takes to send. The systems of both sides hold up to
 * some megabytes of a connection, and take more only when a good part of that was read. So the bytes of a peer that
 * reads slowly and steadily are taken in bursts, minutes apart, and `streamTimeout` alone would cut it.
 *
 * @module
 */

import type { Options } from "../options.ts";

/** How many bytes of a connection the systems hold at most: what Linux allows a sender. */
const MOST_HELD = 4 * 1024 * 1024;

/** The part of these bytes that was read when the system takes more: a third on Linux. */
const BURST = 1 / 3;

/** How many clients of a server may be waited for beyond `streamTimeout` at the same time. */
const MOST_CLIENTS = 100;

/** The clients of a server that are waited for beyond `streamTimeout`. */
export class SlowReaders {
  readonly #clients = new Set<object>();

  /**
   * Gives a client that takes nothing more time, once for each wait.
   *
   * @param client the client
   * @param taken how many bytes of its response the system has taken
   * @param options in force for it
   * @returns milliseconds; 0 where its time is up
   */
  admit(
    client: object,
    taken: number,
    options: Pick<Options, "streamTimeout" | "minimumResponseRate">,
  ): number {
    if (this.#clients.size >= MOST_CLIENTS || this.#clients.has(client)) return 0;
    const seconds = BURST * Math.min(taken, MOST_HELD) / options.minimumResponseRate;
    const more = 1000 * seconds - options.streamTimeout;
    if (!(more > 0)) return 0;
    this.#clients.add(client);
    return more;
  }

  /** Forgets a client: it has taken something, or is gone. */
  release(client: object): void {
    this.#clients.delete(client);
  }
}
