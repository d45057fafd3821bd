/**
 * The server of the fairness tests, in a process of its own: it prints its port, and ends when its standard input does.
 *
 * @module
 */

import { HttpServer } from "../../mod.ts";

const PIECE = new Uint8Array(64 * 1024);

async function discard(request: Request): Promise<Response> {
  let size = 0;
  for await (const chunk of request.body ?? []) size += chunk.length;
  return new Response(`${size}`);
}

/** A body that always has its next chunk at hand. */
function endless(size: number): Response {
  return new Response(
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(PIECE.subarray(0, size)),
    }),
  );
}

/** Works for some milliseconds, as a handler that renders a page does. */
function work(milliseconds: number): Response {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
  return new Response("done");
}

const server: HttpServer = new HttpServer((request, exchange) => {
  switch (new URL(request.url).pathname) {
    case "/discard":
      return discard(request);
    case "/endless":
      return endless(PIECE.length);
    case "/drops":
      return endless(16);
    case "/work":
      return work(1);
    case "/toil":
      return work(6);
    case "/echo":
      return exchange.upgrade((connection) => connection.readable.pipeTo(connection.writable));
    default:
      if (request.method === "CONNECT") {
        return exchange.upgrade((connection) => connection.readable.pipeTo(connection.writable));
      }
      return new Response("Hello");
  }
}, { bodySizeLimit: null, allowedMethods: ["GET", "POST", "CONNECT"], log: () => {} });

const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
console.log(addr.transport === "tcp" ? addr.port : 0);
await Deno.stdin.readable.pipeTo(new WritableStream());
await server.stop(0);
