/**
 * `serve`: a server in the shape of `Deno.serve`.
 *
 * @module
 */

import { blameCaller } from "./base/caller.ts";
import { show } from "./base/option_checks.ts";
import type { Exchange } from "./exchange.ts";
import { type Handler, HttpServer, type HttpServerInit } from "./server.ts";
import { checkFunction } from "./server/init_checks.ts";
import type { Listener } from "./transports/listen.ts";
import {
  type ListenOptions,
  type ListenTcpOptions,
  type ListenTlsOptions,
  type ListenUnixOptions,
  type Place,
  splitOptions,
} from "./transports/place.ts";
import { takeServeAddress } from "./transports/serve_address.ts";

/** An exchange on a listener whose kind is known, and with it the kind of the peer's address. */
export type ServeExchange<A extends Deno.Addr = Deno.Addr> = Exchange & {
  /** The address of the peer, as `Deno.serve` gives it. */
  readonly remoteAddr: A;
};

/**
 * What answers requests on a listener whose kind is known. Any {@link Handler} and any `Deno.ServeHandler` is
 * one.
 */
export type ServeHandler<A extends Deno.Addr = Deno.Addr> = (
  request: Request,
  exchange: ServeExchange<A>,
) => Response | Promise<Response>;

/** What is common to all ways to serve: the options of the server, and what `Deno.serve` takes. */
export interface ServeOptions<A extends Deno.Addr = Deno.Addr> extends HttpServerInit {
  /** Cuts everything at once when it aborts. For a graceful end call `shutdown()`. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the server listens; by default the address is printed. */
  readonly onListen?: ((address: A) => void) | undefined;
  /** There for `Deno.serve`'s sake: nothing is compressed, and `true` is refused. @default {false} */
  readonly automaticCompression?: boolean | undefined;
}

/** Serves on a TCP port, 8000 by default. */
export interface ServeTcpOptions extends ServeOptions<Deno.NetAddr>, Partial<ListenTcpOptions> {}

/** Serves on a TCP port with TLS. */
export interface ServeTlsOptions extends ServeOptions<Deno.NetAddr>, Omit<ListenTlsOptions, "port"> {
  /** The port; 8000 by default. */
  readonly port?: number | undefined;
}

/** Serves on a unix socket. */
export interface ServeUnixOptions extends ServeOptions<Deno.UnixAddr>, ListenUnixOptions {}

/** What answers by its `fetch` alone, such as an app of Hono: `this` is the app. */
export interface ServeApp<A extends Deno.Addr = Deno.Addr> {
  /** Answers a request. */
  fetch(request: Request, exchange: ServeExchange<A>): Response | Promise<Response>;
}

/** Options together with what answers: a `handler`, or the `fetch` of a default export. */
export type ServeInit =
  & (ServeTcpOptions | ServeTlsOptions | ServeUnixOptions)
  & ({ readonly handler: Handler } | { readonly fetch: Handler });

/** A running server, as `Deno.serve` returns it, and more. */
export interface ServerHandle<A extends Deno.Addr = Deno.Addr> extends AsyncDisposable {
  /** The address that it listens on. */
  readonly addr: A;
  /** Resolves when the server was stopped and its last connection is closed. */
  readonly finished: Promise<void>;
  /** The server underneath. */
  readonly server: HttpServer;
  /**
   * Stops gracefully: what runs has `timeout` milliseconds to finish, `options.shutdownTimeout` when left out
   * (see {@link HttpServer.stop}).
   */
  shutdown(timeout?: number | null): Promise<void>;
  /** Keeps the process alive while it listens. */
  ref(): void;
  /** Does not keep the process alive. */
  unref(): void;
}

/**
 * Serves HTTP in the shape of `Deno.serve`: a handler, options and a handler, or options with one. In place
 * of a handler it takes an app that has `fetch`, as Hono's: of an app that is the only argument nothing else
 * is looked at, unless it is a plain object.
 *
 * Everything is checked before the server listens, and nothing is left listening where an error is thrown.
 *
 * Where the environment may be read without a question, `DENO_SERVE_ADDRESS` overrides the address of the
 * first server of a program, as it does for `Deno.serve`: `tcp:127.0.0.1:8000`, `tcp:[::1]:8000` (with the
 * `cert` and `key` that are given), or `unix:/run/app.sock` (without). Behind `duplicate,` the address is
 * served, without TLS, beside the program's own.
 *
 * @example
 * ```ts
 * import { serve } from "@drover/http";
 *
 * const server = serve({ hostname: "127.0.0.1", port: 0 }, (request, exchange) => {
 *   return new Response(`${request.method} from ${exchange.client.remoteAddress}`);
 * });
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
 * console.log(await response.text()); // GET from 127.0.0.1
 * await server.shutdown();
 * ```
 *
 * @throws {TypeError | RangeError} for an argument or an option that is not allowed
 * @throws {Deno.errors.AddrInUse} where something listens already, and whatever else `Deno.listen` throws
 */
