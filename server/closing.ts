/**
 * The end of connections: a server counts a connection for as long as it costs a descriptor.
 *
 * @module
 */

import type { Connection } from "../connection.ts";
import { outlivesClose } from "../transports/deno_tls.ts";

/** Closes connections, and knows when they are gone. */
export class Closing {
  readonly #report: (error: unknown) => void;
  readonly #pending = new Map<Connection, () => void>();
  #isFinished = false;

  /** @param report logs what a connection failed with that could not be closed */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /**
   * Closes a connection. Where the platform would keep the socket, the connection is closed as soon as the
   * platform would not.
   *
   * @param onGone called once, when no descriptor is left of the connection
   */
  close(connection: Connection, onGone: () => void): void {
    this.#pending.set(connection, onGone);
    if (this.#isFinished || !outlivesClose(connection)) return this.#end(connection);
    const end = () => this.#end(connection);
    connection.closeWrite().then(end, end);
  }

  /**
   * Closes all connections at once, those of which the platform keeps the socket too, and every later one.
   */
  finish(): void {
    this.#isFinished = true;
    for (const connection of this.#pending.keys()) this.#end(connection);
  }

  #end(connection: Connection): void {
    const onGone = this.#pending.get(connection);
    if (onGone === undefined) return;
    this.#pending.delete(connection);
    try {
      connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) this.#report(error); // else it was closed already
    }
    onGone();
  }
}
