/**
 * What a driver knows of one request, and what becomes of it. The web objects that a handler meets
 * (`ServerRequest`, `Exchange`) are views of it.
 *
 * @module
 */

import type { Client } from "./connection.ts";
import { ClientDisconnectedError, RequestAbortedError } from "./errors.ts";
import { type FieldLines, requestHeaders } from "./headers.ts";
import type { RequestBody } from "./request_body.ts";
import type { UpgradedConnection } from "./upgraded_connection.ts";

/** The version of HTTP that a request came in. */
export type Protocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";

/** Trailer fields of a response: given at once, or when the body has been sent. */
export type TrailerSource = HeadersInit | (() => HeadersInit | Promise<HeadersInit>);

/** What takes over a connection (see `Exchange.upgrade`). */
export type UpgradeHandler = (connection: UpgradedConnection) => void | Promise<void>;

const NO_TRAILERS: FieldLines = { get: () => null, toPairs: () => [] };

/**
 * One request as its driver has it. Each driver has a class of its own for it; this one holds what they
 * share: the end of the exchange, which is either delivered or aborted, once.
 */
export abstract class RequestMessage {
  /** The client that sent it. */
  abstract readonly client: Client;
  /** The version it came in. */
  abstract readonly protocol: Protocol;
  /** The method, its case kept. */
  abstract readonly method: string;
  /** The request target as received. */
  abstract readonly target: string;
  /** The absolute target URI (RFC 9110 §7.1), in the form that `new URL()` gives. */
  abstract readonly url: string;
  /** The header section. */
  abstract readonly fields: FieldLines;
  /**
   * The protocol that an extended CONNECT asks for (RFC 8441 §4), such as `websocket`; `null` for any other
   * request.
   */
  abstract readonly extendedProtocol: string | null;
  /** The body, or `null` when it has none. */
  abstract readonly body: RequestBody | null;
  /** Whether all of it was received. */
  abstract readonly received: boolean;
  /** What the handler set as trailers of the response. */
  responseTrailers: TrailerSource | null = null;

  #outcome: "pending" | "delivered" | "aborted" = "pending";
  #reason: unknown = undefined;
  #controller: AbortController | null = null;
  #interruption: unknown = undefined;
  #completed: PromiseWithResolvers<void> | null = null;
  #trailers: PromiseWithResolvers<Headers> | null = null;
  #section: FieldLines = NO_TRAILERS;
  #fault: unknown = undefined;

  /** Sends an informational response (RFC 9110 §15.2). */
  abstract inform(status: number, headers?: HeadersInit): void;

  /** Promises a response to `path`; says whether the client takes it. */
  abstract push(path: string, headers?: HeadersInit): boolean;

  /**
   * What takes over the connection (or stream) behind the head of the response, once the handler has said so.
   */
  upgradeHandler: UpgradeHandler | null = null;

  /**
   * Fails unless the request asks for what {@link RequestMessage.upgradeHandler} does, and is not over.
   *
   * @throws {ClientDisconnectedError} when the client has left
   * @throws {TypeError} when it was answered, or asks for nothing of the kind
   */
  checkUpgrade(): void {
    if (this.isInterrupted) throw this.#interruption;
    if (this.settled) throw new TypeError("exchange.upgrade: the request was answered before");
  }

  /** The trailer section, once the body is complete. */
  get trailers(): Promise<Headers> {
    if (this.#trailers === null) {
      this.#trailers = Promise.withResolvers();
      this.#trailers.promise.catch(ignore);
      if (this.#fault !== undefined) this.#trailers.reject(this.#fault);
      else if (this.received) this.#trailers.resolve(requestHeaders(this.#section));
    }
    return this.#trailers.promise;
  }

  /** All of the request was received; its trailer section, if it had one. */
  end(section: FieldLines | null): void {
    if (section !== null) this.#section = section;
    this.body?.end();
    this.#trailers?.resolve(requestHeaders(this.#section));
  }

  /** The rest of the request will not be received. */
  fail(error: unknown): void {
    if (this.received) return;
    this.#fault = error;
    this.body?.fail(error);
    this.#trailers?.reject(error);
  }

  /** Whether nothing further can be done for this request. */
  get settled(): boolean {
    return this.#outcome !== "pending";
  }

  /**
   * Whether the client has left, or at least ended its side with `halfClose: "abort"`: its signal has
   * aborted.
   */
  get isInterrupted(): boolean {
    return this.#interruption !== undefined;
  }

  /** Aborts when the client goes away, or ends its side, before the response was delivered, and only then. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.isInterrupted) this.#controller.abort(this.#interruption);
    }
    return this.#controller.signal;
  }

  /** Aborts the signal because the client has ended its side. The response may still be sent. */
  interrupt(reason: unknown): void {
    if (this.settled || this.isInterrupted) return;
    this.#interruption = asAbortReason(reason);
    this.#controller?.abort(this.#interruption);
  }

  /** Resolves when the response was handed to the connection; rejects with what prevented it. */
  get completed(): Promise<void> {
    if (this.#completed === null) {
      this.#completed = Promise.withResolvers();
      this.#completed.promise.catch(ignore);
      if (this.#outcome === "delivered") this.#completed.resolve();
      if (this.#outcome === "aborted") this.#completed.reject(this.#reason);
    }
    return this.#completed.promise;
  }

  /** The response was delivered. */
  deliver(): void {
    if (this.#outcome !== "pending") return;
    this.#outcome = "delivered";
    this.#completed?.resolve();
  }

  /** The response cannot be delivered any more. */
  abort(reason: unknown): void {
    if (this.#outcome !== "pending") return;
    this.interrupt(reason);
    this.#outcome = "aborted";
    this.#reason = reason;
    this.#completed?.reject(reason);
  }
}

/** Returns the reason of a signal. A client that left is reported by an `AbortError`, as the web does. */
function asAbortReason(reason: unknown): unknown {
  if (!(reason instanceof ClientDisconnectedError)) return reason;
  return new RequestAbortedError(reason.message, { cause: reason.cause ?? reason });
}

/** Keeps a rejection that is reported elsewhere from being an unhandled one: `promise.catch(ignore)`. */
export function ignore(): void {}

/** Calls a function of the user. Calls `onFailure` when it throws, or when its promise rejects. */
export function attempt(act: () => unknown, onFailure: (error: unknown) => void): void {
  try {
    const done = act();
    if (done instanceof Promise) done.catch(onFailure);
  } catch (error) {
    onFailure(error);
  }
}
