/**
 * Error responses: who is asked for the page of an error, and what holds whatever the page is.
 *
 * @module
 */

import { ClientDisconnectedError, HttpError } from "../errors.ts";
import { ServerRequest } from "../request.ts";
import { Response } from "../response.ts";

/**
 * Answers what a handler threw, in the shape of `Deno.serve`'s `onError`: an error or a rejection, a return
 * value that is no `Response`, a `Response` that cannot be sent. It never gets what a client did wrong: a
 * request or a body that is malformed, too large or too slow is answered without it, also where the error
 * passed through the handler that was reading the body. Nor does it get that a client has left, which is a
 * `ClientDisconnectedError`, as the reason of `request.signal` is.
 *
 * Its response is sent as it is. Where it throws, or gives no `Response` that can be sent, both errors are
 * logged and the server's own page is sent.
 */
export type ErrorHandler = (
  error: unknown,
  request: Request,
) => globalThis.Response | Promise<globalThis.Response>;

/**
 * Renders the page of every error that nobody else answers:
 *
 * - what a client did wrong, found by Drover, with `request` being `null` where the head could not be parsed;
 * - where there is no {@link ErrorHandler}, what a handler threw: an {@link HttpError} as it is, and anything
 *   else, which is logged, as an `HttpError` of status 500 with the thrown value as its `cause`.
 *
 * The response has the status of the error and the header fields of the error, whatever the page says: a 405
 * keeps its `allow` (RFC 9110 §15.5.6), and a connection that has to end says `connection: close`. The page
 * decides about the content and all other fields. It is read completely before it is sent. Where the renderer
 * throws, or gives no `Response` that can be sent, the failure is logged and the server's own page is sent.
 */
export type ErrorRenderer = (
  error: HttpError,
  request: Request | null,
) => globalThis.Response | Promise<globalThis.Response>;

/** What an {@link ErrorPages} asks and tells. */
export interface ErrorPagesInit {
  /** Answers what a handler threw. */
  readonly onError: ErrorHandler | undefined;
  /** Renders what is left. */
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

  /** Makes pages by what the user of the server gave. */
  constructor({ onError, renderError, report }: ErrorPagesInit) {
    this.#onError = onError;
    this.#renderError = renderError;
    this.#report = report;
  }

  /** How many errors were answered. */
  get count(): number {
    return this.#count;
  }

  /** Answers what a client did wrong. */
  ofClient(fault: HttpError, request: ServerRequest | null): Page {
    this.#count++;
    return this.#render(fault, request);
  }

  /**
   * Answers what a handler threw, or a response that cannot be sent; `request` is `null` for an error page
   * that cannot. That the client has left is no error: hardly anybody waits for the answer.
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
   * The server's own page; a program may have changed the members of an error, so that they cannot be sent.
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
 * The client's fault that made a handler fail, or `null`. A handler that reads a body gets the error of the
 * body, and mostly passes it on; `fetch` wraps it in a `TypeError` with a copy as its `cause`. An {@link
 * HttpError} that the handler made of it is the handler's answer.
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

/** The response to a request that was answered already, or whose client is gone: the driver drops it. */
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

/** The content and the fields of a page, with the status and the fields of the fault. */
async function withFieldsOf(fault: HttpError, page: globalThis.Response): Promise<globalThis.Response> {
  const headers = new Headers(page.headers);
  headers.delete("content-length"); // that of the page may be wrong, which would be found out too late
  for (const [name, value] of new Headers(fault.headers)) {
    if (name !== "content-type" || !headers.has(name)) headers.set(name, value);
  }
  const content = Response.contentOf(page);
  const body = content instanceof ReadableStream ? await page.bytes() : content;
  return new Response(body as BodyInit | null, { status: fault.status, headers });
}

/**
 * The server's own page: the message of an error. The message of a 500 that Drover made is its reason phrase.
 */
function ownPage(fault: HttpError): globalThis.Response {
  const headers = new Headers(fault.headers);
  if (!headers.has("content-type")) headers.set("content-type", "text/plain;charset=UTF-8");
  return new Response(`${fault.message}\n`, { status: fault.status, headers });
}

/** A value in words, for an error message. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object"
    ? `an object of class ${value.constructor?.name ?? "Object"}`
    : `a ${typeof value}`;
}
