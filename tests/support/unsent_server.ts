/**
 * A server in a process of its own, for the tests that measure its memory. The first line that it prints is its port.
 *
 * `/now` answers at once with a fresh MiB, `/soon` once the microtask queue has turned, `/stream` with an endless stream of
 * chunks as large as `?size=` says. `/rss` says how much memory the process has, in bytes.
 *
 * @module
 */

import { type Handler, HttpServer } from "../../mod.ts";

const MEBIBYTE = 1_048_576;

function endless(size: number): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(size).fill(1)) }, {
    highWaterMark: 0,
  });
}

const handler: Handler = (request) => {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case "/now":
      return new Response(new Uint8Array(MEBIBYTE).fill(1));
    case "/soon":
      return Promise.resolve().then(() => new Response(new Uint8Array(MEBIBYTE).fill(1)));
    case "/stream":
      return new Response(endless(Number(searchParams.get("size"))));
    default:
      return new Response(`${Deno.memoryUsage().rss}`);
  }
};

const server = new HttpServer(handler);
const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
console.log((addr as Deno.NetAddr).port);
