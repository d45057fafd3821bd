/**
 * The end of connections. The server counts a connection for as long as the connection costs a descriptor.
 *
 * @module
 */

import type { Connection } from "../connection.ts";
import { outlivesClose } from "../transports/deno_tls.ts";

/** Closes connections, and calls back when their descriptors are free. */
export class Closing {
  readonly #report: (error: unknown) => void;
  readonly #pending = new Map<Connection, () => void>();
  #isFinished = false;

  /** @param report logs the error of a connection that could not be closed */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /**
   * Closes a connection. If Deno would keep its socket, the connection is closed only when Deno would free
   * the socket.
   *
   * @param onGone called once, when the descriptor of the connection is free
   */
  close(connection: Connection, onGone: () => void): void {
    if (this.#isFinished || !outlivesClose(connection)) return this.#end(connection, onGone);
    this.#pending.set(connection, onGone);
    const end = () => this.#endPending(connection);
    connection.closeWrite().then(end, end);
  }

  /**
   * Closes all connections at once, also those whose socket Deno keeps. Later calls of {@link Closing.close}
   * do the same.
   */
  finish(): void {
    this.#isFinished = true;
    for (const connection of this.#pending.keys()) this.#endPending(connection);
  }

  #endPending(connection: Connection): void {
    const onGone = this.#pending.get(connection);
    if (onGone === undefined) return;
    this.#pending.delete(connection);
    this.#end(connection, onGone);
  }

  #end(connection: Connection, onGone: () => void): void {
    try {
      connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) this.#report(error); // BadResource: closed already
    }
    onGone();
  }
}
