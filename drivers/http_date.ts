/**
 * The value of `date` (RFC 9110 §6.6.1).
 *
 * @module
 */

// IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT (RFC 9110 §5.6.7)
const IMF_FIXDATE = /^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;

/**
 * Whether a value is a date in the one form that a sender may use (RFC 9110 §5.6.7), its day of the week the
 * right one.
 */
export function isHttpDate(value: string): boolean {
  return IMF_FIXDATE.test(value) && new Date(value).toUTCString() === value;
}

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
