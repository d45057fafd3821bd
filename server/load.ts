/**
 * What clients, and the networks that they come from, have of the handlers of a server.
 *
 * @module
 */

import type { Link, LinkedList } from "./linked_list.ts";
import type { Ranked, Ranking } from "./ranking.ts";

/** Why a request waits no longer: it may run, its client has left, or it has waited for too long. */
export type TurnEnd = "run" | "left" | "late";

/** One request that waits for a handler. */
export interface Turn {
  /** The client that sent it. */
  readonly client: ClientLoad;
  /** When it has waited for too long, in milliseconds of `performance.now()`. */
  readonly deadline: number;
  /** Ends the wait. */
  readonly end: (how: TurnEnd) => void;
  /**
   * Its places among all requests that wait, and among those of its client; `null` once it waits no longer.
   */
  links: { readonly all: Link<Turn>; readonly own: Link<Turn> } | null;
}

/** What one party has. */
abstract class Load implements Ranked {
  /** Handlers that run for it. */
  running = 0;
  /** Requests of it that wait. */
  waiting = 0;
  /** @inheritdoc */
  rank = 0;
  /** @inheritdoc */
  turn = 0;
  /** @inheritdoc */
  position = -1;
}

/** What one network has: all of its clients together. */
export class NetworkLoad extends Load {
  /** Connections from this network that are open. */
  connections = 0;
  /** The clients of which requests wait; `null` until there is one. */
  clients: Ranking<ClientLoad> | null = null;
  readonly #onIdle: (() => void) | null;

  /** @param onIdle called when there is neither a connection nor a running handler any more */
  constructor(onIdle: (() => void) | null = null) {
    super();
    this.#onIdle = onIdle;
  }

  /**
   * A connection or a handler has ended. A client that has left is remembered for as long as its handlers
   * run.
   */
  settle(): void {
    if (this.running === 0 && this.connections === 0) this.#onIdle?.();
  }
}

/** What one client has. */
export class ClientLoad extends Load {
  /** The network of its address: set before its first request. */
  network!: NetworkLoad;
  /** Its requests that wait, in their order; `null` until there is one. */
  turns: LinkedList<Turn> | null = null;
}
