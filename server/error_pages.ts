/**
 * Error responses: which callback renders the page of an error, and what a page cannot change.
 *
 * @module
 */

import { ClientDisconnectedError, HttpError } from "../errors.ts";
import { ServerRequest } from "../request.ts";
import { Response } from "../response.ts";

/**
 * Answers the error of a handler, in the shape of `Deno.serve`'s `onError`. The handler has thrown, has
 * rejected, has returned no `Response`, or has returned a `Response` that cannot be sent.
 *
 * It is never called for a fault of the client, such as a request or a body that is malformed, too large or
 * too slow, also if the error of the body has passed through the handler. Nor is it called for a client that
 * has left (`ClientDisconnectedError`, which is also the reason of `request.signal`).
 *
 * The response is sent unchanged. If this callback throws, or returns no `Response` that can be sent, the
 * server logs both errors and sends a short page of its own.
 */
export type ErrorHandler = (
  error: unknown,
  request: Request,
) => globalThis.Response | Promise<globalThis.Response>;

/**
 * Renders the page of every error that no {@link ErrorHandler} answers:
 *
 * - a fault of the client that Drover found; `request` is `null` when the head could not be parsed;
 * - if the server has no {@link ErrorHandler}, the error of a handler. An {@link HttpError} is passed as it
 *   is. Any other error is logged, and passed as the `cause` of an `HttpError` with status 500.
 *
 * The page decides about the content, its `content-type`, and other fields. The status and the fields of the
 * error replace those of the page. So a 405 keeps its `allow` (RFC 9110 §15.5.6), and a connection that has
 * to end says `connection: close`. The server reads the whole page before it sends the page. If this callback
 * throws, or returns no `Response` that can be sent, the server logs the failure and sends a short page of
 * its own.
 */
export type ErrorRenderer = (
  error: HttpError,
  request: Request | null,
) => globalThis.Response | Promise<globalThis.Response>;

/** The callbacks of an {@link ErrorPages}. */
export interface ErrorPagesInit {
  /** Answers the errors of handlers. */
  readonly onError: ErrorHandler | undefined;
  /** Renders the pages of all other errors. */
  readonly renderError: ErrorRenderer | undefined;
  /** Logs an error. */
  readonly report: (error: unknown, request: ServerRequest | null) => void;
}

type Page = globalThis.Response | Promise<globalThis.Response>;

/** Makes the responses to errors. No method throws, and no promise rejects. */
export class ErrorPages {
  readonly #onError: ErrorHandler | undefined;
  readonly #renderError: ErrorRenderer | undefined;
  readonly #report: (error: unknown, request: ServerRequest | null) => void;
  #count = 0;

  /** @param init the callbacks that the user of the server has given, and the log */
  constructor({ onError, renderError, report }: ErrorPagesInit) {
    this.#onError = onError;
    this.#renderError = renderError;
    this.#report = report;
  }

  /** How many errors were answered. */
  get count(): number {
    return this.#count;
  }

  /** Answers a fault of the client. */
  ofClient(fault: HttpError, request: ServerRequest | null): Page {
    this.#count++;
    return this.#render(fault, request);
  }

  /**
   * Answers the error of a handler, or a response that cannot be sent. `request` is `null` when an error page
   * without a request cannot be sent. A `ClientDisconnectedError` is neither counted nor logged, because it is
   * nobody's mistake.
   */
  ofHandler(error: unknown, request: ServerRequest | null): Page {
    if (error instanceof ClientDisconnectedError) return ownPage(new HttpError(400, error.message));
    const fault = faultOfClient(error, request);
    if (fault !== null) return isSettled(request) ? nobodyWaits() : this.ofClient(fault, request);
    this.#count++;
    if (request === null) {
      this.#report(error, null);
      return ownPage(new HttpError(500));
    }
    if (this.#onError !== undefined) return this.#ask(this.#onError, error, request);
    if (error instanceof HttpError) return this.#render(error, request);
    this.#report(error, request);
    return this.#render(new HttpError(500, undefined, { cause: error }), request);
  }

  async #ask(onError: ErrorHandler, error: unknown, request: ServerRequest): Promise<globalThis.Response> {
    try {
      const response: unknown = await onError(error, ServerRequest.toWeb(request));
      checkPage(response, "onError");
      return response;
    } catch (failure) {
      this.#report(failure, request);
      if (failure !== error && !(error instanceof HttpError)) this.#report(error, request);
      return this.#ownPage(error instanceof HttpError ? error : new HttpError(500), request);
    }
  }

