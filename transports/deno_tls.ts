/**
 * A peculiarity of the connections of `Deno.listenTls`.
 *
 * When such a connection is closed, Deno 2.9 keeps its socket until it has finished the handshake and sent
 * all that was written, without a time limit. So a peer that stops in its handshake, or stops reading, keeps
 * a descriptor of the server for as long as it likes. No call frees the socket, and after `close()` no event
 * shows when it is free. `closeWrite()` settles when the peer has taken everything, or is gone.
 *
 * @module
 */

import type { Connection } from "../connection.ts";

/** A connection whose socket outlives `close()`. */
export interface LingeringConnection extends Connection {
  /** Settles when `close()` would let go of the socket at once. */
  closeWrite(): Promise<void>;
}

/**
 * Whether a connection is one of `Deno.listenTls`. Deno does not export the class, only its name can be seen.
 */
export function outlivesClose(connection: Connection): connection is LingeringConnection {
  return connection.handshake !== undefined && connection.constructor.name === "TlsConn";
}
