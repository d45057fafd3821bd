/**
 * Holds requests back while the peer has not taken the responses to earlier ones, so that a client that asks
 * and does not read cannot fill the memory.
 *
 * Neither the parser nor another stream waits for them: WINDOW_UPDATE and RST_STREAM are taken as ever.
 *
 * @module
 */

import type { Http2Stream } from "./stream.ts";

/**
 * How many handlers that do not answer at once are begun without a pause. Behind them the handlers that need
 * no turn of the event loop are given some turns of the microtask queue to answer, so that the size of their
 * responses is known.
 */
const BURST = 8;
const PAUSE = 8;

/** What a dispatcher needs of its driver. */
export interface DispatcherHost {
  /** How many bytes of responses the connection holds. */
  readonly held: number;
  /** Gives a request to its handler; says whether the response exists already. */
  run(stream: Http2Stream): boolean;
  /** Reports what must not be lost: a fault of Drover. */
  report(error: unknown): void;
}

/** The requests of one connection on their way to the handler. */
export class Dispatcher {
  readonly #limit: number;
  readonly #host: DispatcherHost;
  readonly #now: () => number;
  readonly #waiting: Http2Stream[] = [];
  #begun = 0;
  #pauses = false;
  #scheduled = false;

  /**
   * @param limit above which responses that are held hold requests back, in bytes
   * @param host the driver
   * @param now the clock
   */
  constructor(limit: number, host: DispatcherHost, now: () => number) {
    this.#limit = limit;
    this.#host = host;
    this.#now = now;
  }

  /**
   * Dispatches the request of a stream: now, or once less is held; the most urgent first, and of one urgency
   * in their order.
   */
  dispatch(stream: Http2Stream): void {
    if (this.#waiting.length === 0 && this.#mayRun) return this.#run(stream);
    stream.waitsSince = this.#now();
    const { urgency } = stream.priority;
    const at = this.#waiting.findIndex((other) => other.priority.urgency > urgency);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, stream);
  }

  /** Forgets a stream that is closed. */
  remove(stream: Http2Stream): void {
    if (stream.waitsSince === Infinity) return;
    stream.waitsSince = Infinity;
    this.#waiting.splice(this.#waiting.indexOf(stream), 1);
  }

  /** Less is held than before: dispatches what may be, when the code under way has come to its end. */
  onReleased(): void {
    if (this.#scheduled || this.#waiting.length === 0 || !this.#mayRun) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#runWaiting();
    });
  }

  get #mayRun(): boolean {
    return !this.#pauses && this.#host.held <= this.#limit;
  }

  #runWaiting(): void {
    while (this.#waiting.length > 0 && this.#mayRun) {
      const stream = this.#waiting.shift()!;
      stream.waitsSince = Infinity;
      this.#run(stream);
    }
  }

  #run(stream: Http2Stream): void {
    if (this.#host.run(stream) || ++this.#begun < BURST) return;
    this.#begun = 0;
    this.#pauses = true;
    this.#pause().catch((error) => this.#host.report(error));
  }

  async #pause(): Promise<void> {
    for (let turn = 0; turn < PAUSE; turn++) await null;
    this.#pauses = false;
    this.#runWaiting();
  }
}
