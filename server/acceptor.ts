/**
 * The accept loop of one listener. No connection can end or delay the loop by what it does.
 *
 * @module
 */

import type { EventLoopShare } from "../base/event_loop_share.ts";
import type { Connection } from "../connection.ts";
import type { Listener } from "../transports/listen.ts";

/** The part of the server that its accept loops use. */
export interface AcceptorHost {
  /** The share of the event loop, so that a flood of connections leaves turns to others. */
  readonly share: EventLoopShare;
  /** Whether a further connection has to wait until another connection has ended. */
  isFull(): boolean;
  /** Serves a connection. Never throws. */
  admit(connection: Connection): void;
}

/**
 * The first pause after the system ran out of descriptors or memory, in milliseconds. Each further pause is
 * twice as long.
 */
const SHORTEST_PAUSE = 5;

/** The longest pause, in milliseconds. */
const LONGEST_PAUSE = 1000;

/**
 * How many failures of other kinds may follow each other without a pause. A peer that resets its connection
 * before the server has accepted it makes `accept()` fail, thousands of times a second if it likes. A pause
 * after each failure would stop the server. No pause at all would be an endless loop on a broken listener.
 */
const FAILURES_IN_A_ROW = 128;

/**
 * How long a server that stops goes on to accept, in milliseconds. Accepting takes some 20 microseconds, so
 * that is enough for a full queue.
 */
const DRAIN_TIME = 10;

/** The codes of errors that say that the system ran out of descriptors or memory. */
const EXHAUSTED: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/**
 * Accepts connections until the listener is closed. A `for await` loop over a listener ends at the first
 * error, such as a peer that has reset its connection early. This loop ends only when the listener is closed.
 */
export class Acceptor {
  readonly #listener: Listener;
  readonly #host: AcceptorHost;
  #isStopped = false;
  #pause = 0;
  #failures = 0;
  #wake: (() => void) | null = null;
  #endDrain: (() => void) | null = null;

  /**
   * @param listener the source of connections; {@link Acceptor.stop} closes it
   * @param host takes the connections
   */
  constructor(listener: Listener, host: AcceptorHost) {
    this.#listener = listener;
    this.#host = host;
  }

  /** Runs the loop. Resolves when the listener is closed, and never rejects. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const held = this.#host.share.look(1);
      if (held !== null) await held;
      try {
        while (this.#mustWait) await this.#sleep(Infinity);
        const connection = await this.#listener.accept();
        this.#pause = this.#failures = 0;
        while (this.#mustWait) await this.#sleep(Infinity); // other acceptors go on meanwhile
        this.#host.admit(connection);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) break;
        await this.#recover(error);
      }
    }
  }

  /** Ends a pause, because a connection has ended: there is room for another one, and a free descriptor. */
  wake(): void {
    this.#wake?.();
  }

  /**
   * Accepts what waits in the system's queue, and then stops. The system would reset what is left in the
   * queue, though the client takes its connection for accepted.
   */
  async drain(): Promise<void> {
    await this.#sleepUntilStopped(DRAIN_TIME);
    this.stop();
  }

  /** Ends the loop, and closes the listener unless it is closed already. */
  stop(): void {
    this.#endDrain?.();
    this.#isStopped = true;
    this.wake();
    try {
      this.#listener.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /**
   * Whether the server has no room. The loop checks this again right before it admits a connection, because
   * all acceptors wake at once, and another one may have taken the room.
   */
  get #mustWait(): boolean {
    return this.#host.isFull() && !this.#isStopped;
  }

  /** Pauses after an error if the next `accept()` would probably fail as well. */
  async #recover(error: unknown): Promise<void> {
    if (isExhausted(error)) {
      this.#pause = Math.min(LONGEST_PAUSE, 2 * this.#pause || SHORTEST_PAUSE);
      await this.#sleep(this.#pause);
      return;
    }
    this.#pause = 0;
    if (++this.#failures % FAILURES_IN_A_ROW === 0) await this.#sleep(SHORTEST_PAUSE);
  }

  /** Waits until {@link Acceptor.stop} is called, at most for `milliseconds`. */
  async #sleepUntilStopped(milliseconds: number): Promise<void> {
    if (this.#isStopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#endDrain = resolve;
    await promise;
    this.#endDrain = null;
    clearTimeout(timer);
  }

  /** Waits until {@link Acceptor.wake} is called, at most for `milliseconds`. */
  async #sleep(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = milliseconds === Infinity ? undefined : setTimeout(resolve, milliseconds);
    this.#wake = resolve;
    if (!this.#isStopped) await promise;
    this.#wake = null;
    clearTimeout(timer);
  }
}

/** Whether an error says that the system has too little left for another connection. */
function isExhausted(error: unknown): boolean {
  return EXHAUSTED.has(Object(error).code);
}
