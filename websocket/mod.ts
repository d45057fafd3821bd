/**
 * WebSocket (RFC 6455) with permessage-deflate (RFC 7692), over HTTP/1.1 and, by extended CONNECT, over
 * HTTP/2 (RFC 8441), in the shape of `Deno.upgradeWebSocket`.
 *
 * A socket is an `instanceof WebSocket` and has the members of the web's class. Binary messages are
 * `ArrayBuffer`s, as with Deno's server sockets. Where the end was not clean, `error` comes right before
 * `close`. A listener that throws ends the process, as with every `EventTarget`, unless an `error` listener
 * of `globalThis` prevents it.
 *
 * Sockets share the event loop with all connections of the server, so that a peer that floods a socket does
 * not keep other clients waiting. {@link WebSocketOptions} limits message size, silence, pings, inflated
 * bytes, and the bytes that wait for a peer that does not read. In a Hono app, use {@link honoWebSocket}
 * instead of `upgradeWebSocket` of `hono/deno`.
 *
 * @example
 * ```ts
 * import { serve } from "@drover/http";
 * import { upgradeWebSocket } from "@drover/http/websocket";
 *
 * const server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
 *   const { socket, response } = upgradeWebSocket(request);
 *   socket.onmessage = ({ data }) => socket.send(`you said ${data}`);
 *   return response;
 * });
 * const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`);
 * socket.onopen = () => socket.send("hello");
 * const answer = await new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
 * console.log(answer); // you said hello
 * socket.close();
 * await new Promise((resolve) => socket.onclose = resolve);
 * await server.shutdown();
 * ```
 *
 * @module
 */

export {
  type CreateHonoSocketEvents,
  type HonoContext,
  type HonoSocket,
  type HonoSocketEvents,
  honoWebSocket,
} from "./hono.ts";
export { upgradeWebSocket, type WebSocketUpgrade } from "./upgrade.ts";
export type { WebSocketOptions } from "./options.ts";
export { ServerWebSocket } from "./socket.ts";
