/**
 * A connection that was taken over from its client.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { ignore } from "./message.ts";
import type { ReadBuffer } from "./read_buffer.ts";

const NOTHING = new Uint8Array(0);

/** What an exported connection takes over from its client. */
export interface Exported {
  /** What was received and not parsed. */
  readonly unparsed: Uint8Array;
  /** What may have a read under way. */
  readonly reader: ReadBuffer;
  /** Settles when all that was queued before is written; `null` where nothing was. */
  readonly flushed: Promise<void> | null;
  /** Releases what the client holds, and closes the connection. */
  readonly onClose: () => void;
}

/** A connection whose first reads give what was received before it was taken over. */
export class ExportedConnection implements Connection {
  readonly #connection: Connection;
  readonly #onClose: () => void;
  #flushed: Promise<void> | null;
  #reader: ReadBuffer | null;
  #unread: Uint8Array;
  #isClosed = false;
  readonly #pending = new Set<(error: Error) => void>(); // of an encrypted connection
  /** Ends this side, where the connection underneath can. */
  readonly closeWrite?: () => Promise<void>;

  /** @param connection the connection underneath; @param exported what is taken over with it */
  constructor(connection: Connection, { unparsed, reader, flushed, onClose }: Exported) {
    this.#connection = connection;
    this.#unread = unparsed;
    this.#reader = reader;
    this.#onClose = onClose;
    this.#flushed = flushed;
    flushed?.then(() => this.#flushed = null);
    if (connection.closeWrite !== undefined) {
      this.closeWrite = () => this.#afterwards(() => connection.closeWrite!());
    }
  }

  /** What comes behind what its client has still to write. */
  #afterwards<T>(act: () => Promise<T>): Promise<T> {
    return this.#flushed === null ? act() : this.#flushed.then(act);
  }

  /** @inheritdoc */
  get localAddr(): Deno.Addr {
    return this.#connection.localAddr;
  }

  /** @inheritdoc */
  get remoteAddr(): Deno.Addr {
    return this.#connection.remoteAddr;
  }

  /** @inheritdoc */
  read(buffer: Uint8Array): Promise<number | null> {
    return this.#guard(() => this.#reader === null ? this.#connection.read(buffer) : this.#readRest(buffer));
  }

  async #readRest(buffer: Uint8Array): Promise<number | null> {
    if (this.#unread.length === 0 && this.#reader?.busy) {
      const count = await this.#reader.read();
      if (count === null) return null;
      this.#unread = this.#reader.take(count);
    }
    if (this.#unread.length === 0) {
      this.#reader?.release();
      this.#reader = null;
      this.#unread = NOTHING; // an array without a byte may keep the memory around it
      return await this.#connection.read(buffer);
    }
    const count = Math.min(buffer.length, this.#unread.length);
    buffer.set(this.#unread.subarray(0, count));
    this.#unread = this.#unread.subarray(count);
    return count;
  }

  /** @inheritdoc */
  write(data: Uint8Array): Promise<number> {
    return this.#guard(() => this.#afterwards(() => this.#connection.write(data)));
  }

  /**
   * Makes a read or write that {@link ExportedConnection.interrupt} rejects. A connection that is not encrypted does so
   * itself when it is closed; the end of one that is may take its time.
   */
  #guard<T>(act: () => Promise<T>): Promise<T> {
    if (this.#connection.handshake === undefined) return act();
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource("The connection is closed"));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#pending.add(reject);
    promise.finally(() => this.#pending.delete(reject)).catch(ignore);
    act().then(resolve, reject);
    return promise;
  }

  /** Closes the connection, once what its client had to write is written; the client counts as gone from then on. */
  close(): void {
    if (this.#flushed === null) this.#onClose();
    else this.#flushed.then(this.#onClose);
  }

  /** Rejects reads and writes: called when the client is closed, by whomever. */
  interrupt(): void {
    this.#isClosed = true;
    for (const reject of this.#pending) reject(new Deno.errors.Interrupted("The connection was closed"));
  }
}
