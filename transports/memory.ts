/**
 * Connections in memory: a pair of ends, each of which reads what the other writes.
 *
 * @module
 */

import type { Connection } from "../connection.ts";

/** How a pair behaves. */
export interface ConnectionPairOptions {
  /** The address of the client's end. @default {"127.0.0.1", port 50000} */
  readonly clientAddr?: Deno.Addr | undefined;
  /** The address of the server's end. @default {"127.0.0.1", port 80} */
  readonly serverAddr?: Deno.Addr | undefined;
  /** How many bytes one direction holds before writing waits for reading. @default {65536} */
  readonly capacity?: number | undefined;
}

/** The two ends of a connection. */
export interface ConnectionPair {
  /** The end of whoever plays the client. */
  readonly client: MemoryConnection;
  /** The end that a server is given. */
  readonly server: MemoryConnection;
}

/** One direction: bytes in order, bounded. */
class Pipe {
  readonly #capacity: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #error: Error | null = null;
  #readable = Promise.withResolvers<void>();
  #writable = Promise.withResolvers<void>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#size === 0) {
      if (this.#error !== null) throw this.#error;
      if (this.#ended) return null;
      await this.#readable.promise;
    }
    let count = 0;
    while (count < buffer.length && this.#chunks.length > 0) count += this.#take(buffer.subarray(count));
    this.#size -= count;
    if (this.#size === 0) this.#readable = Promise.withResolvers();
    this.#writable.resolve();
    return count;
  }

  #take(room: Uint8Array): number {
    const chunk = this.#chunks[0]!;
    const count = Math.min(chunk.length, room.length);
    room.set(chunk.subarray(0, count));
    if (count === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(count);
    return count;
  }

  async write(data: Uint8Array): Promise<number> {
    while (this.#error === null && this.#size >= this.#capacity) {
      this.#writable = Promise.withResolvers();
      await this.#writable.promise;
    }
    if (this.#error !== null) throw this.#error;
    if (this.#ended) throw new Deno.errors.BrokenPipe("The other end is closed");
    const count = Math.min(data.length, this.#capacity - this.#size);
    this.#chunks.push(data.slice(0, count));
    this.#size += count;
    this.#readable.resolve();
    return count;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  fail(error: Error): void {
    this.#error ??= error;
    this.#chunks = [];
    this.#size = 0;
    this.#wake();
  }

  #wake(): void {
    this.#readable.resolve();
    this.#writable.resolve();
  }
}

/** One end of a connection in memory; behaves as a TCP connection does. */
export class MemoryConnection implements Connection {
  /** The address of this end. */
  readonly localAddr: Deno.Addr;
  /** The address of the other end. */
  readonly remoteAddr: Deno.Addr;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #closed = false;

  /** Made by {@link connectionPair}. */
  constructor(ends: { local: Deno.Addr; remote: Deno.Addr; incoming: Pipe; outgoing: Pipe }) {
    this.localAddr = ends.local;
    this.remoteAddr = ends.remote;
    this.#incoming = ends.incoming;
    this.#outgoing = ends.outgoing;
  }

  /** Reads what the other end wrote, or `null` once it has ended its side. */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#closed) throw new Deno.errors.BadResource("The connection is closed");
    return await this.#incoming.read(buffer);
  }

  /** Writes as much as the other end has room for. */
  async write(data: Uint8Array): Promise<number> {
    if (this.#closed) throw new Deno.errors.BadResource("The connection is closed");
    return await this.#outgoing.write(data);
  }

  /** Ends this side; the other end reads what was written, then `null`. */
  closeWrite(): Promise<void> {
    this.#outgoing.end();
    return Promise.resolve();
  }

  /** Closes both directions: the other end reads what was written, then `null`; its writes fail. */
  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource("The connection is closed");
    this.#closed = true;
    this.#outgoing.end();
    this.#incoming.fail(new Deno.errors.Interrupted("The connection was closed"));
  }

  /** Breaks the connection, as a TCP reset does: what is under way is lost, and both ends get an error. */
  reset(): void {
    this.#closed = true;
    const error = new Deno.errors.ConnectionReset("Connection reset by peer");
    this.#outgoing.fail(error);
    this.#incoming.fail(error);
  }
}

/**
 * Makes a connection in memory, so that a handler or a driver is tested without a socket.
 *
 * @example
 * ```ts
 * import { HttpServer } from "@drover/http";
 * import { connectionPair } from "@drover/http/testing";
 *
 * const server = new HttpServer(() => new Response("Hello"));
 * const { client, server: end } = connectionPair();
 * server.accept(end);
 * await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
 * const buffer = new Uint8Array(1024);
 * const count = await client.read(buffer) ?? 0;
 * console.log(new TextDecoder().decode(buffer.subarray(0, count)).split("\r\n")[0]); // HTTP/1.1 200 OK
 * client.close();
 * await server.stop();
 * ```
 */
export function connectionPair(options: ConnectionPairOptions = {}): ConnectionPair {
  const capacity = options.capacity ?? 65536;
  const clientAddr = options.clientAddr ?? { transport: "tcp", hostname: "127.0.0.1", port: 50000 };
  const serverAddr = options.serverAddr ?? { transport: "tcp", hostname: "127.0.0.1", port: 80 };
  const up = new Pipe(capacity);
  const down = new Pipe(capacity);
  return {
    client: new MemoryConnection({ local: clientAddr, remote: serverAddr, incoming: down, outgoing: up }),
    server: new MemoryConnection({ local: serverAddr, remote: clientAddr, incoming: up, outgoing: down }),
  };
}
