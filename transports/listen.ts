/**
 * Where connections come from: TCP, TLS by `Deno.listenTls`, and unix sockets.
 *
 * @module
 */

import type { Connection } from "../connection.ts";

/** Listens on a TCP port. */
export interface ListenTcpOptions {
  /** The transport, for those who write it out as `Deno.listen` has it. */
  readonly transport?: "tcp" | undefined;
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
  /** The format of `cert` and `key`; there is no other. */
  readonly keyFormat?: "pem" | undefined;
  /** The certificate chain, as PEM. */
  readonly cert: string;
  /** Its private key, as PEM. */
  readonly key: string;
}

/** Listens on a unix socket. */
export interface ListenUnixOptions {
  /** The transport, for those who write it out as `Deno.listen` has it. */
  readonly transport?: "unix" | undefined;
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

/** What says where to listen, whatever the kind; what is not allowed for lack of types is refused by {@link listen}. */
export interface Place {
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
  readonly reusePort?: boolean | undefined;
  readonly tcpBacklog?: number | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly keyFormat?: string | undefined;
  readonly path?: string | undefined;
  readonly transport?: string | undefined;
  readonly cid?: number | undefined;
}

/** Parts options into those that say where to listen, and the rest. */
export function splitOptions<T extends Place>(options: T): { place: Place; rest: Omit<T, keyof Place> } {
  const { port, hostname, reusePort, tcpBacklog, cert, key, keyFormat, path, transport, cid, ...rest } =
    options;
  return {
    place: { port, hostname, reusePort, tcpBacklog, cert, key, keyFormat, path, transport, cid },
    rest,
  };
}

/**
 * Begins to listen.
 *
 * @param place where
 * @param protocols what to offer by ALPN
 * @throws {TypeError} when the options contradict each other; else what `Deno.listen` throws
 */
export function listen(place: Place, protocols: readonly string[]): Listener {
  checkTransport(place);
  const { port, hostname, reusePort, tcpBacklog, cert, key, keyFormat, path } = place;
  if (keyFormat !== undefined && keyFormat !== "pem") {
    throw new TypeError(
      `listen: keyFormat is ${JSON.stringify(keyFormat)}, but must be "pem": convert cert and key`,
    );
  }
  if (path !== undefined) {
    if (port !== undefined) throw new TypeError("listen: give a port or a path, not both");
    if (cert !== undefined || key !== undefined) {
      throw new TypeError("listen: TLS over a unix socket is not there yet: leave out cert and key");
    }
    return Deno.listen({ transport: "unix", path });
  }
  const tcp = tcpOptions({ port: port ?? 0, hostname, reusePort, tcpBacklog });
  if (cert === undefined && key === undefined) return Deno.listen(tcp);
  if (cert === undefined || key === undefined) throw new TypeError("listen: TLS needs both cert and key");
  return Deno.listenTls({ ...tcp, cert, key, alpnProtocols: [...protocols] });
}

/** The transport follows from what else is given; where it is written out, it must be the same. */
function checkTransport({ transport, path, cid }: Place): void {
  if (cid !== undefined || transport === "vsock") {
    const given = cid === undefined ? 'transport is "vsock"' : `cid is ${cid}`;
    throw new TypeError(
      `listen: ${given}, but vsock is not supported: give a port for TCP, or the path of a unix socket`,
    );
  }
  if (transport === undefined || transport === (path === undefined ? "tcp" : "unix")) return;
  const found = `listen: transport is ${JSON.stringify(transport)}`;
  if (transport === "unix") {
    throw new TypeError(`${found}, but there is no path: give the path of the socket`);
  }
  if (transport !== "tcp") throw new TypeError(`${found}, but must be "tcp" or "unix"`);
  throw new TypeError(`${found}, but path is ${JSON.stringify(path)}: leave out one of them`);
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
