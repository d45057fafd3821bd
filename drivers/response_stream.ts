/**
 * Reads the stream of a response for a driver: one chunk at a time, checked, and cancelled once when the connection ends.
 *
 * @module
 */

import { ignore } from "../message.ts";

/** The stream of one response. */
export class ResponseStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #ended = false;

  /**
   * @param stream the body of a response
   * @throws {TypeError} when it is locked
   */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /**
   * The next chunk, or `null` at the end.
   *
   * @throws what the stream fails with, and {TypeError} when it gives something other than bytes
   */
  async read(): Promise<Uint8Array | null> {
    const { done, value } = await this.#reader.read();
    if (done) {
      this.#ended = true;
      return null;
    }
    if (!(value instanceof Uint8Array)) {
      throw new TypeError("The body of a response must be a stream of Uint8Array");
    }
    return value;
  }

  /** Tells the source that nobody wants the rest. What it throws then is its own affair. */
  cancel(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader.cancel(reason).catch(ignore);
  }
}

/** Cancels the body of a response that is not sent. */
export function discardResponse(response: Response, reason: unknown): void {
  if (response.body !== null && !response.body.locked) response.body.cancel(reason).catch(ignore);
}
