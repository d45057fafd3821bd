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

  /** Takes tokens, more than there are if need be; says whether there were enough. */
  take(now: number, count = 1): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMillisecond) - count;
    this.#at = now;
    return this.#tokens >= 0;
  }

  /** Milliseconds from `now` on until no token is missing. */
  delay(now: number): number {
    return this.take(now, 0) ? 0 : -this.#tokens / this.#perMillisecond;
  }

  /** Gives tokens back, for what was useful. */
  give(count: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + count);
  }
}
