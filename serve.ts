/**
 * `serve`: a server in the shape of `Deno.serve`.
 *
 * @module
 */

import { type ErrorHandler, type Handler, HttpServer, type HttpServerInit } from "./server.ts";
import type { ListenTcpOptions, ListenTlsOptions, ListenUnixOptions } from "./transports/listen.ts";

/** What is common to all ways to serve: the options of the server, and what `Deno.serve` takes. */
export interface ServeOptions<A extends Deno.Addr = Deno.Addr> extends HttpServerInit {
  /** Cuts everything at once when it aborts. For a graceful end call `shutdown()`. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the server listens; by default the address is printed. */
  readonly onListen?: ((address: A) => void) | undefined;
  /** Renders every error; `Deno.serve`'s handler of that name fits. */
  readonly onError?: ErrorHandler | undefined;
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
  /** Stops gracefully: running exchanges have `options.shutdownTimeout` to finish. */
  shutdown(): Promise<void>;
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
export function serve(handler: Handler): ServerHandle<Deno.NetAddr>;
/** Serves on a unix socket. */
export function serve(options: ServeUnixOptions, handler: Handler): ServerHandle<Deno.UnixAddr>;
/** Serves on a TCP port, with TLS where there is a certificate. */
export function serve(
  options: ServeTcpOptions | ServeTlsOptions,
  handler: Handler,
): ServerHandle<Deno.NetAddr>;
/** Serves with the handler among the options, on a unix socket. */
export function serve(
  options: ServeUnixOptions & ({ readonly handler: Handler } | { readonly fetch: Handler }),
): ServerHandle<Deno.UnixAddr>;
/** Serves with the handler among the options. */
export function serve(
  options:
    & (ServeTcpOptions | ServeTlsOptions)
    & ({ readonly handler: Handler } | { readonly fetch: Handler }),
): ServerHandle<Deno.NetAddr>;
/** Serves with options that are only known at run time. */
export function serve(options: ServeInit): ServerHandle;
export function serve(
  first: Handler | ServeTcpOptions | ServeTlsOptions | ServeUnixOptions | ServeInit,
  second?: Handler,
): ServerHandle {
  const { handler, options } = sortArguments(first, second);
  const { signal, onListen, port, hostname, reusePort, tcpBacklog, path, cert, key, ...init } = options;
  const server = new HttpServer(handler, init);
  if ((cert === undefined) !== (key === undefined)) throw new TypeError("serve: TLS needs both cert and key");
  const tls = cert === undefined || key === undefined ? {} : { cert, key };
  const listener = server.listen(
    path === undefined ? { port: port ?? 8000, hostname, reusePort, tcpBacklog, ...tls } : { path },
  );
  if (signal?.aborted) server.stop(0);
  else if (signal !== undefined) stopOnAbort(server, signal);
  if (onListen === undefined) announce(listener.addr, cert !== undefined);
  else onListen(listener.addr);
  return {
    addr: listener.addr,
    finished: server.finished,
    server,
    shutdown: () => server.stop(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

function stopOnAbort(server: HttpServer, signal: AbortSignal): void {
  const stop = () => void server.stop(0);
  signal.addEventListener("abort", stop, { once: true });
  server.finished.then(() => signal.removeEventListener("abort", stop));
}

/** Every option that any of the shapes has. */
type AnyOptions = ServeOptions & Partial<ListenTlsOptions & ListenUnixOptions>;

function sortArguments(
  first: Handler | object,
  second: Handler | undefined,
): { handler: Handler; options: AnyOptions } {
  if (typeof first === "function") return { handler: first as Handler, options: {} };
  const { handler, fetch, ...options } = first as AnyOptions & { handler?: Handler; fetch?: Handler };
  const found = second ?? handler ?? fetch;
  if (typeof found !== "function") {
    throw new TypeError("serve: there is no handler: give a function as the last argument, or as `handler`");
  }
  return { handler: found, options };
}

function announce(address: Deno.Addr, encrypted: boolean): void {
  console.log(`Listening on ${formatAddress(address, encrypted ? "https" : "http")}`);
}

function formatAddress(address: Deno.Addr, scheme: string): string {
  if (!("hostname" in address)) return `unix:${"path" in address ? address.path : ""}`;
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `${scheme}://${host}:${address.port}/`;
}
