/**
 * Why listening failed, and what to do: the errors of `Deno.listen` name neither.
 *
 * @module
 */

import type { Place } from "./place.ts";
import { findSocket } from "./unix_socket.ts";

/**
 * The same error with a message that says where, why, and what to do. It is of the class of the original,
 * which it has as its `cause`.
 */
export function explainFailure(error: unknown, place: Place): unknown {
  if (!(error instanceof Error)) return error;
  const message = place.path === undefined ? explainTcp(error, place) : explainUnix(error, place.path);
  if (message === null) return error;
  const made: Error = Reflect.construct(error.constructor, [`listen: ${message}`, { cause: error }]);
  return "code" in error ? Object.assign(made, { code: error.code }) : made;
}

function explainTcp(error: Error, { hostname = "0.0.0.0", port = 0, cert }: Place): string | null {
  const where = `port ${port} of ${hostname}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return `${where} is in use: stop the program that listens there (${
      showListener(port)
    } shows it), or give another ` +
      "port (0: any that is free)";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${hostname} is no address of this machine: give one that is, or 0.0.0.0 or :: for all`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${where} is not allowed: give a port from 1024 on, or give the program the right to it`;
  }
  if (error.message.includes("lookup address")) return `${hostname} is not known: ${error.message}`;
  return cert === undefined ? null : explainTls(error);
}

function explainTls(error: Error): string | null {
  if (error.message.includes("KeyMismatch")) {
    return "key is not the private key of cert: give two that were made together; in a chain, the " +
      "certificate of the server is the first";
  }
  return error instanceof Deno.errors.InvalidData ? `cert and key cannot be used: ${error.message}` : null;
}

function explainUnix(error: Error, path: string): string | null {
  const where = `path ${JSON.stringify(path)}`;
  if (error instanceof Deno.errors.AddrInUse) return `${where} ${explainOccupied(path)}`;
  if (error instanceof Deno.errors.NotFound) {
    return `${where} is in a folder that does not exist: make it first`;
  }
  if (error instanceof Deno.errors.PermissionDenied) return `${where} is not allowed: ${error.message}`;
  if (error.message.includes("SUN_LEN")) {
    return `${where} is too long: a socket's path has up to 107 bytes, be it relative to the working directory`;
  }
  return null;
}

/** What is at the path of a socket already, and what to do about it. */
function explainOccupied(path: string): string {
  switch (findSocket(path)) {
    case "live":
      return "is in use: stop the program that listens there, or give another path";
    case "stale":
      return "is left over from a program that has ended, because nobody answers there: remove it " +
        `(Deno.removeSync(${JSON.stringify(path)})), and listen again`;
    case "file":
      return "is there already, and is no socket: give another path";
    case "unknown":
      return "is there already: give another path, or remove it if no program listens there";
  }
}

/** A command that shows which program listens on a TCP port. */
function showListener(port: number): string {
  switch (Deno.build.os) {
    case "linux":
      return `ss -ltnp 'sport = :${port}'`;
    case "windows":
      return `netstat -ano | findstr :${port}`;
    default:
      return `lsof -nP -iTCP:${port} -sTCP:LISTEN`;
  }
}
