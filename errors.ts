/**
 * The errors that decide what goes on the wire. Whatever else is thrown is a fault of the handler or of
 * Drover: it is logged and answered 500.
 *
 * @module
 */

import { reasonPhrase } from "./reason_phrase.ts";

/** What may be added to an {@link HttpError}. */
export interface HttpErrorOptions {
  /** Header fields for the response, such as `allow` beside 405. */
  readonly headers?: HeadersInit;
  /** What led to it: for whoever handles the error. It is never shown to the peer. */
  readonly cause?: unknown;
}

/**
 * An error with the status that answers it. A handler may throw one to get that response; the parsers throw
 * it for what a peer did wrong, with a message that ends in the section that says so.
 *
 * @example
 * ```ts
 * import { HttpError } from "@drover/http";
 *
 * const error = new HttpError(404, "No such page");
 * console.log(error.status, error.message); // 404 No such page
 * ```
 */
export class HttpError extends Error {
  /** The name of the class. */
  override readonly name: string = "HttpError";
  /** The status of the response: 400 to 599. */
  readonly status: number;
  /** Header fields for the response. */
  readonly headers: HeadersInit | undefined;

  /**
   * Makes an error that is answered with a status.
   *
   * @param status 400 to 599
   * @param message what went wrong, shown to the peer; the status' reason phrase when left out
   * @param options further header fields, and the cause
   * @throws {RangeError} when the status is not that of an error
   * @throws {TypeError} when a header field has a name or a value that none may have
   */
  constructor(status: number, message?: string, options: HttpErrorOptions = {}) {
    super(message ?? reasonPhrase(status), "cause" in options ? { cause: options.cause } : {});
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`HttpError: status is ${status}, but must be an integer from 400 to 599`);
    }
    this.status = status;
    this.headers = options.headers && new Headers(options.headers);
  }
}

/**
 * The peer is gone, or ended its side before its message was complete. A handler meets it when it reads a
 * body that nobody sends any more, and as the reason of `request.signal`. It need not be caught.
 */
export class ClientDisconnectedError extends Error {
  /** The name of the class. */
  override readonly name: string = "ClientDisconnectedError";

  /**
   * Says what was under way when the peer left.
   *
   * @param message what was under way
   * @param options the I/O error that told of it, as `cause`
   */
  constructor(message = "The client disconnected", options: ErrorOptions = {}) {
    super(message, options);
  }
}

/**
 * The reason of `request.signal`: it has the `name` and the `code` of the `DOMException` that the web's own
 * requests are aborted with.
 */
export class RequestAbortedError extends ClientDisconnectedError {
  /** As the web's `AbortController` has it. */
  override readonly name: string = "AbortError";
  /** As the `DOMException` of that name has it. */
  readonly code = 20;
}

/**
 * Whether an error is the peer's: that it left, or what was wrong with the body that a response was made of.
 */
export function isPeersFault(error: unknown): boolean {
  return error instanceof ClientDisconnectedError || error instanceof HttpError;
}