  #render(fault: HttpError, request: ServerRequest | null): Page {
    if (this.#renderError === undefined) return this.#ownPage(fault, request);
    return this.#renderBy(this.#renderError, fault, request);
  }

  async #renderBy(
    render: ErrorRenderer,
    fault: HttpError,
    request: ServerRequest | null,
  ): Promise<globalThis.Response> {
    try {
      const page: unknown = await render(fault, request === null ? null : ServerRequest.toWeb(request));
      checkPage(page, "renderError");
      return await withFieldsOf(fault, page);
    } catch (failure) {
      this.#report(failure, request);
      return this.#ownPage(fault, request);
    }
  }

  /**
   * Makes the server's own page. It is a 500 if a program has changed the members of the error so that they
   * cannot be sent.
   */
  #ownPage(fault: HttpError, request: ServerRequest | null): globalThis.Response {
    try {
      return ownPage(fault);
    } catch (failure) {
      this.#report(failure, request);
      return ownPage(new HttpError(500));
    }
  }
}

/**
 * Returns the fault of the client that made a handler fail, or `null`. A handler that reads a body gets the
 * error of the body, and usually does not catch it. `fetch` wraps a copy of this error in a `TypeError`, as
 * its `cause`. Any other {@link HttpError} is the answer of the handler itself.
 */
function faultOfClient(error: unknown, request: ServerRequest | null): HttpError | null {
  const failure = request === null ? undefined : ServerRequest.messageOf(request).body?.failure;
  if (!(failure instanceof HttpError)) return null;
  if (error === failure) return failure;
  const cause = error instanceof TypeError ? error.cause : undefined;
  return cause instanceof Error && cause.message === failure.message ? failure : null;
}

function isSettled(request: ServerRequest | null): boolean {
  return request !== null && ServerRequest.messageOf(request).settled;
}

/** Makes a response to a request that was answered already, or whose client is gone. The driver drops it. */
function nobodyWaits(): globalThis.Response {
  return new Response(null, { status: 503 });
}

function checkPage(page: unknown, by: string): asserts page is globalThis.Response {
  if (!(page instanceof globalThis.Response)) {
    throw new TypeError(`${by} returned ${describe(page)}, but must return a Response`);
  }
  if (page.status === 0) throw new TypeError(`${by} returned Response.error(), which has no status to send`);
  Response.fieldsOf(page);
  Response.contentOf(page);
}

/** Returns the content and the fields of a page, with the status and the fields of the fault. */
async function withFieldsOf(fault: HttpError, page: globalThis.Response): Promise<globalThis.Response> {
  const headers = new Headers(page.headers);
  headers.delete("content-length"); // a wrong one would be noticed only after the head was sent
  for (const [name, value] of new Headers(fault.headers)) {
    if (name !== "content-type" || !headers.has(name)) headers.set(name, value);
  }
  const content = Response.contentOf(page);
  const body = content instanceof ReadableStream ? await page.bytes() : content;
  return new Response(body as BodyInit | null, { status: fault.status, headers });
}

/**
 * Makes the server's own page, whose text is the message of the error. A 500 that Drover made has its reason
 * phrase as message, so that nothing of the program is shown.
 */
function ownPage(fault: HttpError): globalThis.Response {
  const headers = new Headers(fault.headers);
  if (!headers.has("content-type")) headers.set("content-type", "text/plain;charset=UTF-8");
  return new Response(`${fault.message}\n`, { status: fault.status, headers });
}

/** Describes a value in words, for an error message. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object"
    ? `an object of class ${value.constructor?.name ?? "Object"}`
    : `a ${typeof value}`;
}
