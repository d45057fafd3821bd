/**
 * Limits how many handlers run at once, and decides which request is next. `server/README.md` explains the
 * rule.
 *
 * @module
 */

import type { DeadlineQueue, Timed } from "../deadlines.ts";
import { LinkedList } from "./linked_list.ts";
import type { ClientLoad, NetworkLoad, Turn, TurnEnd } from "./load.ts";
import { Ranking } from "./ranking.ts";

/** The limits of a {@link HandlerQueue}. */
export interface HandlerLimits {
  /** How many handlers may run at once. */
  readonly handlerLimit: number;
  /** How many requests may wait at once. */
  readonly handlerQueueLimit: number;
  /** How long a request may wait, in milliseconds. */
  readonly handlerQueueTimeout: number;
}

/**
 * Shares the places for handlers, and the places for waiting requests, among the clients.
 *
 * A client may take a place while its load is below its share: `(client + network) / 2 < free * (free /
 * limit)`, where `client` counts the places of the client and `network` those of its network. A request that
 * may not run waits. The next free place goes to the client with the smallest load; clients with equal loads
 * take turns.
 */
export class HandlerQueue implements Timed {
  readonly #limits: HandlerLimits;
  readonly #deadlines: DeadlineQueue;
  readonly #turns = new LinkedList<Turn>(); // in the order of their deadlines
  readonly #networks = new Ranking<NetworkLoad>(); // those that have waiting requests
  #running = 0;
  #idle: PromiseWithResolvers<void> | null = null;
  #isAbandoned = false;
  #lastTurn = 0; // counts up: a client with a lower `turn` began to wait, or was served, earlier

  /**
   * @param limits of the server; @param deadlines calls back at each tick, to end waits that take too long
   */
  constructor(limits: HandlerLimits, deadlines: DeadlineQueue) {
    this.#limits = limits;
    this.#deadlines = deadlines;
  }

  /** How many handlers run. */
  get running(): number {
    return this.#running;
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#turns.size;
  }

  /** Takes a place for a handler. Returns `false` when the request has to wait. */
  enter(client: ClientLoad): boolean {
    if (!this.#mayRun(client.running + client.network.running)) return false;
    this.#take(client);
    return true;
  }

  /** Gives a place back, because a handler has ended. */
  leave(client: ClientLoad): void {
    const { network } = client;
    this.#running--;
    client.running--;
    if (--network.running === 0) network.settle();
    if (this.#turns.size > 0) {
      if (network.waiting > 0) this.#rank(client);
      this.#admit();
    }
    if (this.#running === 0) this.#idle?.resolve();
  }

  /** Resolves when no handler runs; `null` when none runs now, or after {@link HandlerQueue.abandon}. */
  get idle(): Promise<void> | null {
    if (this.#running === 0 || this.#isAbandoned) return null;
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  /** Resolves {@link HandlerQueue.idle} at once, though handlers still run. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#idle?.resolve();
  }

  /**
   * Waits for a place. The place is taken when the promise resolves with `"run"`.
   *
   * @param client whose request waits
   * @param left aborts when the client leaves
   * @returns a promise of how the wait ends; `null` when there is no place to wait
   */
  wait(client: ClientLoad, left: AbortSignal): Promise<TurnEnd> | null {
    const { handlerQueueLimit, handlerQueueTimeout } = this.#limits;
    if (!mayTake(client.waiting + client.network.waiting, handlerQueueLimit, this.#turns.size)) return null;
    if (this.#turns.size === 0) this.#deadlines.add(this);
    const { promise, resolve: end } = Promise.withResolvers<TurnEnd>();
    const deadline = this.#deadlines.after(handlerQueueTimeout);
    const turn: Turn = { client, deadline, end, links: null };
    this.#add(turn);
    left.addEventListener("abort", () => this.#end(turn, "left"), { once: true });
    if (left.aborted) this.#end(turn, "left");
    return promise;
  }

  /** Ends the waits that have taken longer than `handlerQueueTimeout`. */
  onTick(now: number): void {
    for (let turn = this.#turns.first; turn !== null && turn.deadline <= now; turn = this.#turns.first) {
      this.#end(turn, "late");
    }
  }

  /**
   * Gives the free place to the first client of the ranking, if this client may take one. If not, no other
   * client may take one either, because the first client has the smallest load.
   */
  #admit(): void {
    const network = this.#networks.first;
    if (network === null || !this.#mayRun(network.rank)) return;
    const client = network.clients!.first!;
    client.turn = network.turn = ++this.#lastTurn;
    this.#take(client);
    this.#end(client.turns!.first!, "run");
  }

  #mayRun(load: number): boolean {
    return mayTake(load, this.#limits.handlerLimit, this.#running);
  }

  #take(client: ClientLoad): void {
    this.#running++;
    client.running++;
    client.network.running++;
    if (client.network.waiting > 0) this.#rank(client);
  }

  #add(turn: Turn): void {
    const { client } = turn;
    client.turns ??= new LinkedList();
    turn.links = { all: this.#turns.add(turn), own: client.turns.add(turn) };
    if (client.waiting++ === 0) client.turn = ++this.#lastTurn;
    if (client.network.waiting++ === 0) client.network.turn = ++this.#lastTurn;
    this.#rank(client);
  }

  #end(turn: Turn, how: TurnEnd): void {
    if (turn.links === null) return;
    const { client, links } = turn;
    turn.links = null;
    this.#turns.remove(links.all);
    client.turns!.remove(links.own);
    client.waiting--;
    client.network.waiting--;
    this.#rank(client);
    if (this.#turns.size === 0) this.#deadlines.delete(this);
    turn.end(how);
  }

  /**
   * Updates the places of a client and of its network in the rankings of those that have waiting requests.
   */
  #rank(client: ClientLoad): void {
    const { network } = client;
    network.clients ??= new Ranking();
    client.rank = client.running;
    place(network.clients, client);
    network.rank = network.running + (network.clients.first?.rank ?? 0);
    place(this.#networks, network);
  }
}

/**
 * Whether a client may take one more of `limit` places. `load` adds the places of the client and of its
 * network.
 */
function mayTake(load: number, limit: number, taken: number): boolean {
  if (limit === Infinity) return true;
  const free = limit - taken;
  return load * limit < 2 * free * free;
}

function place<T extends ClientLoad | NetworkLoad>(ranking: Ranking<T>, load: T): void {
  if (load.waiting === 0) {
    if (load.position >= 0) ranking.remove(load);
  } else if (load.position >= 0) ranking.update(load);
  else ranking.add(load);
}
