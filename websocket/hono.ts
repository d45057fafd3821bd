/**
 * `upgradeWebSocket` in the shape of Hono's helper, for Hono apps that Drover serves. This file does not
 * import Hono; it declares those members of Hono's types that it uses.
 *
 * @module
 */

import { HttpError } from "../errors.ts";
import { listElements } from "../drivers/list_field.ts";
import { ServerRequest } from "../request.ts";
import { Response } from "../response.ts";
import type { WebSocketOptions } from "./options.ts";
import type { ServerWebSocket } from "./socket.ts";
import { isTunnel, upgradeWebSocket } from "./upgrade.ts";

/** The part of Hono's `Context` that {@link honoWebSocket} uses. */
export interface HonoContext {
  /** Hono's request. */
  readonly req: {
    /** The request that the server's handler got. */
    readonly raw: Request;
  };
}

/** The socket as Hono's event handlers get it: the members of Hono's `WSContext`. */
export interface HonoSocket {
  /** Drover's socket. */
  readonly raw?: ServerWebSocket;
  /** The type of the data of binary messages. */
  binaryType: BinaryType;
  /** The state of the socket: 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: 0 | 1 | 2 | 3;
  /** The URL that was asked for. */
  readonly url: URL | null;
  /** The subprotocol, or `""`. */
  readonly protocol: string | null;
  /**
   * Sends a message. `options` has no effect, because `WebSocketOptions.compress` decides about compression.
   */
  send(
    source: string | ArrayBuffer | Uint8Array<ArrayBuffer>,
    options?: { readonly compress?: boolean },
  ): void;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** The event handlers of one socket. */
export interface HonoSocketEvents {
  /** Called when the socket opens. */
  onOpen?(event: Event, socket: HonoSocket): void;
  /** Called for each message. */
  onMessage?(event: MessageEvent<string | Blob | ArrayBufferLike>, socket: HonoSocket): void;
  /** Called when the socket has closed. */
  onClose?(event: CloseEvent, socket: HonoSocket): void;
  /** Called right before `onClose` where the socket did not close in good order. */
  onError?(event: Event, socket: HonoSocket): void;
}

/** Makes the event handlers of a socket from the context of its request. */
export type CreateHonoSocketEvents<Context extends HonoContext> = (
  context: Context,
) => HonoSocketEvents | Promise<HonoSocketEvents>;

/**
 * Makes a Hono handler that upgrades requests to WebSockets, as `upgradeWebSocket` of `hono/deno` does for
 * `Deno.serve`. A request that asks for no WebSocket goes to the next handler. A faulty handshake is answered
 * 400, 405 or 426. Without `options.protocol` the handler selects the first subprotocol that the client has
 * named, as Hono's helper does.
 *
 * Over HTTP/2 a socket is opened by CONNECT: `app.on(["GET", "CONNECT"], path, …)` takes both versions.
 *
 * @param createEvents called for each socket, before the socket is open
 * @param options options that differ from the defaults
 *
 * @example The rest of an app that used `hono/deno` stays as it is
 * ```ts ignore
 * import { serve } from "@drover/http";
 * import { honoWebSocket, type ServerWebSocket, type WebSocketOptions } from "@drover/http/websocket";
 * import { Hono } from "hono";
 * import type { UpgradeWebSocket } from "hono/ws";
 *
 * const upgradeWebSocket: UpgradeWebSocket<ServerWebSocket, WebSocketOptions> = honoWebSocket;
 * const app = new Hono();
 * app.get("/ws/:room", upgradeWebSocket((c) => ({
 *   onMessage: (event, socket) => socket.send(`${c.req.param("room")} heard ${event.data}`),
 * })));
 * serve(app.fetch);
 * ```
 */
export function honoWebSocket<Context extends HonoContext>(
  createEvents: CreateHonoSocketEvents<Context>,
  options?: WebSocketOptions,
): (context: Context, next: () => Promise<void>) => Promise<globalThis.Response | void>;
/**
 * Upgrades the request of a context, inside a handler that you have written. `Answer` is the response type
 * that Hono's types expect.
 */
export function honoWebSocket<Answer extends globalThis.Response>(
  context: HonoContext,
  events: HonoSocketEvents,
  options?: WebSocketOptions,
): Promise<Answer>;
export function honoWebSocket(
  first: HonoContext | CreateHonoSocketEvents<HonoContext>,
  ...rest: readonly [HonoSocketEvents | WebSocketOptions | undefined, WebSocketOptions?]
): unknown {
  if (typeof first !== "function") return upgrade(first, rest[0] as HonoSocketEvents, rest[1]);
  return async (context: HonoContext, next: () => Promise<void>) => {
    if (!asksForSocket(context.req.raw)) return await next();
    return await upgrade(context, await first(context), rest[0] as WebSocketOptions | undefined);
  };
}

function asksForSocket(request: Request): boolean {
  const message = ServerRequest.messageOf(request);
  if (message !== null && isTunnel(message)) return true;
  return listElements(request.headers.get("upgrade") ?? "").includes("websocket");
}

// Answers an HttpError here, because Hono would answer 500 for an error of another library.
// deno-lint-ignore require-await -- turns an error that is thrown into a rejection
async function upgrade(
  { req }: HonoContext,
  events: HonoSocketEvents,
  options: WebSocketOptions = {},
): Promise<globalThis.Response> {
  try {
    const protocol = options.protocol ?? firstElement(req.raw.headers.get("sec-websocket-protocol"));
    const { socket, response } = upgradeWebSocket(req.raw, { ...options, protocol });
    listen(socket, events);
    return response;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return new Response(`${error.message}\n`, { status: error.status, headers: error.headers ?? {} });
  }
}

function firstElement(list: string | null): string | undefined {
  return list?.split(",")[0]?.trim() || undefined;
}

function listen(socket: ServerWebSocket, events: HonoSocketEvents): void {
  const own = new SocketContext(socket);
  socket.onopen = (event) => events.onOpen?.(event, own);
  socket.onmessage = (event) => events.onMessage?.(event, own);
  socket.onclose = (event) => events.onClose?.(event, own);
  socket.onerror = (event) => events.onError?.(event, own);
}

class SocketContext implements HonoSocket {
  readonly raw: ServerWebSocket;
  readonly url: URL;

  constructor(socket: ServerWebSocket) {
    this.raw = socket;
    this.url = new URL(socket.url);
  }

  get binaryType(): BinaryType {
    return this.raw.binaryType;
  }
  set binaryType(type: BinaryType) {
    this.raw.binaryType = type;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.raw.readyState;
  }

  get protocol(): string {
    return this.raw.protocol;
  }

  send(source: string | ArrayBuffer | Uint8Array<ArrayBuffer>): void {
    this.raw.send(source);
  }

  close(code?: number, reason?: string): void {
    this.raw.close(code, reason);
  }
}
