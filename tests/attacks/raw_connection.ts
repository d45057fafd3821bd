/**
 * A TCP connection for attacks: it can stop reading, read slowly, half-close and reset, and it keeps what it received,
 * how the peer ended, and when.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { fromLatin1 } from "../support/bytes.ts";
import { pass } from "../support/deadline.ts";

/** What the attacks need of a socket. */
interface Endpoint {
  /** Some bytes, or `null` at the end of the peer's side. */
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  /** Closes with RST instead of FIN. */
  reset(): void;
}

/** How the peer ended its side. */
export type Ending = "end" | "reset";

/** How much of what is received is kept, in characters; what a flood is answered is more than a text can be. */
const KEPT = 64 * 1024 * 1024;

/** A recording connection. */
export class RawConnection implements AsyncDisposable {
  readonly #endpoint: Endpoint;
  readonly #reading: Promise<void>;
  readonly #watchers = new Set<() => void>();
  #received = "";
  #hold: PromiseWithResolvers<void> | null = null;
  #bytesPerSecond = Infinity;
  #closed = false;

  /** When the connection was established, in milliseconds of `performance.now()`, as every time here. */
  readonly openedAt: number = performance.now();
  /** How the peer ended its side; `null` while it has not. */
  ending: Ending | null = null;
  /** When the first byte was written; the time of the connection's making before that. */
  firstWriteAt: number = this.openedAt;
  /** When anything was last written, received, or ended. */
  lastEventAt: number = this.openedAt;
  /** When the last byte or the end arrived. */
  lastReceivedAt: number = this.openedAt;
  /** When the peer stopped taking bytes; `null` while it takes them. */
  refusedAt: number | null = null;

  private constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#reading = this.#read();
  }

  /** Connects to a port of the loopback interface. Only `resettable` connections can {@link RawConnection.reset}. */
  static async open(port: number, { resettable = false } = {}): Promise<RawConnection> {
    return new RawConnection(resettable ? await NodeEndpoint.open(port) : await DenoEndpoint.open(port));
  }

  /** Everything received, one character for each byte. */
  get received(): string {
    return this.#received;
  }

  /** Whether the peer has ended its side, or takes no more bytes. */
  get isOver(): boolean {
    return this.ending !== null || this.refusedAt !== null;
  }

  /** Writes all of the bytes: `false` when the peer does not take them any more. */
  async write(data: Uint8Array): Promise<boolean> {
    if (this.firstWriteAt === this.openedAt) this.firstWriteAt = performance.now();
    try {
      for (let offset = 0; offset < data.length;) {
        offset += await this.#endpoint.write(data.subarray(offset));
        this.lastEventAt = performance.now();
      }
    } catch (error) {
      this.#refused(error);
    }
    return this.refusedAt === null;
  }

  /** Ends this side only. */
  async end(): Promise<void> {
    try {
      await this.#endpoint.closeWrite();
      this.lastEventAt = performance.now();
    } catch (error) {
      this.#refused(error);
    }
  }

  /** Closes with RST. */
  reset(): void {
    this.#closed = true;
    this.#endpoint.reset();
  }

  /** Takes no bytes from the kernel until {@link RawConnection.resume}, but for those of a read under way. */
  pause(): void {
    this.#hold ??= Promise.withResolvers<void>();
  }

  /** Reads again. */
  resume(): void {
    this.#hold?.resolve();
    this.#hold = null;
  }

  /** Reads that much per second from now on. */
  limitReading(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Waits until something arrives or ends, `milliseconds` at most. */
  async change(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#watchers.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#watchers.delete(resolve);
  }

  /** Closes both sides and waits for what is pending. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#endpoint.close();
    this.#closed = true;
    this.resume();
    await this.#reading;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(16384);
    while (this.ending === null && !this.#closed) {
      if (this.#hold !== null) await this.#hold.promise;
      try {
        await this.#readOnce(buffer);
      } catch (error) {
        if (!this.#closed && !isReset(error)) throw error;
        this.#ended("reset");
      }
    }
  }

  async #readOnce(buffer: Uint8Array): Promise<void> {
    const slow = this.#bytesPerSecond < Infinity;
    if (slow) await pass(100);
    const limit = slow ? Math.max(1, Math.floor(this.#bytesPerSecond / 10)) : buffer.length;
    const count = await this.#endpoint.read(buffer.subarray(0, limit));
    if (count === null) return this.#ended("end");
    if (this.#received.length < KEPT) this.#received += fromLatin1(buffer.subarray(0, count));
    this.#arrived();
  }

  #ended(how: Ending): void {
    this.ending = how;
    this.#arrived();
  }

  #arrived(): void {
    this.lastReceivedAt = this.lastEventAt = performance.now();
    for (const wake of [...this.#watchers]) wake();
  }

  #refused(error: unknown): void {
    if (!this.#closed && !isReset(error)) throw error;
    this.refusedAt ??= performance.now();
  }
}

/** Whether an error says that the peer is gone. */
export function isReset(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const names = [
    "ConnectionReset",
    "ConnectionAborted",
    "BrokenPipe",
    "NotConnected",
    "Interrupted",
    "BadResource",
  ];
  const codes = ["ECONNRESET", "EPIPE", "ECONNABORTED", "ENOTCONN", "ERR_STREAM_PREMATURE_CLOSE"];
  return names.includes(error.name) || ("code" in error && codes.includes(String(error.code)));
}

class DenoEndpoint implements Endpoint {
  readonly #connection: Deno.TcpConn;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open(port: number): Promise<DenoEndpoint> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    return new DenoEndpoint(connection);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#connection.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#connection.write(data);
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  close(): void {
    this.#connection.close();
  }

  reset(): void {
    throw new TypeError("this connection was not opened to be reset");
  }
}

/** `Deno.Conn` has no SO_LINGER, so only `node:net` can send RST. */
class NodeEndpoint implements Endpoint {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<unknown>;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket.iterator({ destroyOnReturn: false });
  }

  static async open(port: number): Promise<NodeEndpoint> {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("connect", resolve);
    socket.once("error", reject);
    await promise;
    return new NodeEndpoint(socket);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const { done, value } = await this.#chunks.next();
    if (done) return null;
    if (!Buffer.isBuffer(value)) throw new TypeError("a socket gave no bytes");
    const taken = value.subarray(0, buffer.length);
    if (taken.length < value.length) this.#socket.unshift(value.subarray(taken.length));
    buffer.set(taken);
    return taken.length;
  }

  write(data: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(data, (error) => error ? reject(error) : resolve(data.length));
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  close(): void {
    this.#socket.destroy();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }
}
