/**
 * Counts the running handlers and the waiting requests of clients, and of the networks that they come from.
 *
 * @module
 */

import type { Link, LinkedList } from "./linked_list.ts";
import type { Ranked, Ranking } from "./ranking.ts";

/** Why a wait has ended: the request may run, its client has left, or it has waited for too long. */
export type TurnEnd = "run" | "left" | "late";

/** One request that waits for a handler. */
export interface Turn {
  /** The client that sent it. */
  readonly client: ClientLoad;
  /** When the wait ends with `"late"`, in milliseconds of `performance.now()`. */
  readonly deadline: number;
  /** Ends the wait. */
  readonly end: (how: TurnEnd) => void;
  /**
   * The entries in the queue of all waiting requests and in that of the client; `null` after the wait.
   */
  links: { readonly all: Link<Turn>; readonly own: Link<Turn> } | null;
}

/** The load of a client or of a network. */
abstract class Load implements Ranked {
  /** How many handlers run. */
  running = 0;
  /** How many requests wait. */
  waiting = 0;
  /** @inheritdoc */
  rank = 0;
  /** @inheritdoc */
  turn = 0;
  /** @inheritdoc */
  position = -1;
}

/** The load of one network: that of all its clients together. */
export class NetworkLoad extends Load {
  /** How many connections from this network are open. */
  connections = 0;
  /** The clients that have waiting requests; `null` until a request waits for the first time. */
  clients: Ranking<ClientLoad> | null = null;
  readonly #onIdle: (() => void) | null;

  /** @param onIdle called when the network has neither a connection nor a running handler left */
  constructor(onIdle: (() => void) | null = null) {
    super();
    this.#onIdle = onIdle;
  }

  /**
   * Called when a connection or a handler has ended. A network without connections is remembered as long as
   * handlers run for it.
   */
  settle(): void {
    if (this.running === 0 && this.connections === 0) this.#onIdle?.();
  }
}

/** The load of one client. */
export class ClientLoad extends Load {
  /** The network of the client's address, set before the first request. */
  network!: NetworkLoad;
  /** The waiting requests in their order; `null` until a request waits for the first time. */
  turns: LinkedList<Turn> | null = null;
}
