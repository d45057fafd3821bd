/**
 * A program for a process of its own, started with `--expose-gc`: requests with a body come, wait for the one
 * handler that there may be, and leave. It prints as JSON what is left of them.
 *
 * @module
 */

import { HttpServer } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { until } from "./deadline.ts";

const [rounds = 1, each = 1, size = 1] = Deno.args.map(Number);
const encoder = new TextEncoder();
const endless = Promise.withResolvers<Response>();
const server = new HttpServer(() => endless.promise, { handlerLimit: 1, log: () => {} });

/** Memory that is in use, in MiB. */
function memory(): number {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect === "function") collect();
  const { heapUsed, external } = Deno.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

/** Sends requests that have to wait, and breaks their connections. */
async function visit(): Promise<number> {
  const peers = Array.from({ length: each }, () => {
    const { client, server: end } = connectionPair({ capacity: 2 * size });
    server.accept(end);
    return client;
  });
  const head = encoder.encode(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 * size}\r\n\r\n`);
  for (const peer of peers) {
    await peer.write(head);
    await peer.write(new Uint8Array(size));
  }
  await until("the wait", () => server.stats.waitingHandlers === each);
  const held = memory();
  for (const peer of peers) peer.reset();
  await until("the end of the wait", () => server.stats.waitingHandlers === 0 && server.stats.clients === 1);
  return held;
}

const first = connectionPair();
server.accept(first.server);
await first.client.write(encoder.encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
await until("the first request", () => server.stats.runningHandlers === 1);
await visit();
const before = memory();
let most = 0;
for (let round = 0; round < rounds; round++) most = Math.max(most, await visit());
console.log(JSON.stringify({ before, most, after: memory() }));
endless.resolve(new Response());
first.client.close();
await server.stop(1_000);
