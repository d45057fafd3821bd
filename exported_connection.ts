/**
 * A connection that was taken over from its client.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import type { ReadBuffer } from "./read_buffer.ts";

/** A connection whose first reads give what was received before it was taken over. */
export class ExportedConnection implements Connection {
  readonly #connection: Connection;
  readonly #onClose: () => void;
  #reader: ReadBuffer | null;
  #unread: Uint8Array;
  /** Ends this side, where the connection underneath can. */
  readonly closeWrite?: () => Promise<void>;

  /**
   * @param connection the connection underneath
   * @param unparsed what was received and not parsed
   * @param reader what may have a read under way
   * @param onClose releases what the client holds, and closes the connection
   */
  constructor(connection: Connection, unparsed: Uint8Array, reader: ReadBuffer, onClose: () => void) {
    this.#connection = connection;
    this.#unread = unparsed;
    this.#reader = reader;
    this.#onClose = onClose;
    if (connection.closeWrite !== undefined) this.closeWrite = () => connection.closeWrite!();
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
    return this.#reader === null ? this.#connection.read(buffer) : this.#readRest(buffer);
  }

  async #readRest(buffer: Uint8Array): Promise<number | null> {
    if (this.#unread.length === 0 && this.#reader?.busy) {
      const count = await this.#reader.read();
      if (count === null) return null;
      this.#unread = this.#reader.take(count);
    }
    if (this.#unread.length === 0) {
      this.#reader = null;
      return await this.#connection.read(buffer);
    }
    const count = Math.min(buffer.length, this.#unread.length);
    buffer.set(this.#unread.subarray(0, count));
    this.#unread = this.#unread.subarray(count);
    return count;
  }

  /** @inheritdoc */
  write(data: Uint8Array): Promise<number> {
    return this.#connection.write(data);
  }

  /** Closes the connection; its client counts as gone from then on. */
  close(): void {
    this.#onClose();
  }
}
