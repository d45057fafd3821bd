/**
 * A server in memory whose time is a fake one. At the end of a case nothing may be left of it: no client, no timer, no
 * promise that has not settled, and nothing may have been logged but what a handler has thrown.
 *
 * @module
 */

import { type Client, type Connection, type Exchange, type Handler, HttpServer } from "../../mod.ts";
import { connectionPair, type MemoryConnection } from "../../testing.ts";
import { concat } from "../support/bytes.ts";
import { FakeTime } from "../support/fake_time.ts";
import type { ServerOptions } from "../support/server.ts";
import { Ledger } from "./ledger.ts";
import { demand, Finding } from "./target.ts";
import { quickTurns } from "./turns.ts";

/** How a connection hands out what it was sent. */
export interface Delivery {
  /** The lengths of the pieces; what remains is one more. */
  readonly cuts?: readonly number[];
  /** Whether everything that is ready runs before each piece. */
  readonly paced?: boolean;
  /** How many bytes each direction holds. */
  readonly capacity?: number;
  /** The protocol that the TLS handshake has chosen; without it there is none. */
  readonly alpn?: string;
}

/** An error that a handler throws on purpose. */
export class OnPurpose extends Error {}

/** How long the server may take to let go of a client that is gone or silent, in milliseconds of fake time. */
const PATIENCE = 400_000;

const CAPACITY = 8 * 1024 * 1024;
const READ_SIZE = 65_536;

/** The server's end of a connection: it is read in pieces. */
class PiecewiseConnection implements Connection {
  readonly #inner: MemoryConnection;
  readonly #cuts: readonly number[];
  readonly #paced: boolean;
  readonly #onMove: () => void;
  #next = 0;
  #left = 0;

  constructor(inner: MemoryConnection, { cuts = [], paced = false }: Delivery, onMove: () => void) {
    this.#inner = inner;
    this.#cuts = cuts;
    this.#paced = paced;
    this.#onMove = onMove;
  }

  get localAddr(): Deno.Addr {
    return this.#inner.localAddr;
  }

  get remoteAddr(): Deno.Addr {
    return this.#inner.remoteAddr;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#paced) await quickTurns(1);
    if (this.#left === 0) this.#left = this.#cuts[this.#next++] ?? Infinity;
    const count = await this.#inner.read(buffer.subarray(0, Math.min(buffer.length, this.#left)));
    if (count !== null) this.#left -= count;
    this.#onMove();
    return count;
  }

  async write(data: Uint8Array): Promise<number> {
    const count = await this.#inner.write(data);
    this.#onMove();
    return count;
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    this.#inner.close();
  }
}

/** The client's end of a connection: it takes whatever comes. */
export class Peer {
  /** What the server has made of the connection. */
  readonly client: Client;
  readonly #connection: MemoryConnection;
  readonly #received: Uint8Array[] = [];
  #writing: Promise<void> = Promise.resolve();
  #isOpen = true;
  /** Whether the server has ended its side. */
  ended = false;
  #held: PromiseWithResolvers<void> | null = null;

