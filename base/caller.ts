/**
 * Whose line an error points at.
 *
 * @module
 */

/**
 * Calls `act`. An error of it gets the stack of whoever has called `entry`, because the mistake is there.
 *
 * @param entry a function, or a class, that is being called
 */
export function blameCaller<T>(entry: CallableFunction | NewableFunction, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error) Error.captureStackTrace(error, entry);
    throw error;
  }
}
