/**
 * Time in the tests: a deadline on everything that is awaited, and turns of the event loop instead of sleeps.
 *
 * @module
 */

/** How long a test waits for what ought to happen at once, in milliseconds. */
export const usualDeadline = 5_000;

/** The value of `promise`, or an error that says what did not happen within `milliseconds`. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  milliseconds = usualDeadline,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} did not happen within ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lets everything that is ready run: `count` turns of the event loop. */
export async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0);
    });
  }
}

/** Passes time where a peer must be seen to be slow, `milliseconds` of it. */
export function pass(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Waits until `probe` says yes, and fails when that takes longer than `milliseconds`. */
export async function until(
  what: string,
  probe: () => boolean,
  milliseconds = usualDeadline,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!probe()) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${milliseconds} ms`);
    await pass(2);
  }
}

/** Waits until `probe` has given the same number for `milliseconds`, and gives it. */
export async function steady(probe: () => number, milliseconds = 150): Promise<number> {
  let value = probe();
  let since = performance.now();
  while (performance.now() - since < milliseconds) {
    await pass(5);
    const next = probe();
    if (next !== value) [value, since] = [next, performance.now()];
  }
  return value;
}
