/**
 * The deadlines of all connections of a server. One coarse tick for all connections replaces a timer per
 * read.
 *
 * @module
 */

import { LONGEST_TIME } from "./base/option_checks.ts";

/** Milliseconds between two ticks. A deadline is met with this precision. */
export const TICK = 100;

/** Milliseconds until {@link Timed.onSoon}: most handlers have answered by then. */
const SOON = 5;

/**
 * Calls back after `milliseconds`. Never calls back for `Infinity`, or any time that is too long for a timer.
 *
 * @returns the argument for `clearTimeout`
 */
export function callAfter(
  milliseconds: number,
  callback: () => void,
): ReturnType<typeof setTimeout> | undefined {
  return milliseconds > LONGEST_TIME ? undefined : setTimeout(callback, milliseconds);
}

/** An object that has deadlines. */
export interface Timed {
  /** Called at each tick, with the time in milliseconds of `performance.now()`. */
  onTick(now: number): void;
}

/** An object that may ask for a call before the next tick. */
export interface Hurried extends Timed {
  /** Called once, some milliseconds after {@link DeadlineQueue.soon}. */
  onSoon(): void;
}

/** Ticks while it has entries. The timer keeps the process alive, as the open connections do anyway. */
export class DeadlineQueue {
  readonly #timed = new Set<Timed>();
  #timer: ReturnType<typeof setInterval> | null = null;
  #soon: Hurried[] = [];
  #soonTimer: ReturnType<typeof setTimeout> | undefined;
  #now = performance.now();

  /**
   * The time of the last tick, in milliseconds of `performance.now()`. It costs less to read than a clock.
   */
  get now(): number {
    return this.#now;
  }

  /**
   * Returns the time after `timeout` milliseconds, plus one tick, because `now` may be one tick behind.
   */
  after(timeout: number): number {
    return this.#now + timeout + TICK;
  }

  /** Adds an object whose `onTick()` is called from now on. */
  add(timed: Timed): void {
    this.#timed.add(timed);
    if (this.#timer !== null) return;
    this.#now = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  /** Calls `onSoon()` in some milliseconds. All objects that ask meanwhile share one timer. */
  soon(timed: Hurried): void {
    if (this.#soon.push(timed) === 1) this.#soonTimer = setTimeout(() => this.#onSoon(), SOON);
  }

  #onSoon(): void {
    const waiting = this.#soon;
    this.#soon = [];
    for (const timed of waiting) timed.onSoon();
  }

  /** Removes an object. Its `onTick()` is no longer called. */
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
