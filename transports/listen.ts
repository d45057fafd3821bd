/**
 * Where connections come from: TCP, TLS by `Deno.listenTls`, and unix sockets.
 *
 * @module
 */

import type { Connection } from "../connection.ts";
import { explainFailure } from "./listen_errors.ts";
import { checkPlace, type Place } from "./place.ts";

/** A source of connections. Any `Deno.Listener` is one. */
export interface Listener<A extends Deno.Addr = Deno.Addr> {
  /** The address that is bound. */
  readonly addr: A;
  /** The next connection. */
  accept(): Promise<Connection>;
  /** Accepts nothing further. */
  close(): void;
  /** Keeps the process alive while it listens. */
  ref(): void;
  /** Does not keep the process alive. (Deno ignores it for TLS.) */
  unref(): void;
}

/**
 * Begins to listen.
 *
 * @param place where
 * @param protocols what to offer by ALPN
 * @throws {TypeError | RangeError} when the options contradict each other, or are none; else what
 * `Deno.listen` throws, with a message that says where, why, and what to do
 */
export function listen(place: Place, protocols: readonly string[]): Listener {
  checkPlace(place);
  try {
    return place.path === undefined ? listenTcp(place, protocols) : listenUnix(place.path, place.mode);
  } catch (error) {
    throw explainFailure(error, place);
  }
}

function listenTcp(place: Place, protocols: readonly string[]): Listener {
  const { port = 0, hostname = "0.0.0.0", reusePort, tcpBacklog, cert, key } = place;
  const tcp = {
    port,
    hostname,
    ...(reusePort ? { reusePort } : {}),
    ...(tcpBacklog === undefined ? {} : { tcpBacklog }),
  };
  if (cert === undefined || key === undefined) return Deno.listen(tcp);
  return Deno.listenTls({ ...tcp, cert, key, alpnProtocols: [...protocols] });
}

function listenUnix(path: string, mode: number | undefined): Listener {
  const listener = Deno.listen({ transport: "unix", path });
  try {
    if (mode !== undefined) Deno.chmodSync(path, mode);
    return listener;
  } catch (error) {
    listener.close();
    throw error;
  }
}
