/**
 * The small types that every layer shares: a {@link Connection} (what Drover needs of a `Deno.Conn`) and the read-only
 * {@link Client} that a handler sees of it.
 *
 * @module
 */

import type { Options } from "./options.ts";

/** What is known of the TLS session under a connection. */
export interface TlsInfo {
  /** The protocol chosen by ALPN (RFC 7301), or `null` when the client offered none. */
  readonly alpnProtocol: string | null;
}

/**
 * One bidirectional byte connection: the part of `Deno.Conn` that a server needs, so that any `Deno.Conn` is one as it
 * stands and a test can make one in memory.
 *
 * The server that is given a connection owns it: it alone reads, writes and closes from then on.
 */
export interface Connection {
  /** The address on this side. May throw when the socket is dead already. */
  readonly localAddr: Deno.Addr;
  /** The address of the peer. May throw when the socket is dead already. */
  readonly remoteAddr: Deno.Addr;
  /** Reads into `buffer`: the number of bytes, or `null` once the peer has ended its side. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `data` and says how many bytes; `data` must not change before that. */
  write(data: Uint8Array): Promise<number>;
  /** Closes both directions; pending reads and writes are rejected. */
  close(): void;
  /** Ends this side only (TCP FIN, TLS close_notify). Without it, ending this side closes the connection. */
  closeWrite?(): Promise<void>;
  /** Completes the TLS handshake; its absence says that the connection is not encrypted. */
  handshake?(): Promise<{ readonly alpnProtocol: string | null }>;
  /** Turns Nagle's algorithm off or on. */
  setNoDelay?(noDelay?: boolean): void;
}

/** The directions of a connection that are over, as a bit mask (see {@link Client.status}). */
export const ClientStatus = {
  /** Both directions are open. */
  Open: 0,
  /** The peer has ended its side: nothing more will be read. */
  ClosedRead: 1,
  /** This side has been ended: nothing more will be written. */
  ClosedWrite: 2,
  /** Both directions are over. */
  Closed: 3,
} as const;

/** A value of {@link ClientStatus}. */
export type ClientStatus = typeof ClientStatus[keyof typeof ClientStatus];

/**
 * One connected peer, as a handler sees it: everything here is read-only but for the calls that end or take over the
 * connection. It lives from the moment the connection is accepted until {@link Client.close} or the peer ends it.
 */
export interface Client {
  /** Unique among the clients of this process. */
  readonly id: number;
  /** The connection underneath. It belongs to the server; take it over with {@link Client.export}. */
  readonly connection: Connection;
  /** The options in force on the listener that accepted this client. */
  readonly options: Options;
  /** The peer's IP address, or the path of a unix socket (`""` when it has none). */
  readonly remoteAddress: string;
  /** The peer's port, or `null` on a unix socket. */
  readonly remotePort: number | null;
  /** The IP address that the peer connected to, or the path of the unix socket. */
  readonly localAddress: string;
  /** The port that the peer connected to, or `null` on a unix socket. */
  readonly localPort: number | null;
  /** Whether the connection came over a unix socket. */
  readonly isUnix: boolean;
  /** Whether the connection is encrypted by TLS. */
  readonly isEncrypted: boolean;
  /** What is known of the TLS session; `null` without TLS or before the handshake is done. */
  readonly tlsInfo: TlsInfo | null;
  /** Bytes that wait to be written to the connection. */
  readonly bufferSize: number;
  /**
   * Settles when {@link Client.bufferSize} has fallen to `options.softStreamCap`; `null` while it is not above it.
   * Rejects with `ClientDisconnectedError` when the connection ends before that.
   */
  readonly drained: Promise<null> | null;
  /** Whether the response under way, or the next one, ends the connection. */
  readonly shouldClose: boolean;
  /** Which directions are over: a mask of {@link ClientStatus}. */
  readonly status: ClientStatus;
  /** Whether the connection was taken over by {@link Client.export}. */
  readonly isExported: boolean;
  /** How many more requests this connection may carry; `Infinity` without `options.requestLimit`. */
  readonly remainingRequests: number;
  /** Requests whose body is still being received. */
  readonly pendingRequestCount: number;
  /** Requests that were dispatched and are not completely answered. */
  readonly pendingResponseCount: number;
  /** Whether the peer waits for us: more responses are pending than request bodies. */
  readonly isWaitingOnResponse: boolean;
  /** Whether the peer takes pushed responses (HTTP/2 SETTINGS_ENABLE_PUSH). */
  readonly allowsPush: boolean;
  /** When the peer's time is up, in milliseconds of `performance.now()`; `Infinity` while nothing is asked of it. */
  readonly deadline: number;
  /** Calls back once when the connection is over; at once if it is over already. An error of one is reported to `log`. */
  onClose(callback: (client: Client) => void): void;
  /** Ends the connection now: unanswered requests are aborted, queued bytes dropped. Calling it again does nothing. */
  close(): void;
  /**
   * Ends the connection gracefully: nothing further is dispatched, what runs is answered, and what is left after
   * `timeout` milliseconds is cut. Resolves when the connection is closed, and never rejects.
   */
  stop(timeout: number): Promise<void>;
  /**
   * Hands over the connection. Its first reads give the bytes that were received but not yet parsed; no time limit of
   * HTTP applies any more. The client counts as connected until the taker closes it.
   *
   * @throws {TypeError} when it was exported before or is closed.
   */
  export(): Connection;
}
