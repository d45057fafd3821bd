/**
 * Budgets: how often a peer may do what costs it little and the server more.
 *
 * @module
 */

/** How often something may happen: `burst` times at once, and `perSecond` times a second in the long run. */
export interface Budget {
  /** How often it may happen at once. */
  readonly burst: number;
  /** How many tokens come back in a second; a fraction is allowed. */
  readonly perSecond: number;
}

/** A supply of tokens that fills up with time. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMillisecond: number;
  #tokens: number;
  #at: number;

  /**
   * @param budget how many tokens there are at most, and how many come back in a second
   * @param now the time, in milliseconds of any clock
   */
  constructor({ burst, perSecond }: Budget, now: number) {
    this.#burst = burst;
    this.#perMillisecond = perSecond / 1000;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes `count` tokens, also where fewer are left. Returns whether there were enough. */
  take(now: number, count = 1): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMillisecond) - count;
    this.#at = now;
    return this.#tokens >= 0;
  }

  /** Returns after how many milliseconds from `now` no token is missing. */
  delay(now: number): number {
    return this.take(now, 0) ? 0 : -this.#tokens / this.#perMillisecond;
  }

  /** Gives tokens back, because the peer did something useful. */
  give(count: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + count);
  }
}
