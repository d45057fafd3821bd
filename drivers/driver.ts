/**
 * The contract between a client, which owns a connection, and a driver, which knows one protocol.
 *
 * @module
 */

import type { LoopTurns } from "../base/event_loop_share.ts";
import type { Client } from "../connection.ts";
import type { HttpError } from "../errors.ts";
import type { Options } from "../options.ts";
import type { ServerRequest } from "../request.ts";
import type { RequestBody } from "../request_body.ts";

/**
 * What a parser yields: `undefined` asks for bytes; a promise of `null` holds the connection until it settles. An async
 * generator awaits what it yields, so that the client sees only `undefined` or `null`.
 */
export type ParserStep = undefined | null;

/**
 * A protocol's connection as an async generator of steps.
 *
 * - A step of `undefined` is answered by `next(chunk)` with the next bytes; a step of `null` by `next(undefined)`. While a
 *   step has not settled no byte is fed, so that the peer's window fills. (A connection that is held for long is watched
 *   for its end by a read of at most one small buffer, which is fed at the next step.)
 * - A chunk is valid until the parser asks for the next one; what must live longer is copied.
 * - Where it waits for bytes, `ClientDisconnectedError` is thrown into it when the peer has ended its side, and
 *   `HttpError` 408 when the deadline that it set has passed. It answers what can be answered, and returns.
 * - A promise that rejects is thrown into it at that `yield`. A parser that throws has a bug: the client is closed.
 */
export type HttpParser = AsyncGenerator<ParserStep, void, Uint8Array | undefined>;

/**
 * Takes a request to the handler. Settles when the response exists and its writing began; `null` when that is so already.
 */
export type OnMessage = (request: ServerRequest) => Promise<null> | null;

/**
 * Queues bytes for the connection, all that is queued before the next turn of the microtask queue in one write. Up to
 * {@link COPIED_WRITE_SIZE} bytes are copied; a larger array must not change until it was written. `close` ends the
 * connection after them: this side first, then, once the peer has seen it, all.
 *
 * `null` says that `bufferSize` is not above `softStreamCap`: go on. A promise settles when it has fallen to that again, and
 * rejects with `ClientDisconnectedError` when the connection ends before.
 */
export type Write = (data: Uint8Array, close?: boolean) => Promise<null> | null;

/** The largest array that {@link Write} copies, in bytes: its memory may be used again at once. */
export const COPIED_WRITE_SIZE = 4096;

/** A client as its driver sees it: what only a driver may change is writable here. */
export interface DriverClient extends Client {
  /** The driver in charge; `null` until the TLS handshake is done. */
  readonly driver: HttpDriver | null;
  /** The generator of the driver in charge. */
  readonly parser: HttpParser | null;
  /** Whether the next response ends the connection. */
  shouldClose: boolean;
  /** How many more requests this connection may carry. */
  remainingRequests: number;
  /** Whether the peer takes pushed responses. */
  allowsPush: boolean;
  /** The bodies still being received, by stream id (HTTP/1 has one, 1); they fail when the connection ends. */
  readonly bodies: Map<number, RequestBody>;
  /** Called each time the queue of bytes to write has become empty. */
  onWriteDrain: (() => void) | null;
  /** Whether small writes are gathered, since more are likely to follow at once; for as long as a stream is sent. */
  gathersWrites: boolean;
  /** The turns of the event loop that the connection takes: a parser asks it between messages that came at once. */
  readonly turns: LoopTurns;
  /** A coarse clock, in milliseconds of `performance.now()`. */
  readonly now: number;
  /** Aborts when the connection is to end: for what was taken over, which no deadline of HTTP ends. */
  readonly stopSignal: AbortSignal;
  /**
   * Gives the peer `timeout` milliseconds from now to send what the parser waits for; `Infinity` for no limit, and the
   * same as the last time when left out. Time during which the parser is held does not count.
   */
  extendDeadline(timeout?: number): void;
  /** Reads nothing further until {@link DriverClient.resumeReading}. */
  pauseReading(): void;
  /** Reads again after {@link DriverClient.pauseReading}. */
  resumeReading(): void;
  /**
   * Puts another driver in charge, as soon as the parser that is in charge has returned.
   *
   * @param driver which is set up then
   * @param unparsed what it is fed first
   */
  replaceDriver(driver: HttpDriver, unparsed: Uint8Array): void;
  /**
   * The response to what the peer did wrong: the status and the fields of `error`, and the page that the user of the server has
   * chosen. `request` is `null` when its head could not be parsed. Never throws, never rejects.
   */
  renderError(
    error: HttpError,
    request: ServerRequest | null,
  ): globalThis.Response | Promise<globalThis.Response>;
  /**
   * The response to what the handler did wrong, where its response cannot be sent. `request` is `null` when that response is
   * itself one of {@link DriverClient.renderError}. Never throws, never rejects.
   */
  renderFailure(
    error: unknown,
    request: ServerRequest | null,
  ): globalThis.Response | Promise<globalThis.Response>;
  /** Reports what must not be lost and cannot be answered: a fault of the handler, or of Drover. */
  report(error: unknown, request: ServerRequest | null): void;
}

/** One protocol's state on one connection. A driver never sees the socket. */
export interface HttpDriver {
  /**
   * Begins, once, right after the driver was selected.
   *
   * @param client the connection that it drives
   * @param onMessage where requests go
   * @param write where bytes go
   */
  setup(client: DriverClient, onMessage: OnMessage, write: Write): HttpParser;
  /**
   * Sends the response to a request: `null` when all of it is queued, or a promise of that. The promise rejects with
   * what kept the response from being complete; the driver has then dealt with the connection.
   */
  write(request: ServerRequest, response: globalThis.Response): Promise<void> | null;
  /** How many request bodies are being received. */
  readonly pendingRequestCount: number;
  /** Dispatches nothing further; resolves when all that is pending was read and answered. */
  stop(): Promise<void>;
  /**
   * Called when the peer has ended its side: with `halfClose: "abort"`, the requests under way are aborted. Their responses may
   * still be sent. Bytes that were read before are still fed to the parser, and then its `yield` throws `ClientDisconnectedError`.
   */
  onPeerEnd?(): void;
  /**
   * Sends something that a peer ignores, where the protocol has such: called now and then while responses are pending to a
   * peer that has ended its side, to find out whether it is still there.
   */
  probe?(): void;
  /** Called at each tick of the client's clock, with its time in milliseconds: for time limits of the driver's own. */
  onTick?(now: number): void;
  /** Gives up the connection: the bytes that it was fed and has not parsed. Its parser is not asked again. */
  release(): Uint8Array;
}

/** Chooses the driver for a client. */
export interface HttpDriverFactory {
  /** The protocols to offer by ALPN (RFC 7301), best first, on a listener with these options. */
  applicationLayerProtocols(options: Options): readonly string[];
  /** Called once for each client, after its TLS handshake. */
  selectDriver(client: DriverClient): HttpDriver;
}
