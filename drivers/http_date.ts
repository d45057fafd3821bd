/**
 * The value of `date` (RFC 9110 §6.6.1).
 *
 * @module
 */

/** The time of the day as an IMF-fixdate (RFC 9110 §5.6.7), made once a second. */
export class HttpDate {
  #checked = -1;
  #second = -1;
  #value = "";

  /** The value now; `now` is any clock that moves at least some times a second, and saves asking the real one. */
  at(now: number): string {
    if (now !== this.#checked) {
      this.#checked = now;
      const second = Math.floor(Date.now() / 1000);
      if (second !== this.#second) this.#value = new Date(second * 1000).toUTCString();
      this.#second = second;
    }
    return this.#value;
  }
}
