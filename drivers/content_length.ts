/**
 * The value of `Content-Length` (RFC 9110 §8.6), which any version of HTTP checks a body against.
 *
 * @module
 */

import { HttpError } from "../errors.ts";

// 15 digits stay below 2^53, so that arithmetic is exact; 999 TB are more than any limit
const DIGITS_LIMIT = 15;
const LEADING_ZEROS = /^0+(?=[0-9])/;
const DIGITS = /^[0-9]+$/;

/**
 * Content-Length = 1*DIGIT (RFC 9110 §8.6).
 *
 * @throws {HttpError} 400; 413 when it has more digits than any body could
 */
export function parseContentLength(value: string): number {
  // A list of equal values MAY be taken for one (RFC 9110 §8.6); it is refused, as repeated lines are: nobody sends it rightly.
  if (!DIGITS.test(value)) {
    throw new HttpError(400, "Content-Length is not a number, or is given more than once (RFC 9110 §8.6)");
  }
  const digits = value.replace(LEADING_ZEROS, "");
  if (digits.length > DIGITS_LIMIT) {
    throw new HttpError(413, "Content-Length is beyond any limit (RFC 9110 §8.6)");
  }
  let length = 0;
  for (let index = 0; index < digits.length; index++) {
    length = length * 10 + (digits.charCodeAt(index) - 0x30);
  }
  return length;
}

/**
 * The length that a handler declares for its response.
 *
 * @throws {RangeError} when it is none
 */
export function declaredLength(value: string): number {
  try {
    return parseContentLength(value);
  } catch (cause) {
    throw new RangeError(
      `The response declares content-length ${JSON.stringify(value)}, which is no length`,
      { cause },
    );
  }
}
