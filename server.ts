/**
 * The server: listeners, accept loops, limits across connections, the dispatch of requests to the handler,
 * and the pages of errors. It never reads or writes bytes itself.
 *
 * @module
 */

import { blameCaller } from "./base/caller.ts";
import { formatPeer } from "./base/inspect.ts";
import { EventLoopShare } from "./base/event_loop_share.ts";
import { RemoteClient } from "./client.ts";
import { SlowReaders } from "./client/slow_readers.ts";
import type { Client, Connection } from "./connection.ts";
import { callAfter, DeadlineQueue } from "./deadlines.ts";
import type { HttpDriverFactory } from "./drivers/driver.ts";
import { DefaultDriverFactory } from "./drivers/factory.ts";
import { HttpError } from "./errors.ts";
import { Exchange } from "./exchange.ts";
import { attempt, type RequestMessage } from "./message.ts";
import { type Options, type OptionsInit, resolveOptions } from "./options.ts";
import { ServerRequest } from "./request.ts";
import { Response } from "./response.ts";
import { Acceptor } from "./server/acceptor.ts";
import { Closing } from "./server/closing.ts";
import { HandlerQueue } from "./server/handler_queue.ts";
import type { NetworkLoad } from "./server/load.ts";
import { Member, type MemberHost } from "./server/member.ts";
import { Networks } from "./server/networks.ts";
import { checkFactory, checkFunction, checkListenerOptions } from "./server/init_checks.ts";
import { allowField, refuseMethod } from "./server/methods.ts";
import { describe, type ErrorHandler, ErrorPages, type ErrorRenderer } from "./server/error_pages.ts";
import { listen, type Listener } from "./transports/listen.ts";
import {
  type ListenOptions,
  type ListenTcpOptions,
  type ListenTlsOptions,
  type ListenUnixOptions,
  splitOptions,
} from "./transports/place.ts";
import { WritePool } from "./write_queue.ts";

/**
 * Answers requests. A handler of `Deno.serve` fits, because the exchange has the members of
 * `Deno.ServeHandlerInfo`.
 *
 * When a handler throws, `onError` answers. Without `onError`, an {@link HttpError} is answered with its
 * status, and any other error with 500.
 */
export type Handler = (
  request: Request,
  exchange: Exchange,
) => globalThis.Response | Promise<globalThis.Response>;

type Answer = globalThis.Response | Promise<globalThis.Response>;

/** The settings of a server: every option of {@link Options}, and callbacks. */
export interface HttpServerInit extends OptionsInit {
  /** Answers the errors of handlers, and only those. The `onError` of `Deno.serve` fits. */
  readonly onError?: ErrorHandler | undefined;
  /**
   * Renders the page of every other error, such as a fault of a client. By default the page is a short text.
   */
  readonly renderError?: ErrorRenderer | undefined;
  /**
   * Logs an error that nobody else answers, with the request that it belongs to; `null` where it belongs to
   * none. By default it goes to the console, behind the method, the target and the peer of the request.
   */
  readonly log?: ((error: unknown, request: Request | null) => void) | undefined;
  /** Chooses the driver of each client. */
  readonly driverFactory?: HttpDriverFactory | undefined;
}

/** Figures of a server, read at any time. */
export interface ServerStats {
  /** Connections that cost a descriptor: open ones, and closed ones whose socket Deno still keeps. */
  readonly clients: number;
  /** Connections that were accepted since the start. */
  readonly accepted: number;
  /** Connections that were closed at once because of a limit. */
  readonly refused: number;
  /** Requests that were dispatched since the start. */
  readonly requests: number;
  /** Errors that were answered since the start. */
  readonly errors: number;
  /** Requests whose body is being received. */
  readonly pendingRequests: number;
  /** Requests that are not completely answered. */
  readonly pendingResponses: number;
  /** Handlers whose promise has not settled. */
  readonly runningHandlers: number;
  /** Requests that wait for a handler. */
  readonly waitingHandlers: number;
}

