/**
 * A stream as a connection: what the handler of `exchange.upgrade()` is given over HTTP/2 (RFC 9113 §8.5,
 * RFC 8441 §5).
 *
 * @module
 */

import type { Connection } from "../connection.ts";
import { ClientDisconnectedError } from "../errors.ts";
import { ignore } from "../message.ts";
import type { RequestBody } from "../request_body.ts";
import type { DriverClient } from "./driver.ts";
import { ErrorCode } from "./http2/error_code.ts";
import type { Sender } from "./http2/sender.ts";
import type { Http2Stream } from "./http2/stream.ts";

const NOTHING = new Uint8Array(0);

/** What ends a stream before its time. */
export interface StreamResetter {
  /** Sends RST_STREAM. */
  reset(stream: Http2Stream, code: ErrorCode, reason: unknown): void;
}

/** The bytes of one stream in both directions. It lives as long as the stream. */
export class StreamConnection implements Connection {
  readonly #client: DriverClient;
  readonly #stream: Http2Stream;
  readonly #sender: Sender;
  readonly #resetter: StreamResetter;
  readonly #stopper = new AbortController();
  #rest = NOTHING;
  #closed = false;

  /**
   * @param client whose stream it is
   * @param stream the stream
   * @param sender sends on it
   * @param resetter ends it
   */
  constructor(client: DriverClient, stream: Http2Stream, sender: Sender, resetter: StreamResetter) {
    this.#client = client;
    this.#stream = stream;
    this.#sender = sender;
    this.#resetter = resetter;
    this.#followStop(client.stopSignal);
  }

  // A client's signal lives as long as its connection: the listeners of every tunnel that has ended would
  // stay with it.
  #followStop(stop: AbortSignal): void {
    const onStop = () => this.#stopper.abort(stop.reason);
    if (stop.aborted) return onStop();
    stop.addEventListener("abort", onStop);
    this.#stream.onClosed = () => stop.removeEventListener("abort", onStop);
  }

  /**
   * Aborts when the client is to stop, unless the stream has ended before; a signal for this stream alone.
   */
  get stopSignal(): AbortSignal {
    return this.#stopper.signal;
  }

  /** The address on this side of the connection underneath. */
  get localAddr(): Deno.Addr {
    return this.#client.connection.localAddr;
  }

  /** The address of the peer of the connection underneath. */
  get remoteAddr(): Deno.Addr {
    return this.#client.connection.remoteAddr;
  }

  get #body(): RequestBody | null {
    return this.#stream.message?.body ?? null;
  }

  /**
   * Reads what the peer has sent; rejects with `ClientDisconnectedError` when the stream was reset or the
   * client is gone.
   */
  async read(buffer: Uint8Array): Promise<number | null> {
    this.#check();
    if (this.#rest.length === 0) {
      const bytes = await this.#body?.read() ?? null;
      if (bytes === null) return null;
      this.#rest = bytes;
    }
    const count = Math.min(buffer.length, this.#rest.length);
    buffer.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  /** Writes all of `data`, as fast as the peer takes it. */
  async write(data: Uint8Array): Promise<number> {
    this.#check();
    while (this.#stream.sent !== null) await this.#stream.sent.promise; // writes go out one after the other
    this.#check();
    const held = this.#sender.sendData(this.#stream, data, false);
    if (held !== null) await held;
    return data.length;
  }

  /** Ends this side of the stream: END_STREAM. */
  async closeWrite(): Promise<void> {
    if (this.#stream.ended) return;
    await this.#sender.sendData(this.#stream, NOTHING, true);
  }

  /**
   * Ends the stream: in good order where all that was written is on its way, with RST_STREAM where the peer
   * still sends.
   */
  close(): void {
    if (this.#closed) throw new TypeError("The connection was closed before");
    this.#closed = true;
    this.finish();
  }

  /** Ends what is left of the stream. */
  finish(): void {
    const stream = this.#stream;
    if (stream.data !== null) return this.#reset(ErrorCode.CANCEL);
    const held = stream.ended ? null : this.#sender.sendData(stream, NOTHING, true);
    if (held === null) this.#reset(ErrorCode.NO_ERROR);
    else held.then(() => this.#reset(ErrorCode.NO_ERROR), ignore);
  }

  #reset(code: ErrorCode): void {
    if (this.#stream.state === "closed") return;
    this.#resetter.reset(
      this.#stream,
      code,
      new ClientDisconnectedError("The connection was closed on this side"),
    );
  }

  #check(): void {
    if (this.#closed) throw new TypeError("The connection was closed");
  }
}
