/**
 * How many handlers run at once: further requests wait in their order.
 *
 * @module
 */

/** Counts running handlers up to a limit, and lets the others in as they end. */
export class HandlerQueue {
  /** How many run. */
  running = 0;
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];

  /** @param limit how many may run at once */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Lets one in: `null` when it may run now, or a promise of its turn. */
  enter(): Promise<void> | null {
    if (this.running < this.#limit) {
      this.running++;
      return null;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** One has ended: its place goes to the next. */
  leave(): void {
    if (this.#waiting.length === 0) this.running--;
    else this.#waiting.shift()!();
  }
}