/**
 * An HTTP server with any number of listeners, for connections of any origin.
 *
 * @example
 * ```ts
 * import { HttpServer } from "@drover/http";
 *
 * const server = new HttpServer(() => new Response("Hello"), { connectionLimit: 100 });
 * const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
 * const response = await fetch(`http://127.0.0.1:${addr.port}/`);
 * console.log(await response.text()); // Hello
 * await server.stop();
 * ```
 */
export class HttpServer {
  /** The options of the server, which a listener inherits unless it has its own. */
  readonly options: Options;
  readonly #handler: Handler;
  readonly #pages: ErrorPages;
  readonly #log: (error: unknown, request: Request | null) => void;
  readonly #factory: HttpDriverFactory;
  readonly #clients = new Set<RemoteClient>();
  readonly #unserved = new Set<RemoteClient>(); // the clients that were refused and still cost a descriptor
  readonly #networks = new Networks();
  readonly #closing = new Closing((error) => this.#report(error, null));
  readonly #handlers: HandlerQueue;
  readonly #acceptors = new Map<Acceptor, Promise<void>>();
  readonly #finished = Promise.withResolvers<void>();
  readonly #host: MemberHost;
  #stopping = false;
  #isCut = false;
  #accepted = 0;
  #refused = 0;
  #requests = 0;

