/**
 * Where to listen, as it is given, and the checks of it.
 *
 * @module
 */

import { checkPem } from "./pem.ts";

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
  /** The certificate chain, as PEM: the text of the file, not its path. */
  readonly cert: string;
  /** Its private key, as PEM. */
  readonly key: string;
}

/** Listens on a unix socket. */
export interface ListenUnixOptions {
  /** The transport, for those who write it out as `Deno.listen` has it. */
  readonly transport?: "unix" | undefined;
  /**
   * The path of the socket. Nothing may be there yet: the socket of a program that was killed has to be
   * removed first.
   */
  readonly path: string;
  /**
   * The permissions of the socket, such as `0o660` for the user and the group; by default what the umask of
   * the process leaves. They are set after the socket was made. Until then, for less than a millisecond, it
   * has those of the umask: where that matters, put the socket in a folder that nobody else may enter, or set
   * `Deno.umask()` before.
   */
  readonly mode?: number | undefined;
}

/** Where to listen. */
export type ListenOptions = ListenTcpOptions | ListenTlsOptions | ListenUnixOptions;

/** What says where to listen, whatever the kind; {@link checkPlace} refuses what the types do not. */
export interface Place {
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
  readonly reusePort?: boolean | undefined;
  readonly tcpBacklog?: number | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly keyFormat?: string | undefined;
  readonly path?: string | undefined;
  readonly mode?: number | undefined;
  readonly transport?: string | undefined;
  readonly cid?: number | undefined;
}

/** Parts options into those that say where to listen, and the rest. */
export function splitOptions<T extends Place>(options: T): { place: Place; rest: Omit<T, keyof Place> } {
  const { port, hostname, reusePort, tcpBacklog, cert, key, keyFormat, path, mode, transport, cid, ...rest } =
    options;
  return {
    place: { port, hostname, reusePort, tcpBacklog, cert, key, keyFormat, path, mode, transport, cid },
    rest,
  };
}

/**
 * Checks where to listen, as far as this can be done without listening.
 *
 * @throws {TypeError | RangeError} when something is missing, or is no such thing, or contradicts something
 * else
 */
export function checkPlace(place: Place): void {
  checkTransport(place);
  if (place.keyFormat !== undefined && place.keyFormat !== "pem") {
    throw new TypeError(
      `listen: keyFormat is ${JSON.stringify(place.keyFormat)}, but must be "pem": convert cert and key`,
    );
  }
  if (place.path !== undefined) checkUnix(place, place.path);
  else checkTcp(place);
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

function checkUnix({ port, cert, key, mode }: Place, path: unknown): void {
  if (port !== undefined) throw new TypeError("listen: give a port or a path, not both");
  if (cert !== undefined || key !== undefined) {
    throw new TypeError("listen: TLS over a unix socket is not there yet: leave out cert and key");
  }
  if (typeof path !== "string" || path === "") {
    throw new TypeError(`listen: path is ${JSON.stringify(path)}, but must be the path of a socket`);
  }
  if (mode === undefined) return;
  if (path.startsWith("\0")) {
    throw new TypeError("listen: an abstract socket is no file, and has no mode: leave it out");
  }
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
    throw new RangeError(`listen: mode is ${mode}, but must be permissions, 0 to 0o777 (0o660, say)`);
  }
}

function checkTcp({ hostname, reusePort, cert, key, mode }: Place): void {
  if (mode !== undefined) {
    throw new TypeError("listen: mode is for a unix socket: give a path, or leave it out");
  }
  if (hostname !== undefined && (typeof hostname !== "string" || hostname === "")) {
    throw new TypeError(`listen: hostname is ${JSON.stringify(hostname)}, but must be an address`);
  }
  // Deno ends the process when this is asked for without the flag; an error can be caught.
  if (reusePort && !("listenDatagram" in Deno)) {
    throw new TypeError("listen: reusePort needs deno's flag --unstable-net");
  }
  if (cert === undefined && key === undefined) return;
  if (cert === undefined || key === undefined) throw new TypeError("listen: TLS needs both cert and key");
  checkPem(cert, key);
}
