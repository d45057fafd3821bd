/**
 * Where connections come from: TCP, TLS by `Deno.listenTls`, and unix sockets.
 *
 * @module
 */

import type { Connection } from "../connection.ts";

/** Listens on a TCP port. */
export interface ListenTcpOptions {
  /** The port; 0 for any that is free. */
  readonly port: number;
  /** The address to bind. @default {"0.0.0.0"} */
  readonly hostname?: string | undefined;
  /** Lets several processes share the port. Needs `--unstable-net`. @default {false} */
  readonly reusePort?: boolean | undefined;
  /** How many connections the system keeps for the server to accept. @default {511} */
  readonly tcpBacklog?: number | undefined;
}

/** Listens on a TCP port with TLS. */
export interface ListenTlsOptions extends ListenTcpOptions {
  /** The certificate chain, as PEM. */
  readonly cert: string;
  /** Its private key, as PEM. */
  readonly key: string;
}

/** Listens on a unix socket. */
export interface ListenUnixOptions {
  /** The path of the socket; the file must not exist. */
  readonly path: string;
}

/** Where to listen. */
export type ListenOptions = ListenTcpOptions | ListenTlsOptions | ListenUnixOptions;

/** A source of connections. Any `Deno.Listener` is one. */
export interface Listener {
  /** The address that is bound. */
  readonly addr: Deno.Addr;
  /** The next connection. */
  accept(): Promise<Connection>;
  /** Accepts nothing further. */
  close(): void;
  /** Keeps the process alive while it listens. */
  ref(): void;
  /** Does not keep the process alive. (Deno ignores it for TLS.) */
  unref(): void;
}

/** What says where to listen, whatever the kind. */
type Place = Partial<ListenTlsOptions & ListenUnixOptions>;

/** Parts options into those that say where to listen, and the rest. */
export function splitOptions<T extends ListenOptions>(
  options: T,
): { place: Place; rest: Omit<T, keyof Place> } {
  const { port, hostname, reusePort, tcpBacklog, cert, key, path, ...rest }: T & Place = options;
  return { place: { port, hostname, reusePort, tcpBacklog, cert, key, path } as Place, rest };
}

/**
 * Begins to listen.
 *
 * @param place where
 * @param protocols what to offer by ALPN
 * @throws {TypeError} when the options contradict each other; else what `Deno.listen` throws
 */
export function listen(place: Place, protocols: readonly string[]): Listener {
  const { port, hostname, reusePort, tcpBacklog, cert, key, path } = place;
  if (path !== undefined) {
    if (port !== undefined) throw new TypeError("listen: give a port or a path, not both");
    if (cert !== undefined) {
      throw new TypeError("listen: TLS over a unix socket is not there yet: leave out cert and key");
    }
    return Deno.listen({ transport: "unix", path });
  }
  const tcp = tcpOptions({ port: port ?? 0, hostname, reusePort, tcpBacklog });
  if (cert === undefined && key === undefined) return Deno.listen(tcp);
  if (cert === undefined || key === undefined) throw new TypeError("listen: TLS needs both cert and key");
  return Deno.listenTls({ ...tcp, cert, key, alpnProtocols: [...protocols] });
}

function tcpOptions(
  options: ListenTcpOptions,
): { port: number; hostname: string; reusePort?: boolean; tcpBacklog?: number } {
  const { port, hostname = "0.0.0.0", reusePort = false, tcpBacklog } = options;
  // Deno ends the process when this is asked for without the flag; an error can be caught.
  if (reusePort && !("listenDatagram" in Deno)) {
    throw new TypeError("listen: reusePort needs deno's flag --unstable-net");
  }
  return {
    port,
    hostname,
    ...(reusePort ? { reusePort } : {}),
    ...(tcpBacklog === undefined ? {} : { tcpBacklog }),
  };
}
