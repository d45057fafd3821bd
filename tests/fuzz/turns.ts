/**
 * Real time while the clock is a fake one, and turns of the event loop that cost microseconds: a timer of 0 ms costs two milliseconds.
 *
 * @module
 */

import { setImmediate } from "node:timers";

const { setTimeout, clearTimeout } = globalThis;
const performanceNow = performance.now.bind(performance);

/** The real time, in milliseconds. */
export function realNow(): number {
  return performanceNow();
}

/** Lets everything that is ready run: `count` turns of the event loop. */
export async function quickTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** The value of a promise, or `late()` when it takes longer than `milliseconds` of real time. */
export async function limited<T>(promise: Promise<T>, milliseconds: number, late: () => T): Promise<T> {
  const { promise: timeout, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    return await Promise.race([promise, timeout.then(late)]);
  } finally {
    clearTimeout(timer);
  }
}
