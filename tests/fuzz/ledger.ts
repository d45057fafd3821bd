/**
 * Remembers promises that must settle, so that one that never does is found.
 *
 * @module
 */

import { demand } from "./target.ts";

/** The promises of one case. */
export class Ledger {
  readonly #open = new Map<number, string>();
  #count = 0;

  /** Remembers a promise by what it is for, and gives it back. */
  track<T>(what: string, promise: Promise<T>): Promise<T> {
    const id = this.#count++;
    this.#open.set(id, what);
    const settle = () => void this.#open.delete(id);
    promise.then(settle, settle);
    return promise;
  }

  /** Fails where a promise has not settled. */
  demandSettled(): void {
    demand(this.#open.size === 0, `never settled: ${[...this.#open.values()].slice(0, 5).join(", ")}`);
  }
}
