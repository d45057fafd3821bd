/**
 * The second argument of a handler: what the web's `Request` and `Response` have no place for.
 *
 * @module
 */

import { formatPeer, INSPECT } from "./base/inspect.ts";
import type { Client } from "./connection.ts";
import { Response } from "./response.ts";
import { isTrailerAllowed } from "./trailer_fields.ts";
import type { Protocol, RequestMessage, TrailerSource, UpgradeHandler } from "./message.ts";

function checkTrailers(trailers: HeadersInit): void {
  for (const name of new Headers(trailers).keys()) {
    if (isTrailerAllowed(name)) continue;
    throw new TypeError(`setTrailers: ${name} may not stand in a trailer section: set it as a header field`);
  }
}

// absolute-path [ "?" query ] (RFC 9112 §3.2.1), without what would end the target of a link (RFC 8288 §3)
const PUSHED_PATH = /^\/[!$-;=?-~]*$/;

/**
 * One request and its response on one client. It has the members of `Deno.ServeHandlerInfo` and more; it is
 * over when {@link Exchange.completed} settles.
 *
 * @example Trailers, and the connection under the request
 * ```ts
 * import type { Exchange } from "@drover/http";
 *
 * function handler(_request: Request, exchange: Exchange): Response {
 *   exchange.setTrailers({ "x-checksum": "42" });
 *   return new Response(`Hello, ${exchange.client.remoteAddress}`);
 * }
 * console.log(handler.length); // 2
 * ```
 */
export class Exchange {
  readonly #message: RequestMessage;
  #rawHeaders: readonly (readonly [name: string, value: string])[] | null = null;
  #attributes: Map<unknown, unknown> | null = null;

  /** Made by the server, one for each request. */
  constructor(message: RequestMessage) {
    this.#message = message;
  }

  /**
   * The address of the peer, as `Deno.serve` gives it: on a unix socket, whose peers have none, the path of
   * the socket.
   */
  get remoteAddr(): Deno.Addr {
    const { client } = this.#message;
    if (client.remotePort === null) {
      return { transport: "unix", path: client.remoteAddress || client.localAddress };
    }
    return { transport: "tcp", hostname: client.remoteAddress, port: client.remotePort };
  }

  /**
   * Resolves when the response was handed to the connection in full. Rejects when that became impossible:
   * with `ClientDisconnectedError` when the client left, or with what the response's stream failed with.
   */
  get completed(): Promise<void> {
    return this.#message.completed;
  }

  /** The connection that the request came over. */
  get client(): Client {
    return this.#message.client;
  }

  /** The version of HTTP that the request came in. */
  get protocol(): Protocol {
    return this.#message.protocol;
  }

  /**
   * The protocol that an extended CONNECT asks for (RFC 8441 §4), such as `"websocket"`; `null` for any other
   * request. It comes over HTTP/2 only, where `options.extendedConnect` offers it.
   */
  get extendedProtocol(): string | null {
    return this.#message.extendedProtocol;
  }

  /** The request target as it was received (RFC 9112 §3.2), before any normalisation. */
  get target(): string {
    return this.#message.target;
  }

  /** Every header field line in its order, with the case it was received in. */
  get rawHeaders(): readonly (readonly [name: string, value: string])[] {
    this.#rawHeaders ??= this.#message.fields.toPairs();
    return this.#rawHeaders;
  }

  /**
   * The trailer fields of the request (RFC 9110 §6.5), once its body has been received; empty when there are
   * none. Rejects when the body never becomes complete.
   */
  get trailers(): Promise<Headers> {
    return this.#message.trailers;
  }

