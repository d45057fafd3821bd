/**
 * `serve`: a server in the shape of `Deno.serve`.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";
import { type Handler, HttpServer, type HttpServerInit } from "./server.ts";
import {
  type ListenOptions,
  type ListenTcpOptions,
  type ListenTlsOptions,
  type ListenUnixOptions,
  type Place,
  splitOptions,
} from "./transports/listen.ts";

/** An exchange on a listener whose kind is known, and with it the kind of the peer's address. */
export type ServeExchange<A extends Deno.Addr = Deno.Addr> = Exchange & {
  /** The address of the peer, as `Deno.serve` gives it. */
  readonly remoteAddr: A;
};

/** What answers requests on a listener whose kind is known. Any {@link Handler} and any `Deno.ServeHandler` is one. */
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
   * Stops gracefully: what runs has `timeout` milliseconds to finish, `options.shutdownTimeout` when left out (see
   * {@link HttpServer.stop}).
   */
  shutdown(timeout?: number | null): Promise<void>;
  /** Keeps the process alive while it listens. */
  ref(): void;
  /** Does not keep the process alive. */
  unref(): void;
}

/**
 * Serves HTTP in the shape of `Deno.serve`: a handler, options and a handler, or options with one.
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
 * @throws what `Deno.listen` throws, and {RangeError | TypeError} for an option that is not allowed
 */
export function serve(handler: ServeHandler<Deno.NetAddr>): ServerHandle<Deno.NetAddr>;
/** Serves on a unix socket. */
export function serve(
  options: ServeUnixOptions,
  handler: ServeHandler<Deno.UnixAddr>,
): ServerHandle<Deno.UnixAddr>;
/** Serves on a TCP port, with TLS where there is a certificate. */
export function serve(
  options: ServeTcpOptions | ServeTlsOptions,
  handler: ServeHandler<Deno.NetAddr>,
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
/** Serves with options that are only known at run time. */
export function serve(options: ServeInit): ServerHandle;
export function serve(first: object, second?: unknown): ServerHandle {
  const { handler, options } = sortArguments(first, second);
  const { signal, onListen, automaticCompression = false, ...others } = options;
  if (automaticCompression !== false) {
    throw new TypeError(
      `serve: automaticCompression is ${automaticCompression}, but Drover does not compress: ` +
        "leave it out, and compress in the handler (CompressionStream) or in a proxy",
    );
  }
  const { place, rest } = splitOptions(others);
  const server = new HttpServer(handler, rest);
  const listener = server.listen(placeOf(place));
  if (signal?.aborted) server.stop(0);
  else if (signal !== undefined) stopOnAbort(server, signal);
  if (onListen === undefined) announce(listener.addr, place.cert !== undefined);
  else onListen(listener.addr);
  return {
    addr: listener.addr,
    finished: server.finished,
    server,
    shutdown: (timeout) => server.stop(timeout),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
    [Symbol.asyncDispose]: () => server.stop(),
  };
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

function sortArguments(first: object, second: unknown): { handler: Handler; options: AnyOptions } {
  if (typeof first === "function") return { handler: first as Handler, options: {} };
  const { handler, fetch, ...options } = Object(first) as AnyOptions & { handler?: unknown; fetch?: unknown };
  const found = second ?? handler ?? fetch;
  if (typeof found !== "function") {
    throw new TypeError("serve: there is no handler: give a function as the last argument, or as `handler`");
  }
  return { handler: found as Handler, options };
}

function announce(address: Deno.Addr, encrypted: boolean): void {
  console.log(`Listening on ${formatAddress(address, encrypted ? "https" : "http")}`);
}

function formatAddress(address: Deno.Addr, scheme: string): string {
  if (!("hostname" in address)) return `unix:${"path" in address ? address.path : ""}`;
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `${scheme}://${host}:${address.port}/`;
}