  /**
   * Makes a server that does not listen yet.
   *
   * @param handler answers the requests
   * @param init options, error handler and so on
   * @throws {RangeError | TypeError} when an option has a value that is not allowed
   */
  constructor(handler: Handler, init: HttpServerInit = {}) {
    const { onError, renderError, log, driverFactory, ...options } = init;
    this.options = blameCaller(HttpServer, () => {
      if (typeof handler !== "function") throw new TypeError("HttpServer: the handler must be a function");
      for (const [name, value] of Object.entries({ onError, renderError, log })) checkFunction(name, value);
      checkFactory(driverFactory);
      return resolveOptions(options);
    });
    this.#handler = handler;
    const report = (error: unknown, request: ServerRequest | null) => this.#report(error, request);
    this.#pages = new ErrorPages({ onError, renderError, report });
    this.#log = log ?? logToConsole;
    this.#factory = driverFactory ?? new DefaultDriverFactory();
    this.#host = {
      deadlines: new DeadlineQueue(),
      share: new EventLoopShare(),
      writes: new WritePool(),
      slowReaders: new SlowReaders(),
      close: (client, { network }) => {
        this.#closing.close(client.connection, () => this.#forget(client, network));
      },
      dispatch: (request, member) => this.#dispatch(request, member),
      renderError: (error, request) => this.#pages.ofClient(error, request),
      renderFailure: (error, request) => this.#pages.ofHandler(error, request),
      report,
    };
    this.#handlers = new HandlerQueue(this.options, this.#host.deadlines);
  }

  /**
   * The clients that are connected. A closed client (see `status`) is among them as long as Deno keeps its
   * socket: over TLS, until the peer has taken what was sent or has left.
   */
  get clients(): ReadonlySet<Client> {
    return this.#clients;
  }

  /** Resolves when the server was stopped and its last connection is closed. Never rejects. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Figures of this moment. */
  get stats(): ServerStats {
    let pendingRequests = 0;
    let pendingResponses = 0;
    for (const client of this.#clients) {
      pendingRequests += client.pendingRequestCount;
      pendingResponses += client.pendingResponseCount;
    }
    return {
      clients: this.#clients.size,
      accepted: this.#accepted,
      refused: this.#refused,
      requests: this.#requests,
      errors: this.#pages.count,
      pendingRequests,
      pendingResponses,
      runningHandlers: this.#handlers.running,
      waitingHandlers: this.#handlers.waiting,
    };
  }

  // Connections.

  /**
   * Listens on one more address. It may be called any number of times, until the server is stopped.
   *
   * @param where the address, with TLS if there is a certificate, and options that differ from the server's
   * @returns the listener; closing it does not stop the server
   * @throws {Deno.errors.AddrInUse} and whatever else `Deno.listen` throws, with a message that says what to
   * do
   */
  listen(where: ListenUnixOptions & OptionsInit): Listener<Deno.UnixAddr>;
  /** Listens on one more TCP port, with TLS if there is a certificate. */
  listen(where: (ListenTcpOptions | ListenTlsOptions) & OptionsInit): Listener<Deno.NetAddr>;
  /** Listens on an address that is only known at run time. */
  listen(where: ListenOptions & OptionsInit): Listener;
  listen(where: ListenOptions & OptionsInit): Listener {
    return blameCaller(HttpServer.prototype.listen, () => this.#listen(where));
  }

  #listen(where: ListenOptions & OptionsInit): Listener {
    if (this.#stopping) throw new TypeError("HttpServer: the server was stopped, and cannot listen again");
    const { place, rest } = splitOptions(where);
    checkListenerOptions(rest);
    const options = resolveOptions(rest, this.options);
    const listener = listen(place, this.#factory.applicationLayerProtocols(options));
    const acceptor = new Acceptor(listener, {
      share: this.#host.share,
      isFull: () => this.#isFull(options),
      admit: (connection) => void this.#admit(connection, options, this.#isCut),
    });
    this.#acceptors.set(acceptor, acceptor.run().then(() => void this.#acceptors.delete(acceptor)));
    return listener;
  }

  /**
   * Serves a connection that you have made, for example one of your own listener, or one in memory. From then
   * on the server owns the connection, and closes it at once if a limit is exceeded.
   */
  accept(connection: Connection, options?: OptionsInit): Client {
    const own = options === undefined ? this.options : resolveOptions(options, this.options);
    return this.#admit(connection, own, this.#stopping);
  }

  #admit(connection: Connection, options: Options, isTooLate: boolean): RemoteClient {
    const member = new Member(this.#host);
    const client = new RemoteClient(connection, options, member);
    const network = this.#networks.enter(client.isUnix ? null : client.remoteAddress);
    const isRefused = isTooLate || this.#isFull(options) ||
      network.connections > options.connectionsPerIpLimit;
    member.network = network;
    this.#clients.add(client);
    if (isRefused) {
      this.#refused++;
      this.#unserved.add(client);
      client.close();
      return client;
    }
    this.#accepted++;
    client.start(this.#factory).catch((error) => this.#report(error, null));
    if (this.#stopping) client.stop(Infinity); // it waited in the system's queue, and may send its first request
    return client;
  }

  #forget(client: RemoteClient, network: NetworkLoad): void {
    this.#clients.delete(client);
    this.#unserved.delete(client);
    this.#networks.leave(network);
    for (const acceptor of this.#acceptors.keys()) acceptor.wake();
  }

  // Over TLS a refused connection keeps its descriptor until its peer leaves. If it counted here, one address
  // could take all places of `connectionLimit`, in spite of `connectionsPerIpLimit`.
  #isFull({ connectionLimit }: Options): boolean {
    return this.#clients.size - this.#unserved.size >= connectionLimit;
  }

  // Requests.

  #dispatch(request: ServerRequest, member: Member): Answer {
    this.#requests++;
    const message = ServerRequest.messageOf(request);
    if (message.target === "*" && message.method === "OPTIONS") return optionsOfServer(message);
    const refused = refuseMethod(message);
    if (refused !== null) return this.#pages.ofClient(refused, request);
    return this.#handlers.enter(member) ? this.#handle(request, member) : this.#queue(request, member);
  }

  /** Makes a request wait until its handler may run. */
  #queue(request: ServerRequest, member: Member): Answer {
    const turn = this.#handlers.wait(member, ServerRequest.messageOf(request).signal);
    if (turn === null) return this.#refuse(request);
    return turn.then((end) => {
      if (end === "run") return this.#handle(request, member);
      return end === "late" ? this.#refuse(request) : this.#dismiss();
    });
  }

  #refuse(request: ServerRequest): Answer {
    const headers = this.#retryLater();
    return this.#pages.ofClient(new HttpError(503, "Too many requests are waiting", { headers }), request);
  }

  /**
   * The answer to a client that has left. One that has only ended its side reads it, but a page is not worth
   * it.
   */
  #dismiss(): Answer {
    return new Response(null, { status: 503, headers: this.#retryLater() });
  }

  // "The server MAY send a Retry-After header field" (RFC 9110 §15.6.4). By then no request waits that waits
  // now.
  #retryLater(): Record<string, string> {
    const { handlerQueueTimeout: time } = this.options;
    return time === Infinity ? {} : { "retry-after": String(Math.ceil(time / 1000)) };
  }

  #handle(request: ServerRequest, member: Member): Answer {
    const message = ServerRequest.messageOf(request);
    if (message.settled) { // the client left right when it was the turn of its request
      this.#handlers.leave(member);
      return this.#dismiss();
    }
    let result: Answer;
    try {
      result = this.#handler(ServerRequest.toWeb(request), new Exchange(message));
    } catch (error) {
      this.#handlers.leave(member);
      return this.#pages.ofHandler(error, request);
    }
    if (result instanceof globalThis.Response) {
      this.#handlers.leave(member);
      return result;
    }
    return this.#await(result, request, member);
  }

  async #await(
    result: Promise<globalThis.Response>,
    request: ServerRequest,
    member: Member,
  ): Promise<globalThis.Response> {
    try {
      const response: unknown = await result;
      if (response instanceof globalThis.Response) return response;
      throw new TypeError(`The handler returned ${describe(response)}, but must return a Response`);
    } catch (error) {
      return await this.#pages.ofHandler(error, request);
    } finally {
      this.#handlers.leave(member);
    }
  }

  // Errors.

  #report(error: unknown, request: ServerRequest | null): void {
    const web = request === null ? null : ServerRequest.toWeb(request);
    attempt(() => this.#log(error, web), (failure) => {
      logToConsole(failure, web);
      logToConsole(error, web);
    });
  }

  // The end.

  /**
   * Stops the server. Nothing further is accepted, idle connections are closed at once, and running exchanges
   * are finished with `connection: close`. The server also waits for handlers whose client has left. After
   * `timeout` milliseconds it closes all connections, and waits for no handler any more. It may be called
   * again with a shorter time.
   *
   * @param timeout milliseconds; by default `options.shutdownTimeout`; `Infinity` or `null` for no limit
   * @returns a promise that resolves when all connections are closed and no handler runs, or when the time is
   * over
   * @throws {RangeError} when `timeout` is not such a number
   */
  async stop(timeout: number | null = this.options.shutdownTimeout): Promise<void> {
    const time = timeout ?? Infinity;
    if (typeof time !== "number" || !(time >= 0)) {
      throw new RangeError(
        `stop: timeout is ${timeout}, but must be 0 or more milliseconds, or Infinity or null for no limit`,
      );
    }
    const first = !this.#stopping;
    this.#stopping = true;
    const timer = callAfter(time, () => this.#cut());
    if (first) this.#finish().then(this.#finished.resolve, this.#finished.reject);
    await this.#finished.promise;
    clearTimeout(timer);
  }

  async #finish(): Promise<void> {
    const drained = [...this.#acceptors.keys()].map((acceptor) => acceptor.drain());
    await Promise.all([...this.#clients].map((client) => client.stop(Infinity)));
    await Promise.all([...drained, ...this.#acceptors.values()]);
    await Promise.all([...this.#clients].map((client) => client.stop(Infinity))); // those that came from the queue
    await this.#host.share.rested;
    this.#closing.finish();
    await this.#handlers.idle;
    this.#host.share.end();
  }

  #cut(): void {
    this.#isCut = true;
    for (const acceptor of this.#acceptors.keys()) acceptor.stop();
    for (const client of this.#clients) client.close();
    this.#handlers.abandon();
  }

  /** Stops the server, so that a server may be declared with `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Answers `OPTIONS *`, which is about the server as a whole and not about a resource (RFC 9110 §9.3.7). */
function optionsOfServer({ client }: RequestMessage): globalThis.Response {
  return new Response(null, { status: 204, headers: { allow: allowField(client.options.allowedMethods) } });
}

function logToConsole(error: unknown, request: Request | null): void {
  const message = request === null ? null : ServerRequest.messageOf(request);
  if (message === null) console.error(error);
  else console.error(`${message.method} ${message.target} from ${formatPeer(message.client)}:`, error);
}
