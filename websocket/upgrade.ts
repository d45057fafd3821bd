/**
 * The opening handshake of a WebSocket (RFC 6455 §4.2).
 *
 * @module
 */

import { createHash } from "node:crypto";
import { listElements } from "../drivers/list_field.ts";
import { HttpError } from "../errors.ts";
import type { RequestMessage } from "../message.ts";
import { ServerRequest } from "../request.ts";
import { Response } from "../response.ts";
import { acceptsDeflate, DEFLATE_RESPONSE } from "./deflate.ts";
import { resolveSocketOptions, type WebSocketOptions } from "./options.ts";
import { Session } from "./session.ts";
import { ServerWebSocket } from "./socket.ts";

/** The result of a handshake. */
export interface WebSocketUpgrade {
  /** The socket. It opens when the response was sent. */
  readonly socket: ServerWebSocket;
  /**
   * The response that the handler has to return. If it returns another one, the socket dispatches `error` and
   * `close`.
   */
  readonly response: globalThis.Response;
}

const VERSION = "13";

// 16 bytes in base64 (RFC 6455 §4.2.1)
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Upgrades a request to a WebSocket: `GET` with `Upgrade: websocket` over HTTP/1.1, or an extended CONNECT
 * over HTTP/2 where `options.extendedConnect` offers it.
 *
 * @param request the request that the handler got, not a copy
 * @param options options that differ from the defaults
 * @throws {HttpError} 400, 405 or 426 for a faulty handshake (RFC 6455 §4.2.2). If the handler does not catch
 * the error, the error is the answer.
 * @throws {TypeError} when the client has not named `options.protocol`, or when `request` is a copy or was
 * upgraded before
 */
export function upgradeWebSocket(request: Request, options: WebSocketOptions = {}): WebSocketUpgrade {
  const message = ServerRequest.messageOf(request);
  if (message === null) {
    throw new TypeError("upgradeWebSocket: give the request that the handler got, not a copy");
  }
  if (message.upgradeHandler !== null) {
    throw new TypeError(
      "upgradeWebSocket: the request was upgraded before; return the response of the first call",
    );
  }
  const settings = resolveSocketOptions(options);
  checkHandshake(message);
  checkVersion(message);
  checkProtocol(message, options.protocol);
  const deflate = settings.compress && acceptsDeflate(message.fields.get("sec-websocket-extensions"));
  message.checkUpgrade();
  const session = new Session(settings, deflate);
  message.upgradeHandler = (connection) => session.run(connection);
  const over = () => session.abandon(); // does nothing once the session has a connection
  message.signal.addEventListener("abort", over);
  message.completed.then(over, over);
  const socket = new ServerWebSocket({
    url: message.url.replace(/^http/, "ws"),
    protocol: options.protocol ?? "",
    extensions: deflate ? "permessage-deflate" : "",
    session,
  });
  return { socket, response: new Response(null, { headers: responseFields(message, socket) }) };
}

function responseFields(
  message: RequestMessage,
  { protocol, extensions }: ServerWebSocket,
): [string, string][] {
  const fields: [string, string][] = isTunnel(message) ? [] : [
    ["upgrade", "websocket"],
    ["sec-websocket-accept", acceptKey(message.fields.get("sec-websocket-key")!)],
  ];
  if (protocol !== "") fields.push(["sec-websocket-protocol", protocol]);
  if (extensions !== "") fields.push(["sec-websocket-extensions", DEFLATE_RESPONSE]);
  return fields;
}

/**
 * Whether a request opens a WebSocket on a stream of HTTP/2: extended CONNECT with the protocol `websocket`
 * (RFC 8441 §5).
 */
export function isTunnel({ method, extendedProtocol }: RequestMessage): boolean {
  return method === "CONNECT" && extendedProtocol === "websocket";
}

function checkHandshake(message: RequestMessage): void {
  if (isTunnel(message)) return;
  const { method, fields, protocol } = message;
  if (method !== "GET") {
    throw new HttpError(405, "A WebSocket is opened by GET (RFC 6455 §4.2.1)", { headers: { allow: "GET" } });
  }
  if (protocol !== "HTTP/1.1" || !listElements(fields.get("upgrade") ?? "").includes("websocket")) {
    throw new HttpError(426, "A WebSocket is opened by Upgrade: websocket (RFC 6455 §4.2.1)", {
      headers: { upgrade: "websocket" },
    });
  }
  if (!listElements(fields.get("connection") ?? "").includes("upgrade")) {
    throw new HttpError(400, "Connection does not say upgrade (RFC 6455 §4.2.1)");
  }
  if (message.body !== null) throw new HttpError(400, "A handshake has no body (RFC 6455 §4.2.1)");
  if (!KEY.test(fields.get("sec-websocket-key") ?? "")) {
    throw new HttpError(400, "Sec-WebSocket-Key is not 16 bytes in base64 (RFC 6455 §4.2.1)");
  }
}

// "If this version does not match a version understood by the server, the server MUST [...] send an
// appropriate HTTP error code (such as 426 Upgrade Required) and a |Sec-WebSocket-Version| header field"
// (RFC 6455 §4.2.2)
function checkVersion({ fields }: RequestMessage): void {
  if (fields.get("sec-websocket-version") === VERSION) return;
  throw new HttpError(426, "The version of WebSocket is 13 (RFC 6455 §4.2.2)", {
    headers: { upgrade: "websocket", "sec-websocket-version": VERSION },
  });
}

function checkProtocol({ fields }: RequestMessage, protocol: string | undefined): void {
  if (protocol === undefined) return;
  const offered = (fields.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  if (offered.includes(protocol)) return;
  throw new TypeError(`upgradeWebSocket: the client has not named the protocol ${JSON.stringify(protocol)}`);
}

function acceptKey(key: string): string {
  return createHash("sha1").update(key + GUID).digest("base64");
}
