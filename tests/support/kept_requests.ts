/**
 * Keeps the requests of connections that have closed, and prints how many bytes of the memory that those connections
 * were read into are kept with them. Run it with `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { HttpServer } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { latin1 } from "./bytes.ts";
import { turns, until } from "./deadline.ts";
import { RawClient } from "./raw_client.ts";

const CONNECTIONS = 20;
const HEAD = `GET / HTTP/1.1\r\nHost: a\r\nX-Fill: ${"x".repeat(20_000)}\r\n\r\n`;

const memory: WeakRef<ArrayBufferLike>[] = [];
const kept: Request[] = [];

const server = new HttpServer((request) => {
  kept.push(request);
  return new Response();
});
for (let index = 0; index < CONNECTIONS; index++) {
  const { client, server: end } = connectionPair();
  const read = end.read.bind(end);
  server.accept(Object.assign(end, {
    read(buffer: Uint8Array): Promise<number | null> {
      memory.push(new WeakRef(buffer.buffer));
      return read(buffer);
    },
  }));
  const raw = new RawClient(client);
  await raw.send(latin1(HEAD));
  await raw.readResponse();
  await raw.close();
}
await until("the end of all connections", () => server.clients.size === 0);
const collect: unknown = Reflect.get(globalThis, "gc");
if (typeof collect !== "function") throw new TypeError("Run it with --v8-flags=--expose-gc");
for (let round = 0; round < 3; round++) {
  await turns();
  collect();
}
const left = memory.map((reference) => reference.deref()?.byteLength ?? 0);
console.log(kept.length, memory.length >= CONNECTIONS, left.reduce((sum, size) => sum + size, 0));
await server.stop(1_000);
