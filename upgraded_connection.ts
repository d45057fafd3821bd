/**
 * The connection that the handler of `exchange.upgrade()` gets.
 *
 * @module
 */

import type { LoopTurns } from "./base/event_loop_share.ts";
import type { Connection, TlsInfo } from "./connection.ts";

const CHUNK_SIZE = 16 * 1024;

/** The parts of an {@link UpgradedConnection}. */
export interface UpgradedConnectionInit {
  /** The TLS session; `null` without TLS. */
  readonly tlsInfo: TlsInfo | null;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
  /** The turns of the event loop that the connection takes. */
  readonly turns: LoopTurns;
}

/**
 * A connection that was taken over from HTTP: over HTTP/1 the connection itself, over HTTP/2 one stream. The
 * first reads return bytes that had come behind the head of the request. No time limit of HTTP applies. The
 * connection ends when its owner calls `close()`, at an error, or when both sides have ended. Its client
 * counts as connected until then.
 *
 * Use `readable` and `writable`, or `read` and `write`; not both for one direction.
 */
export class UpgradedConnection implements Connection, Disposable {
  /** The TLS session; `null` without TLS. */
  readonly tlsInfo: TlsInfo | null;
  /** Aborts when the server stops. The server closes the connection when `shutdownTimeout` is over. */
  readonly signal: AbortSignal;
  readonly #connection: Connection;
  readonly #turns: LoopTurns;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #writable: WritableStream<Uint8Array> | null = null;
  #closed = false;
  #readEnded = false;
  #writeEnded = false;

  /** Made by the driver. */
  constructor(connection: Connection, { tlsInfo, signal, turns }: UpgradedConnectionInit) {
    this.#connection = connection;
    this.#turns = turns;
    this.tlsInfo = tlsInfo;
    this.signal = signal;
  }

  /**
   * Returns the connection underneath, which does not close itself at an error. The caller has to close it.
   */
  static underlying(upgraded: UpgradedConnection): Connection {
    return upgraded.#connection;
  }

  /** Returns the turns of the event loop, which a reader of the connection underneath has to ask for. */
  static turnsOf(upgraded: UpgradedConnection): LoopTurns {
    return upgraded.#turns;
  }

  /** The address on this side. */
  get localAddr(): Deno.Addr {
    return this.#connection.localAddr;
  }

  /** The address of the peer. */
  get remoteAddr(): Deno.Addr {
    return this.#connection.remoteAddr;
  }

  /**
   * Reads into `buffer`. Resolves with the number of bytes, or with `null` once the peer has ended its side.
   * An error closes the connection.
   */
  read(buffer: Uint8Array): Promise<number | null> {
    return this.#connection.read(buffer).then(this.#onRead, this.#onError);
  }

  /**
   * Writes some bytes of `data`, which must not change meanwhile. Resolves with the number of bytes written.
   * An error closes the connection.
   */
  write(data: Uint8Array): Promise<number> {
    return this.#connection.write(data).then(this.#onWritten, this.#onError);
  }

  readonly #onError = (error: unknown): never => {
    this.close();
    throw error;
  };
  readonly #onRead = (count: number | null): number | null | Promise<number> => {
    if (count === null) {
      this.#readEnded = true;
      if (this.#writeEnded) this.close();
      return null;
    }
    const held = this.#turns.onRead(count);
    return held === null ? count : held.then(() => count);
  };
  readonly #onWritten = (count: number): number | Promise<number> => {
    const held = this.#turns.onWrite(count);
    return held === null ? count : held.then(() => count);
  };

  /** Writes all of `data`, which must not change meanwhile. */
  async writeAll(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length;) at += await this.write(data.subarray(at));
  }

  /** Ends this side only, or both sides if the connection underneath has no `closeWrite()`. */
  async closeWrite(): Promise<void> {
    if (this.#connection.closeWrite === undefined) return this.close();
    await this.#connection.closeWrite();
    this.#writeEnded = true;
    if (this.#readEnded) this.close();
  }

  /** Closes both directions. Pending reads and writes reject. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  /** Closes the connection, so that a connection may be declared with `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The bytes of the peer as a stream, the same stream at each call. Cancelling it closes the connection. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#readable ??= new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        const buffer = new Uint8Array(CHUNK_SIZE);
        const count = await this.read(buffer);
        if (count !== null) return controller.enqueue(buffer.subarray(0, count));
        controller.close();
        if ("byobRequest" in controller) controller.byobRequest?.respond(0);
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
    return this.#readable;
  }

  /**
   * A stream to the peer, the same stream at each call. Closing it ends this side only; aborting it closes
   * the connection.
   */
  get writable(): WritableStream<Uint8Array> {
    this.#writable ??= new WritableStream({
      write: (chunk) => this.writeAll(chunk),
      close: () => this.closeWrite(),
      abort: () => this.close(),
    });
    return this.#writable;
  }
}