  /**
   * The largest body this request may have, in bytes; `Infinity` (or `null`, when set) for no limit. May be
   * raised (or lowered) before or while the body is read; a larger one is answered 413. A body that has come
   * whole is judged when `request.body` or a copy of the request is first asked for.
   *
   * @throws {RangeError} when set to something other than a non-negative number or `null`
   */
  get bodySizeLimit(): number {
    return this.#message.body?.limit ?? this.client.options.bodySizeLimit;
  }
  set bodySizeLimit(bytes: number | null) {
    const limit = bytes ?? Infinity;
    if (typeof limit !== "number" || !(limit >= 0)) {
      throw new RangeError(
        `bodySizeLimit is ${bytes}, but must be 0 or more bytes, or Infinity or null for no limit`,
      );
    }
    if (this.#message.body !== null) this.#message.body.limit = limit;
  }

  /** A place for middleware to leave things for what comes after it. */
  get attributes(): Map<unknown, unknown> {
    this.#attributes ??= new Map();
    return this.#attributes;
  }

  /**
   * Sets the trailer fields of the response (RFC 9110 §6.5): at once, or as a function that is called when
   * the body has been sent. An HTTP/1.0 client does not get them. A body of known length is then sent in
   * chunks.
   *
   * @throws {TypeError} when a field may not stand in a trailer section, such as `content-length` (RFC 9110
   * §6.5.1); what a function returns is checked when it is called: such a field is then reported and left out
   */
  setTrailers(trailers: TrailerSource): void {
    if (typeof trailers !== "function") checkTrailers(trailers);
    this.#message.responseTrailers = trailers;
  }

  /**
   * Sends an informational response (RFC 9110 §15.2), such as 103 (Early Hints), ahead of the final one. Does
   * nothing for an HTTP/1.0 client, which could not make sense of it, and once the final response has begun.
   *
   * @throws {RangeError} when the status is 101 or not between 100 and 199
   */
  inform(status: number, headers?: HeadersInit): void {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw new RangeError(`inform: status is ${status}, but must be 100 or 102 to 199`);
    }
    this.#message.inform(status, headers);
  }

  /**
   * Offers a response to `path` before it is asked for (RFC 9113 §8.4), and says whether the client takes it:
   * the handler is called for it, as for a GET of that path with these headers. A path is pushed once per
   * connection, and only over HTTP/2 to a client that takes pushes (`client.allowsPush`), before the response
   * was sent. In any case the response gets the field `link: <path>; rel=preload`, so that a client that
   * takes none knows what to ask for.
   *
   * @throws {TypeError} when `path` is no absolute path, or headers have what a request may not
   */
  push(path: string, headers?: HeadersInit): boolean {
    if (!PUSHED_PATH.test(path)) {
      throw new TypeError(`push: path is ${JSON.stringify(path)}, but must begin with / and be encoded`);
    }
    return this.#message.push(path, headers);
  }

  /**
   * Takes over the connection behind the head of the response: after `101 (Switching Protocols)` where the
   * client has asked for another protocol by `Upgrade` (RFC 9110 §7.8), after a 2xx response to CONNECT (RFC
   * 9110 §9.3.6); over HTTP/2 it is the stream of a CONNECT request, plain or extended (RFC 9113 §8.5, RFC
   * 8441).
   *
   * @param handler called when the head is on its way. It owns the connection, and closes it, unless both
   * sides end it; one that fails is reported, and its connection closed. Returning does not close it.
   * @param init header fields of the response; `upgrade` names the protocol, by default the first that the
   * client has named
   * @returns the response for the handler to return: its status is sent as 101 where that is called for. A
   * handler may return another 2xx response of its own instead, or an error, and then nothing is taken over.
   * Where the client leaves before the connection could be handed over, the handler is not called: what was
   * opened for it is to be closed when `request.signal` aborts.
   * @throws {ClientDisconnectedError} when the client has left
   * @throws {TypeError} when the client has not asked for it, its body was not read, or the request was
   * answered before
   *
   * @example An echo of raw bytes
   * ```ts
   * import type { Exchange } from "@drover/http";
   *
   * function echo(_request: Request, exchange: Exchange): Response {
   *   return exchange.upgrade((connection) => connection.readable.pipeTo(connection.writable));
   * }
   * console.log(echo.length); // 2
   * ```
   */
  upgrade(handler: UpgradeHandler, init: { readonly headers?: HeadersInit } = {}): globalThis.Response {
    if (typeof handler !== "function") throw new TypeError("upgrade: the handler must be a function");
    this.#message.checkUpgrade();
    const response = new Response(null, init);
    this.#message.upgradeHandler = handler;
    return response;
  }

  /** Shows on the console which request it is, whose, and how far it is. */
  [INSPECT](
    inspect: (value: unknown, options: Deno.InspectOptions) => string,
    options: Deno.InspectOptions,
  ): string {
    const { client, protocol, method, target, body, received, settled } = this.#message;
    return `Exchange ${
      inspect({
        request: `${method} ${target}`,
        protocol,
        peer: formatPeer(client),
        body: body === null ? null : received ? "received" : "not received",
        bodySizeLimit: this.bodySizeLimit,
        isOver: settled,
      }, options)
    }`;
  }
}
