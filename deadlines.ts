/**
 * The deadlines of all connections of a server: one coarse tick, however many there are, instead of a timer for each read.
 *
 * @module
 */

import { LONGEST_TIME } from "./base/option_checks.ts";

/** Milliseconds between two ticks: how exact a deadline is. */
export const TICK = 100;

/** Milliseconds until {@link Timed.onSoon}: most handlers have answered by then. */
const SOON = 5;

/**
 * Calls back when `milliseconds` have passed; never where that is longer than any timer waits, as `Infinity` is.
 *
 * @returns what `clearTimeout` takes
 */
export function callAfter(
  milliseconds: number,
  callback: () => void,
): ReturnType<typeof setTimeout> | undefined {
  return milliseconds > LONGEST_TIME ? undefined : setTimeout(callback, milliseconds);
}

/** What has deadlines. */
export interface Timed {
  /** Called at each tick, with the time in milliseconds of `performance.now()`. */
  onTick(now: number): void;
}

/** What may ask for a call before the next tick. */
export interface Hurried extends Timed {
  /** Called once, some milliseconds after {@link DeadlineQueue.soon}. */
  onSoon(): void;
}

/** Ticks while there is something to tick for; an open connection keeps the process alive anyway. */
export class DeadlineQueue {
  readonly #timed = new Set<Timed>();
  #timer: ReturnType<typeof setInterval> | null = null;
  #soon: Hurried[] = [];
  #soonTimer: ReturnType<typeof setTimeout> | undefined;
  #now = performance.now();

  /** The time of the last tick, in milliseconds of `performance.now()`: a clock that costs nothing to read. */
  get now(): number {
    return this.#now;
  }

  /** When `timeout` milliseconds from now will have passed for sure: the clock may be one tick behind. */
  after(timeout: number): number {
    return this.#now + timeout + TICK;
  }

  /** Begins to tick for one more. */
  add(timed: Timed): void {
    this.#timed.add(timed);
    if (this.#timer !== null) return;
    this.#now = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  /** Calls `onSoon()` in some milliseconds: one timer for all that ask meanwhile. */
  soon(timed: Hurried): void {
    if (this.#soon.push(timed) === 1) this.#soonTimer = setTimeout(() => this.#onSoon(), SOON);
  }

  #onSoon(): void {
    const waiting = this.#soon;
    this.#soon = [];
    for (const timed of waiting) timed.onSoon();
  }

  /** Ticks no more for it. */
  delete(timed: Timed): void {
    this.#timed.delete(timed);
    if (this.#timed.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    clearTimeout(this.#soonTimer);
    this.#soon = [];
  }

  #tick(): void {
    this.#now = performance.now();
    for (const timed of this.#timed) timed.onTick(this.#now);
  }
}