export function serve(handler: ServeHandler<Deno.NetAddr>): ServerHandle<Deno.NetAddr>;
/** Serves on a unix socket. */
export function serve(
  options: ServeUnixOptions,
  handler: ServeHandler<Deno.UnixAddr> | ServeApp<Deno.UnixAddr>,
): ServerHandle<Deno.UnixAddr>;
/** Serves on a TCP port, with TLS where there is a certificate. */
export function serve(
  options: ServeTcpOptions | ServeTlsOptions,
  handler: ServeHandler<Deno.NetAddr> | ServeApp<Deno.NetAddr>,
): ServerHandle<Deno.NetAddr>;
/** Serves with the handler among the options, on a unix socket. */
export function serve(
  options:
    & ServeUnixOptions
    & ({ readonly handler: ServeHandler<Deno.UnixAddr> } | { readonly fetch: ServeHandler<Deno.UnixAddr> }),
): ServerHandle<Deno.UnixAddr>;
/** Serves with the handler among the options. */
export function serve(
  options:
    & (ServeTcpOptions | ServeTlsOptions)
    & ({ readonly handler: ServeHandler<Deno.NetAddr> } | { readonly fetch: ServeHandler<Deno.NetAddr> }),
): ServerHandle<Deno.NetAddr>;
/** Serves an app by its `fetch` alone. */
export function serve(app: ServeApp<Deno.NetAddr>): ServerHandle<Deno.NetAddr>;
/** Serves with options that are only known at run time. */
export function serve(options: ServeInit): ServerHandle;
export function serve(first: object, second?: unknown): ServerHandle {
  const { handler, place, signal, onListen, init } = blameCaller(serve, () => sortArguments(first, second));
  const server = blameCaller(serve, () => new HttpServer(handler, init));
  try {
    const listeners = blameCaller(serve, () => findPlaces(place).map((where) => server.listen(where)));
    const listener = listeners[0]!;
    if (signal?.aborted) server.stop(0);
    else if (signal) stopOnAbort(server, signal);
    if (onListen) onListen(listener.addr);
    else announce(listener.addr, place.cert !== undefined);
    return makeHandle(server, listener, listeners);
  } catch (error) {
    server.stop(0);
    throw error;
  }
}

function makeHandle(server: HttpServer, { addr }: Listener, listeners: readonly Listener[]): ServerHandle {
  return {
    addr,
    finished: server.finished,
    server,
    shutdown: (timeout) => server.stop(timeout),
    ref: () => listeners.forEach((listener) => listener.ref()),
    unref: () => listeners.forEach((listener) => listener.unref()),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Where to listen: on the given place, or where the environment says, or on both. */
function findPlaces(given: Place): ListenOptions[] {
  const own = placeOf(given);
  const asked = takeServeAddress();
  if (asked === null) return [own];
  const place = asked.place as ListenOptions;
  if (asked.isFurther) return [own, place];
  if (asked.place.path !== undefined) return [{ ...place, mode: given.mode } as ListenOptions];
  const { reusePort, tcpBacklog, cert, key, keyFormat } = given;
  return [{ ...place, reusePort, tcpBacklog, cert, key, keyFormat } as ListenOptions];
}

/** The place with `Deno.serve`'s port, or, as there, without any beside a path. */
function placeOf(place: Place): ListenOptions {
  const port = place.path === undefined ? place.port ?? 8000 : undefined;
  return { ...place, port } as ListenOptions; // listen() checks what it is given
}

function stopOnAbort(server: HttpServer, signal: AbortSignal): void {
  const stop = () => void server.stop(0);
  signal.addEventListener("abort", stop, { once: true });
  server.finished.then(() => signal.removeEventListener("abort", stop));
}

/** Every option that any of the shapes has. */
type AnyOptions = ServeOptions & Place;

/** The arguments of `serve()` in one shape. */
interface Arguments extends Pick<ServeOptions, "signal" | "onListen"> {
  readonly handler: Handler;
  readonly place: Place;
  readonly init: HttpServerInit;
}

function sortArguments(first: object, second: unknown): Arguments {
  if (typeof first === "function" && second !== undefined) {
    throw new TypeError("serve: the options come before the handler: exchange them");
  }
  const { handler, options } = findHandler(first, second);
  const { signal, onListen, automaticCompression = false, ...others } = options;
  if (automaticCompression !== false) {
    throw new TypeError(
      `serve: automaticCompression is ${automaticCompression}, but Drover does not compress: ` +
        "leave it out, and compress in the handler (CompressionStream) or in a proxy",
    );
  }
  if (signal != null && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal is ${show(signal)}, but must be an AbortSignal`);
  }
  checkFunction("onListen", onListen);
  const { place, rest: init } = splitOptions(others);
  return { handler, place, init, signal, onListen };
}

function findHandler(first: object, second: unknown): { handler: Handler; options: AnyOptions } {
  if (second === undefined && isApp(first)) return { handler: handlerOf(first)!, options: {} };
  const { handler, fetch: _, ...options } = Object(first) as AnyOptions & {
    handler?: unknown;
    fetch?: unknown;
  };
  const found = handlerOf(second) ?? handlerOf(handler) ?? handlerOf(first);
  if (found !== null) return { handler: found, options };
  throw new TypeError(
    "serve: there is no handler: give a function, or an app with fetch, as the last argument or as `handler`",
  );
}

/** Whether an argument is an app, and no options: an instance of a class, whose other members are its own. */
function isApp(value: object): boolean {
  if (typeof value === "function") return true;
  const prototype: unknown = Object.getPrototypeOf(Object(value));
  return prototype !== Object.prototype && prototype !== null && handlerOf(value) !== null;
}

/** What answers: a function, or the `fetch` of an object, whose `this` is that object. */
function handlerOf(value: unknown): Handler | null {
  if (typeof value === "function") return value as Handler;
  const { fetch } = Object(value) as { fetch?: unknown };
  return typeof fetch === "function" ? fetch.bind(value) : null;
}

function announce(address: Deno.Addr, encrypted: boolean): void {
  console.log(`Listening on ${formatAddress(address, encrypted ? "https" : "http")}`);
}

/**
 * An address as a URL; one that stands for all addresses of the machine has a URL that a browser can open
 * beside it.
 */
function formatAddress(address: Deno.Addr, scheme: string): string {
  if (!("hostname" in address)) return `unix:${"path" in address ? address.path : ""}`;
  const { hostname, port } = address;
  const url = `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`;
  return hostname === "0.0.0.0" || hostname === "::" ? `${url} (${scheme}://localhost:${port}/)` : url;
}
