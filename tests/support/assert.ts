/**
 * The assertions of the tests, in one place and without a dependency.
 *
 * @module
 */

import { deepStrictEqual } from "node:assert/strict";

/** Fails unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}

/** Fails unless both are equal in value, deeply. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    if (message === undefined || !(error instanceof Error)) throw error;
    throw new Error(`${message}: ${error.message}`, { cause: error });
  }
}

/** Fails unless `text` matches. */
export function assertMatch(text: string, pattern: RegExp, message = "the text"): void {
  assert(pattern.test(text), `${message} does not match ${pattern}: ${JSON.stringify(text)}`);
}

/** Fails unless `value` is one of `allowed`. */
export function assertOneOf<T>(value: T, allowed: readonly T[], message: string): void {
  assert(allowed.includes(value), `${message}: got ${value}, allowed ${allowed.join(", ")}`);
}

/** Fails unless `text` lacks `part`. */
export function assertLacks(text: string, part: string, message = "the text"): void {
  assert(!text.includes(part), `${message} contains ${JSON.stringify(part)}: ${JSON.stringify(text)}`);
}

/** Fails unless the promise rejects, and gives what it rejected with. */
export async function rejection(promise: Promise<unknown>, what: string): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof Error, `${what} rejected with something that is not an Error: ${error}`);
    return error;
  }
  throw new Error(`${what} did not reject`);
}

/** Fails unless the call throws, and gives what it threw. */
export function thrown(call: () => unknown, what: string): Error {
  try {
    call();
  } catch (error) {
    assert(error instanceof Error, `${what} threw something that is not an Error: ${error}`);
    return error;
  }
  throw new Error(`${what} did not throw`);
}
