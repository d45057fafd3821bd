/**
 * What a faulty header block throws.
 *
 * @module
 */

/**
 * A header block that cannot be decoded. The tables of both sides have come apart: "A decoding error in a
 * field block MUST be treated as a connection error of type COMPRESSION_ERROR" (RFC 9113 §4.3).
 */
export class CompressionError extends Error {
  /** The name of the class. */
  override readonly name: string = "CompressionError";
}
