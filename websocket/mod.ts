/**
 * WebSocket (RFC 6455) with permessage-deflate (RFC 7692), over HTTP/1.1 and, by extended CONNECT, over
 * HTTP/2 (RFC 8441), in the shape of `Deno.upgradeWebSocket`.
 *
 * A socket is an `instanceof WebSocket` and has the members of the web's class; binary messages come as
 * `ArrayBuffer`, as with Deno's server sockets. `error` comes right before `close` where the end was not
 * clean. A listener that throws is an uncaught error, as with every `EventTarget`, and ends the process
 * unless a listener of `globalThis` for `error` prevents it.
 *
 * Each socket keeps to the server's share of the event loop, so that a peer that floods it does not keep
 * others waiting. {@link WebSocketOptions} limits messages, silence, pings, inflated bytes, and what waits
 * for a peer that does not read. In a Hono app {@link honoWebSocket} takes the place of `upgradeWebSocket` of
 * `hono/deno`.
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