  constructor(connection: MemoryConnection, client: Client) {
    this.#connection = connection;
    this.client = client;
    this.#readAll();
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(READ_SIZE);
    try {
      for (
        let count = await this.#connection.read(buffer);
        count !== null;
        count = await this.#connection.read(buffer)
      ) {
        const bytes = buffer.slice(0, count);
        this.#received.push(bytes);
        await this.#held?.promise;
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    this.ended = true;
  }

  /** Whether it takes what comes. */
  set reads(reads: boolean) {
    if (reads) this.#held?.resolve();
    this.#held = reads ? null : this.#held ?? Promise.withResolvers();
  }

  /** Everything that has come. */
  get received(): Uint8Array {
    return concat(this.#received);
  }

  /** Sends bytes, behind those before them; whether anybody takes them does not matter. */
  send(bytes: Uint8Array): void {
    const copy = bytes.slice();
    this.#writing = this.#writing.then(() => this.#write(copy));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length && this.#isOpen;) {
        at += await this.#connection.write(bytes.subarray(at));
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Ends this side, behind what was sent. */
  end(): void {
    this.#writing = this.#writing.then(() => {
      if (this.#isOpen) return this.#connection.closeWrite();
    });
  }

  /** Closes both directions. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#connection.close();
  }

  /** Breaks the connection. */
  reset(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#connection.reset();
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource;
}

/** What a case gets of its server. */
export class Harness {
  /** The clock. */
  readonly time: FakeTime;
  /** The promises that must settle. */
  readonly ledger: Ledger = new Ledger();
  /** The server. */
  readonly server: HttpServer;
  readonly #log: unknown[] = [];
  readonly #peers: Peer[] = [];
  #moves = 0;
  #handlersTimers = 0;
  /** Whether an error that was logged is what the handler deserves. */
  isDeserved: (error: unknown) => boolean = () => false;

  constructor(time: FakeTime, handler: (harness: Harness) => Handler, options: ServerOptions) {
    this.time = time;
    const log = (error: unknown) => void this.#log.push(error);
    this.server = new HttpServer(handler(this), { log, connectionsPerIpLimit: 1000, ...options });
  }

  /** A further connection. */
  connect(delivery: Delivery = {}): Peer {
    const { client, server } = connectionPair({ capacity: delivery.capacity ?? CAPACITY });
    const pieces = new PiecewiseConnection(server, delivery, () => this.#moves++);
    const { alpn } = delivery;
    if (alpn !== undefined) {
      Object.assign(pieces, { handshake: () => Promise.resolve({ alpnProtocol: alpn }) });
    }
    const peer = new Peer(client, this.server.accept(pieces));
    this.#peers.push(peer);
    return peer;
  }

  /** Something has happened that others may follow from. */
  move(): void {
    this.#moves++;
  }

  /** Remembers the promises of an exchange that must settle. */
  watch(exchange: Exchange, what: string): void {
    this.ledger.track(`completed of ${what}`, exchange.completed).catch(() => {});
    this.ledger.track(`trailers of ${what}`, exchange.trailers).catch(() => {});
  }

  /** Resolves when `milliseconds` of fake time have passed: the timer is a handler's, and not the server's. */
  async later(milliseconds: number): Promise<void> {
    this.#handlersTimers++;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, milliseconds);
    });
    this.#handlersTimers--;
  }

  /** Lets everything run that is ready, or is so within ten milliseconds. */
  async quiesce(): Promise<void> {
    for (let before = -1; before !== this.#moves;) {
      before = this.#moves;
      await this.time.settle();
      if (before === this.#moves) await this.time.pass(10);
    }
  }

  /** The errors that were logged and that no handler has thrown. */
  get faults(): readonly unknown[] {
    return this.#log.filter((error) => !(error instanceof OnPurpose || this.isDeserved(error)));
  }

  /** Waits until the server has let go of everything, and fails where it does not. */
  async finish(): Promise<void> {
    const end = this.time.now + PATIENCE;
    await this.quiesce();
    while (this.#isBusy && this.time.now < end) await this.time.pass(1000);
    this.#demandNothing();
    for (const peer of this.#peers) peer.close();
    await this.server.stop(0);
    await this.time.settle();
    demand(this.time.waiting === 0, `${this.time.waiting} timers are left`);
    this.ledger.demandSettled();
    const [fault] = this.faults;
    if (fault !== undefined) throw new Finding(`the server reports: ${fault}`, { cause: fault });
  }

  get #isBusy(): boolean {
    const { clients, runningHandlers } = this.server.stats;
    return clients > 0 || runningHandlers > 0 || this.#handlersTimers > 0;
  }

  #demandNothing(): void {
    const { clients, pendingRequests, pendingResponses, runningHandlers } = this.server.stats;
    const left = { clients, pendingRequests, pendingResponses, runningHandlers };
    demand(Object.values(left).every((count) => count === 0), `left behind: ${JSON.stringify(left)}`);
  }
}

/** Runs a case against a server of its own. */
export async function withHarness<T>(
  handler: (harness: Harness) => Handler,
  options: ServerOptions,
  run: (harness: Harness) => Promise<T>,
): Promise<T> {
  using time = new FakeTime(() => quickTurns(2));
  const harness = new Harness(time, handler, options);
  const result = await run(harness);
  await harness.finish();
  return result;
}
