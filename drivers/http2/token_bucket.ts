/**
 * Budgets: how often a peer may do what costs it little and the server more.
 *
 * @module
 */

/** A supply of tokens that fills up with time. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMillisecond: number;
  #tokens: number;
  #at: number;

  /**
   * @param budget how many tokens there are, and how many come back a second
   * @param now the time, in milliseconds of any clock
   */
  constructor({ burst, perSecond }: { readonly burst: number; readonly perSecond: number }, now: number) {
    this.#burst = burst;
    this.#perMillisecond = perSecond / 1000;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes one token; says whether there was one. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMillisecond) - 1;
    this.#at = now;
    return this.#tokens >= 0;
  }

  /** Gives tokens back, for what was useful. */
  give(count: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + count);
  }
}
