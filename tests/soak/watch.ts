/**
 * Watches a server while it is attacked: resident memory and descriptors from the system, figures by the side channel.
 *
 * @module
 */

import { pass } from "../support/deadline.ts";
import type { Outcome, Sample } from "./case.ts";
import type { ServerProcess } from "./server_process.ts";

/** Milliseconds between two looks. */
const INTERVAL = 100;

/** A watch over one server. */
export class Watch {
  readonly #server: ServerProcess;
  readonly #watching: Promise<void>;
  #ended = false;
  #asking: Promise<void> | null = null;
  #askedAt = 0;
  #resident = 0;
  #descriptors = 0;
  #clients = 0;
  /** The clients when the server was last looked at. */
  lastClients = 0;
  /** The longest time that the event loop did not turn, and that the side channel got no answer; milliseconds. */
  stuck = 0;
  silent = 0;

  constructor(server: ServerProcess) {
    this.#server = server;
    this.#watching = this.#watch();
  }

  /** The highest figures so far. */
  get peak(): Outcome["peak"] {
    return { resident: this.#resident, descriptors: this.#descriptors, clients: this.#clients };
  }

  /** Ends the watch. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#watching;
    if (this.#asking !== null) this.silent = Math.max(this.silent, performance.now() - this.#askedAt);
  }

  /** Takes a sample into account that was made elsewhere. */
  see({ stats, resident, descriptors }: Sample): void {
    this.lastClients = stats.clients;
    this.#clients = Math.max(this.#clients, stats.clients);
    this.#resident = Math.max(this.#resident, resident);
    this.#descriptors = Math.max(this.#descriptors, descriptors);
  }

  async #watch(): Promise<void> {
    while (!this.#ended) {
      const { resident, descriptors } = this.#server.child.figures();
      this.#resident = Math.max(this.#resident, resident || 0);
      this.#descriptors = Math.max(this.#descriptors, descriptors || 0);
      this.#asking ??= this.#ask();
      await pass(INTERVAL);
    }
  }

  async #ask(): Promise<void> {
    this.#askedAt = performance.now();
    try {
      const sample = await this.#server.sample();
      this.see(sample);
      this.stuck = Math.max(this.stuck, sample.stuck);
      this.silent = Math.max(this.silent, performance.now() - this.#askedAt);
      this.#asking = null;
    } catch (error) {
      if (!(error instanceof Error)) throw error; // the server is silent, or gone: the end of the watch says so
    }
  }
}
