export class AssertionError extends Error {}
export function assert(condition: unknown, message?: string): asserts condition;
export function assertFalse(condition: unknown, message?: string): asserts condition is false;
export function assertEquals<T>(actual: T, expected: T, message?: string): void;
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void;
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): asserts actual is T;
export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T>;
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: abstract new (...parameters: never[]) => T,
  message?: string,
): asserts actual is T;
export function assertMatch(actual: string, expected: RegExp, message?: string): void;
export function assertStringIncludes(actual: string, expected: string, message?: string): void;
export function assertGreater<T>(actual: T, expected: T, message?: string): void;
export function assertLess<T>(actual: T, expected: T, message?: string): void;
export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void;
export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void;
export function assertThrows<E extends Error = Error>(
  run: () => unknown,
  errorClass: abstract new (...parameters: never[]) => E,
  messageIncludes?: string,
): E;
export function assertRejects<E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  errorClass: abstract new (...parameters: never[]) => E,
  messageIncludes?: string,
): Promise<E>;
export function fail(message?: string): never;
