/**
 * The handler under attack: the routes that the attacks need, each of them as a careful program would write it.
 *
 * @module
 */

import { type Exchange, HttpError, Response } from "../../mod.ts";
import { upgradeWebSocket } from "../../websocket/mod.ts";
import { misbehave } from "./misbehaviour.ts";

/** What the routes count; each of those that are open must be zero when all clients have gone. */
export interface Gauges {
  /** Handlers that wait for their request's signal. */
  waiting: number;
  /** Response streams that were neither read to their end nor cancelled. */
  streams: number;
  /** Upstream connections that are open. */
  upstreams: number;
  /** WebSockets that are open. */
  sockets: number;
  /** Tunnels and other upgraded connections that are open. */
  tunnels: number;
  /** Values that were kept; not a gauge of what is open. */
  kept: number;
}

const CHUNK = new Uint8Array(64 * 1024).fill(0x61);

/** One server's routes, and what they hold. */
export class Routes {
  readonly gauges: Gauges = { waiting: 0, streams: 0, upstreams: 0, sockets: 0, tunnels: 0, kept: 0 };
  /** Where `/upstream` connects to. */
  upstreamPort = 0;
  readonly #kept: string[] = [];

  /** Forgets what `/keep` has kept. */
  clear(): void {
    this.#kept.length = 0;
    this.gauges.kept = 0;
  }

  /** The handler. */
  readonly handle = (
    request: Request,
    exchange: Exchange,
  ): globalThis.Response | Promise<globalThis.Response> => {
    if (request.method === "CONNECT") return this.#tunnel(exchange);
    const { target } = exchange;
    const end = target.indexOf("?");
    const path = end < 0 ? target : target.slice(0, end);
    const query = new URLSearchParams(end < 0 ? "" : target.slice(end + 1));
    if (path.startsWith("/misbehave/")) return misbehave(path.slice(11), request, exchange);
    return this.#route(path, { request, exchange, query });
  };

  #route(
    path: string,
    { request, exchange, query }: Call,
  ): globalThis.Response | Promise<globalThis.Response> {
    switch (path) {
      case "/upload":
        return this.#upload(request);
      case "/echo":
        return new Response(request.body);
      case "/slow":
        return pause(Number(query.get("ms"))).then(() => new Response("slow"));
      case "/block":
        block(Number(query.get("ms")));
        return new Response("blocked");
      case "/never":
        return this.#wait(request);
      case "/large":
        return new Response(new Uint8Array(Number(query.get("size"))));
      case "/endless":
        return new Response(this.#endless());
      case "/events":
        return new Response(this.#events(), { headers: { "content-type": "text/event-stream" } });
      case "/keep":
        return this.#keep(request, exchange, query.get("what") ?? "");
      case "/socket":
        return this.#socket(request, query.get("does") ?? "");
      case "/take":
        return this.#tunnel(exchange);
      case "/upstream":
        return this.#upstream(request, exchange);
      default:
        return new Response("Hello, World!");
    }
  }

  async #upload(request: Request): Promise<globalThis.Response> {
    let bytes = 0;
    for await (const chunk of request.body ?? []) bytes += chunk.length;
    return new Response(String(bytes));
  }

  async #wait(request: Request): Promise<globalThis.Response> {
    this.gauges.waiting++;
    try {
      await new Promise<void>((resolve) => {
        if (request.signal.aborted) resolve();
        else request.signal.addEventListener("abort", () => resolve(), { once: true });
      });
    } finally {
      this.gauges.waiting--;
    }
    return new Response("nobody reads this");
  }

  #endless(): ReadableStream<Uint8Array> {
    this.gauges.streams++;
    return new ReadableStream({
      pull: (controller) => controller.enqueue(CHUNK),
      cancel: () => void this.gauges.streams--,
    }, { highWaterMark: 0 });
  }

  /** Events that never come: after the first the stream is idle, as most such streams are. */
  #events(): ReadableStream<Uint8Array> {
    this.gauges.streams++;
    return new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("data: hello\n\n")),
      cancel: () => void this.gauges.streams--,
    });
  }

  #keep(request: Request, exchange: Exchange, what: string): globalThis.Response {
    const value = what === "url"
      ? request.url
      : what === "target"
      ? exchange.target
      : request.headers.get("x-keep");
    this.#kept.push(value ?? "");
    this.gauges.kept++;
    return new Response(String(value?.length));
  }

  #socket(request: Request, does: string): globalThis.Response {
    const { socket, response } = upgradeWebSocket(request, { maxMessageSize: 2 ** 21 });
    socket.binaryType = "arraybuffer";
    socket.onopen = () => void this.gauges.sockets++;
    socket.onclose = () => void this.gauges.sockets--;
    socket.onmessage = ({ data }) => {
      if (does === "echo") socket.send(data);
      if (does === "keep" && data.length < 100) this.gauges.kept = this.#kept.push(data);
    };
    return response;
  }

  /** An echo over a tunnel, or over an upgraded connection, which ends when the server stops. */
  #tunnel(exchange: Exchange): globalThis.Response {
    return exchange.upgrade(async (connection) => {
      this.gauges.tunnels++;
      connection.signal.addEventListener("abort", () => connection.close(), { once: true });
      try {
        await connection.readable.pipeTo(connection.writable);
      } catch (error) {
        if (!(error instanceof Error)) throw error; // the peer has left: nothing to be said
      } finally {
        connection.close();
        this.gauges.tunnels--;
      }
    });
  }

  /** Opens an upstream, is slow about it, and then takes the connection over: its client may have left meanwhile. */
  async #upstream(request: Request, exchange: Exchange): Promise<globalThis.Response> {
    const upstream = await Deno.connect({ hostname: "127.0.0.1", port: this.upstreamPort });
    this.gauges.upstreams++;
    const close = () => {
      upstream[Symbol.dispose]();
      this.gauges.upstreams--;
    };
    await pause(800);
    try {
      return exchange.upgrade(async (connection) => {
        await Promise.allSettled([
          connection.readable.pipeTo(upstream.writable),
          upstream.readable.pipeTo(connection.writable),
        ]);
        connection.close();
        close();
      });
    } catch (cause) {
      close();
      throw new HttpError(502, `${request.method} was too late`, { cause });
    }
  }
}

/** What a route is given. */
interface Call {
  readonly request: Request;
  readonly exchange: Exchange;
  readonly query: URLSearchParams;
}

/** Computes, so that the event loop does nothing else. */
function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) continue;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
