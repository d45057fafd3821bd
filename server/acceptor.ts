/**
 * The accept loop of one listener: what a single connection does, or fails to do, never ends or delays it.
 *
 * @module
 */

import type { EventLoopShare } from "../base/event_loop_share.ts";
import type { Connection } from "../connection.ts";
import type { Listener } from "../transports/listen.ts";

/** The server, as its accept loops see it. */
export interface AcceptorHost {
  /** The event loop, which floods of connections must leave to others. */
  readonly share: EventLoopShare;
  /** Whether a further connection has to wait until another one has ended. */
  isFull(): boolean;
  /** Serves a connection. Never throws. */
  admit(connection: Connection): void;
}

/**
 * The first pause after the system ran out of descriptors or memory, in milliseconds; each further one is
 * twice as long.
 */
const SHORTEST_PAUSE = 5;

/** The longest pause, in milliseconds. */
const LONGEST_PAUSE = 1000;

/**
 * How many failures of other kinds may follow each other without a pause. A peer that resets its connection
 * before it was accepted makes `accept()` fail, and may do so thousands of times a second: a pause for each
 * would stop the server. No pause at all would be an endless loop on a listener that is broken for good.
 */
const FAILURES_IN_A_ROW = 128;

/** The system ran out of descriptors (of the process, of all processes) or of memory. */
const EXHAUSTED: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/**
 * Accepts from a listener until the listener is closed. "for await" over a listener ends for good at the
 * first error, such as a peer that has reset before it was accepted; here only the end of the listener ends
 * the loop.
 */
export class Acceptor {
  readonly #listener: Listener;
  readonly #host: AcceptorHost;
  #isStopped = false;
  #pause = 0;
  #failures = 0;
  #wake: (() => void) | null = null;

  /**
   * @param listener the source of connections, which the acceptor closes when it is stopped
   * @param host takes the connections
   */
  constructor(listener: Listener, host: AcceptorHost) {
    this.#listener = listener;
    this.#host = host;
  }

  /** Accepts. Resolves when the listener is closed, and never rejects. */
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

  /** A connection has ended: there is room for another one, and a free descriptor. */
  wake(): void {
    this.#wake?.();
  }

  /** Closes the listener, unless somebody has done so before, and accepts nothing further. */
  stop(): void {
    this.#isStopped = true;
    this.wake();
    try {
      this.#listener.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /**
   * Whether the server has no room. It is asked right before a connection is admitted: all acceptors wake at
   * once.
   */
  get #mustWait(): boolean {
    return this.#host.isFull() && !this.#isStopped;
  }

  /** Pauses before the next try where it would fail too. */
  async #recover(error: unknown): Promise<void> {
    if (isExhausted(error)) {
      this.#pause = Math.min(LONGEST_PAUSE, 2 * this.#pause || SHORTEST_PAUSE);
      await this.#sleep(this.#pause);
      return;
    }
    this.#pause = 0;
    if (++this.#failures % FAILURES_IN_A_ROW === 0) await this.#sleep(SHORTEST_PAUSE);
  }

  /** Waits until {@link Acceptor.wake} is called, or for some milliseconds. */
  async #sleep(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = milliseconds === Infinity ? undefined : setTimeout(resolve, milliseconds);
    this.#wake = resolve;
    if (!this.#isStopped) await promise;
    this.#wake = null;
    clearTimeout(timer);
  }
}

/** Whether the system has too little left for another connection. */
function isExhausted(error: unknown): boolean {
  return EXHAUSTED.has(Object(error).code);
}
