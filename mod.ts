/**
 * An HTTP server for Deno with the connection under the request.
 *
 * {@link serve} has the shape of `Deno.serve`; {@link HttpServer} is underneath. A handler gets a web `Request` and an
 * {@link Exchange}, and returns any web `Response`; Drover's own {@link Response} is cheaper to send.
 *
 * @example
 * ```ts
 * import { serve } from "@drover/http";
 *
 * const server = serve({ hostname: "127.0.0.1", port: 0 }, (request, exchange) => {
 *   return new Response(`Hello, ${exchange.client.remoteAddress}, you asked for ${request.url}`);
 * });
 * await server.shutdown();
 * ```
 *
 * @module
 */

export type { EventLoopShare, LoopTurns } from "./base/event_loop_share.ts";
export { type Client, ClientStatus, type Connection, type TlsInfo } from "./connection.ts";
export { UpgradedConnection, type UpgradedConnectionInit } from "./upgraded_connection.ts";
export type {
  DriverClient,
  HttpDriver,
  HttpDriverFactory,
  HttpParser,
  OnMessage,
  ParserStep,
  Write,
} from "./drivers/driver.ts";
export { COPIED_WRITE_SIZE } from "./drivers/driver.ts";
export { DefaultDriverFactory } from "./drivers/factory.ts";
export { Http1Driver } from "./drivers/http1/driver.ts";
export { ClientDisconnectedError, HttpError, type HttpErrorOptions } from "./errors.ts";
export { Exchange } from "./exchange.ts";
export type { FieldLines } from "./headers.ts";
export { type Protocol, RequestMessage, type TrailerSource, type UpgradeHandler } from "./message.ts";
export {
  type Budget,
  defaultOptions,
  type OptionalLimit,
  type Options,
  type OptionsInit,
  resolveOptions,
} from "./options.ts";
export { ServerRequest } from "./request.ts";
export { RequestBody, type RequestBodyInit } from "./request_body.ts";
export { Response, type ResponseClass, type ResponseContent } from "./response.ts";
export {
  serve,
  type ServeApp,
  type ServeExchange,
  type ServeHandler,
  type ServeInit,
  type ServeOptions,
  type ServerHandle,
  type ServeTcpOptions,
  type ServeTlsOptions,
  type ServeUnixOptions,
} from "./serve.ts";
export { type Handler, HttpServer, type HttpServerInit, type ServerStats } from "./server.ts";
export type { ErrorHandler, ErrorRenderer } from "./server/error_pages.ts";
export type { Listener } from "./transports/listen.ts";
export type {
  ListenOptions,
  ListenTcpOptions,
  ListenTlsOptions,
  ListenUnixOptions,
} from "./transports/place.ts";
