/**
 * What is peculiar to the connections of `Deno.listenTls`.
 *
 * Deno 2.9 does not let go of the socket of such a connection when it is closed: it finishes the handshake
 * and sends all that was written first, without a time limit. So a peer that stops in the middle of its
 * handshake, or that reads no further, keeps a descriptor of the server for as long as it likes. Nothing can
 * be done about it, and after `close()` nothing tells when it is over. `closeWrite()` does: it settles when
 * the peer has taken all, or is gone.
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
