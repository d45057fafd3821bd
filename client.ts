/**
 * One connection. A client reads, feeds the parser of its driver, queues what is written, keeps the
 * deadlines, and has the one path by which everything ends. It knows nothing of HTTP's syntax.
 *
 * @module
 */

import { type EventLoopShare, LoopTurns } from "./base/event_loop_share.ts";
import { formatEnd, formatPeer, INSPECT } from "./base/inspect.ts";
import type { SlowReaders } from "./client/slow_readers.ts";
import { type Client, ClientStatus, type Connection, type TlsInfo } from "./connection.ts";
import { callAfter, type DeadlineQueue, type Hurried } from "./deadlines.ts";
import type {
  DriverClient,
  HttpDriver,
  HttpDriverFactory,
  HttpParser,
  ParserStep,
} from "./drivers/driver.ts";
import { ClientDisconnectedError, HttpError } from "./errors.ts";
import { ExportedConnection } from "./exported_connection.ts";
import { attempt, ignore, type RequestMessage } from "./message.ts";
import { firstRequestGrace, type Options } from "./options.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { ServerRequest } from "./request.ts";
import type { RequestBody } from "./request_body.ts";
import { type WriteObserver, type WritePool, WriteQueue } from "./write_queue.ts";

/** The part of the server that a client uses. */
export interface ClientOwner {
  /** The deadlines of all clients. */
  readonly deadlines: DeadlineQueue;
  /** The share of the event loop that all clients have together. */
  readonly share: EventLoopShare;
  /** The memory and the write turns of all clients. */
  readonly writes: WritePool;
  /** The clients that are waited for while they read. */
  readonly slowReaders: SlowReaders;
  /**
   * Closes the connection, at once or as soon as Deno would free its socket. Called once; afterwards the
   * client reads and writes nothing.
   */
  close(client: RemoteClient): void;
  /** Passes a request to the handler. Never throws and never rejects. */
  dispatch(request: ServerRequest): Response | Promise<Response>;
  /** Answers a fault of the peer. Never throws and never rejects. */
  renderError(error: HttpError, request: ServerRequest | null): Response | Promise<Response>;
  /** Answers an error of the handler. Never throws and never rejects. */
  renderFailure(error: unknown, request: ServerRequest | null): Response | Promise<Response>;
  /** Logs an error. */
  report(error: unknown, request: ServerRequest | null): void;
}

/**
 * The state of a connection. Each state but the last has its deadline.
 *
 * ```text
 *  ▶ starting ──▶ open ──▶ closing ──▶ lingering ──▶ closed
 *   (TLS, driver)   │    (queue drains)  (FIN sent, what comes is dropped)
 *                   └────▶ exported ────────────────────▲        any state: close() ──▶ closed
 * ```
 */
type Phase = "starting" | "open" | "closing" | "lingering" | "exported" | "closed";

const NOTHING = new Uint8Array(0);

/** The size of a read that only watches for the end of the peer's side while the parser is held, in bytes. */
const WATCH_SIZE = 1024;

/**
 * How many bytes such reads take at most: enough to see the end of the peer's side behind some further
 * requests.
 */
const WATCH_LIMIT = 16 * 1024;

/** How long after the peer has ended its side, and after each probe, the peer is probed, in milliseconds. */
const PROBE_DELAY = 500;

// An id is unique in the process, which only the module can know.
let lastId = 0;

/** A connected peer. Made by the server for each connection. */
export class RemoteClient implements DriverClient, Hurried, WriteObserver {
  /** @inheritdoc */
  readonly id: number = ++lastId;
  /** @inheritdoc */
  readonly connection: Connection;
  /** @inheritdoc */
  readonly options: Options;
  /** @inheritdoc */
  readonly remoteAddress: string;
  /** @inheritdoc */
  readonly remotePort: number | null;
  /** @inheritdoc */
  readonly localAddress: string;
  /** @inheritdoc */
  readonly localPort: number | null;
  /** @inheritdoc */
  readonly isUnix: boolean;
  /** @inheritdoc */
  readonly isEncrypted: boolean;
  /** @inheritdoc */
  readonly bodies: Map<number, RequestBody> = new Map();
  /** @inheritdoc */
  readonly turns: LoopTurns;
  /** @inheritdoc */
  shouldClose = false;
  /** @inheritdoc */
  allowsPush = false;
  /** @inheritdoc */
  remainingRequests: number;
  /** @inheritdoc */
  onWriteDrain: (() => void) | null = null;

  readonly #owner: ClientOwner;
  readonly #queue: WriteQueue;
  readonly #reader: ReadBuffer;
  readonly #pending: RequestMessage[] = []; // no Set, which would allocate again for each request
  readonly #onClose: ((client: Client) => void)[] = [];
  #phase: Phase = "starting";
  #status: ClientStatus = ClientStatus.Open;
  #tlsInfo: TlsInfo | null = null;
  #driver: HttpDriver | null = null;
  #successor: { readonly driver: HttpDriver; readonly unparsed: Uint8Array } | null = null;
  #unparsed: Uint8Array | null = null;
  #parser: HttpParser | null = null;
  #waiting = false; // a read is under way whose bytes the parser waits for
  #deadline = Infinity;
  #timeout = Infinity;
  #writeDeadline = Infinity;
  #taken = 0; // bytes that the system took since the peer, with nothing queued for it, has sent something
  #isSlow = false; // it is one of the slow readers
  #heldSince = Infinity;
  #endedAt = Infinity; // when the peer ended its side
  #probedAt = Infinity; // when the peer was last probed
  #watchesSoon = false;
  #lingers = true; // whether the end waits for the peer's end, because the peer may be sending
  #lingered = 0;
  #stopper: AbortController | null = null;
  #drain: PromiseWithResolvers<null> | null = null;
  #resumed: PromiseWithResolvers<void> | null = null;
  #flushed: PromiseWithResolvers<void> | null = null;

  /**
   * @param connection to the peer; the client owns it from now on
   * @param options in force for this client
   * @param owner the server
   */
  constructor(connection: Connection, options: Options, owner: ClientOwner) {
    this.connection = connection;
    this.options = options;
    this.#owner = owner;
    const remote = readAddress(connection, "remoteAddr");
    const local = readAddress(connection, "localAddr");
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.localAddress = local.address;
    this.localPort = local.port;
    this.isUnix = remote.isUnix;
    this.isEncrypted = connection.handshake !== undefined;
    this.remainingRequests = options.requestLimit;
    this.turns = new LoopTurns(owner.share);
    this.#queue = new WriteQueue(connection, { pool: owner.writes, turns: this.turns, observer: this });
    this.#reader = new ReadBuffer(connection, options.chunkSize);
  }

  // Properties.

  /** @inheritdoc */
  get tlsInfo(): TlsInfo | null {
    return this.#tlsInfo;
  }

  /** @inheritdoc */
  get driver(): HttpDriver | null {
    return this.#driver;
  }

  /** @inheritdoc */
  get parser(): HttpParser | null {
    return this.#parser;
  }

  /** @inheritdoc */
  get bufferSize(): number {
    return this.#queue.size;
  }

  /** @inheritdoc */
  get drained(): Promise<null> | null {
    if (this.#queue.size <= this.options.softStreamCap) return null;
    if (this.#drain === null) {
      this.#drain = Promise.withResolvers();
      this.#drain.promise.catch(ignore); // must not become an unhandled rejection if nobody awaits it
    }
    return this.#drain.promise;
  }

  /** @inheritdoc */
  get gathersWrites(): boolean {
    return this.#queue.gathers;
  }
  set gathersWrites(gathers: boolean) {
    this.#queue.gathers = gathers;
  }

  /** @inheritdoc */
  get status(): ClientStatus {
    return this.#status;
  }

  /** @inheritdoc */
  get isExported(): boolean {
    return this.#phase === "exported";
  }

  /** @inheritdoc */
  get pendingRequestCount(): number {
    return this.#driver?.pendingRequestCount ?? 0;
  }

  /** @inheritdoc */
  get pendingResponseCount(): number {
    return this.#pending.length;
  }

  /** @inheritdoc */
  get isWaitingOnResponse(): boolean {
    return this.pendingResponseCount > this.pendingRequestCount;
  }

  /** @inheritdoc */
  get deadline(): number {
    return this.#deadline;
  }

  /** @inheritdoc */
  get now(): number {
    return this.#owner.deadlines.now;
  }

  /** @inheritdoc */
  get stopSignal(): AbortSignal {
    this.#stopper ??= new AbortController();
    return this.#stopper.signal;
  }

  /** @inheritdoc */
  extendDeadline(timeout: number = this.#timeout): void {
    if (this.#phase !== "open" && this.#phase !== "starting") return;
    this.#timeout = timeout;
    this.#deadline = this.#owner.deadlines.after(timeout);
  }

  /** @inheritdoc */
  pauseReading(): void {
    this.#resumed ??= Promise.withResolvers();
  }

  /** @inheritdoc */
  resumeReading(): void {
    this.#resumed?.resolve();
    this.#resumed = null;
  }

  /** @inheritdoc */
  renderError(error: HttpError, request: ServerRequest | null): Response | Promise<Response> {
    return this.#owner.renderError(error, request);
  }

  /** @inheritdoc */
  renderFailure(error: unknown, request: ServerRequest | null): Response | Promise<Response> {
    return this.#owner.renderFailure(error, request);
  }

  /** @inheritdoc */
  report(error: unknown, request: ServerRequest | null): void {
    this.#owner.report(error, request);
  }

  // Life.

  /**
   * Serves the connection until the end: does the TLS handshake, chooses the driver, then feeds the parser.
   *
   * @param factory chooses the driver
   * @returns a promise that resolves when the connection is closed or exported, and never rejects
   */
  async start(factory: HttpDriverFactory): Promise<void> {
    this.#owner.deadlines.add(this);
    try {
      await this.#handshake();
      if (this.#phase !== "starting") return;
      this.#phase = "open";
      this.extendDeadline(Infinity); // of the handshake, or of a stop before its end: from here on the driver sets it
      let parser: HttpParser | null = this.#setUp(factory.selectDriver(this));
      for (; parser !== null; parser = this.#succeed()) await this.#feed(parser);
      await this.#linger();
    } catch (error) {
      this.#fail(error);
    } finally {
      if (this.#phase !== "exported") this.close();
    }
  }

  #setUp(driver: HttpDriver): HttpParser {
    this.#driver = driver;
    this.#parser = driver.setup(
      this,
      (request) => this.#take(request),
      (data, close) => this.write(data, close),
    );
    if (this.#isStopping) this.#stopDriver(driver);
    return this.#parser;
  }

  /** @inheritdoc */
  replaceDriver(driver: HttpDriver, unparsed: Uint8Array): void {
    this.#successor = { driver, unparsed };
  }

  /** Sets up the driver that takes over, if there is one. Returns its parser. */
  #succeed(): HttpParser | null {
    if (this.#successor === null || this.#phase !== "open") return null;
    const { driver, unparsed } = this.#successor;
    this.#successor = null;
    this.#unparsed = unparsed.length > 0 ? unparsed : null;
    this.extendDeadline(Infinity);
    return this.#setUp(driver);
  }

  async #handshake(): Promise<void> {
    const { connection } = this;
    connection.setNoDelay?.(true);
    if (connection.handshake === undefined) return;
    this.extendDeadline(this.options.tlsSetupTimeout);
    const { alpnProtocol } = await connection.handshake();
    this.#tlsInfo = { alpnProtocol };
  }

  /** Feeds the parser until it returns, or until the connection leaves the phase `open`. */
  async #feed(parser: HttpParser): Promise<void> {
    let step = await this.#resume(parser, undefined);
    while (!step.done && this.#phase === "open") {
      this.#release();
      let chunk: Uint8Array | null | undefined;
      if (step.value === undefined && this.#unparsed !== null) {
        chunk = this.#unparsed;
        this.#unparsed = null;
      } else if (step.value === undefined) {
        if (this.#resumed !== null) await this.#resumed.promise;
        this.#waiting = true;
        let count: number | null;
        try {
          count = await this.#reader.read();
        } catch {
          return this.close(); // the connection has failed, which is no fault of the parser
        }
        if (!this.#waiting || this.#phase !== "open") return this.#drop(count);
        this.#waiting = false;
        if (this.#queue.size === 0) this.#taken = 0;
        chunk = count === null ? this.#onEnd() : this.#reader.take(count);
        const held = this.turns.onRead(count ?? 0);
        if (held !== null) await held;
      }
      step = await this.#resume(parser, chunk);
    }
  }

  /** Takes the parser one step on. */
  #resume(
    parser: HttpParser,
    chunk: Uint8Array | null | undefined,
  ): Promise<IteratorResult<ParserStep, void>> {
    this.#heldSince = this.now;
    return chunk === null ? parser.throw(new ClientDisconnectedError()) : parser.next(chunk);
  }

  /**
   * Moves the deadline by the time for which the parser was held, because the peer could not use that time.
   */
  #release(): void {
    const held = this.now - this.#heldSince;
    if (held > 0 && this.#deadline !== Infinity) this.#deadline += held;
    this.#heldSince = Infinity;
  }

  #onEnd(): null {
    if (this.#endedAt !== Infinity) return null;
    this.#status |= ClientStatus.ClosedRead;
    this.#endedAt = this.#probedAt = this.now;
    if (this.#phase === "open") this.#driver?.onPeerEnd?.();
    return null;
  }

  /** Drops bytes that come after the last message. */
  #drop(count: number | null): undefined {
    if (this.#phase === "exported") return;
    if (count === null) this.#onEnd();
    else this.#lingered += this.#reader.take(count).length;
  }

  /** Passes a request to the handler, and the response to the driver. */
  #take(request: ServerRequest): Promise<null> | null {
    this.#lingers = true; // because requests may still come after a stop that found the connection idle
    this.#pending.push(ServerRequest.messageOf(request));
    const response = this.#owner.dispatch(request);
    if (!(response instanceof Promise)) return this.#answer(request, response);
    this.#watchSoon();
    return response.then((late) => this.#answer(request, late));
  }

  /** Starts to watch for the end of the peer's side, unless the response is there within milliseconds. */
  #watchSoon(): void {
    if (this.#watchesSoon || this.#phase !== "open") return;
    this.#watchesSoon = true;
    this.#owner.deadlines.soon(this);
  }

  /** Called some milliseconds after a request without an immediate response. */
  onSoon(): void {
    this.#watchesSoon = false;
    if (this.#phase === "open" && this.#pending.length > 0 && !this.#waiting) this.#watch();
  }

  #answer(request: ServerRequest, response: Response): null {
    const message = ServerRequest.messageOf(request);
    const done = this.#driver!.write(request, response);
    if (done === null) this.#settle(message);
    else {
      this.#watchSoon();
      done.then(() => this.#settle(message), (error) => this.#settle(message, error));
    }
    return null;
  }

  #settle(message: RequestMessage, error?: unknown): void {
    const at = this.#pending.indexOf(message); // -1 once the client is closed
    if (at >= 0) {
      const last = this.#pending.pop()!;
      if (last !== message) this.#pending[at] = last;
    }
    if (error === undefined) message.deliver();
    else message.abort(error);
  }

  // Writing.

  /** Queues bytes (see {@link Write}). */
  write(data: Uint8Array, close = false): Promise<null> | null {
    if (this.#phase !== "open") return gone();
    if (data.length > 0) {
      this.#queue.push(data);
      if (this.#writeDeadline === Infinity) this.onWritten(0);
    }
    if (close) {
      this.#phase = "closing";
      this.#deadline = Infinity;
      if (this.#queue.size === 0) this.#endWriting();
    }
    return this.drained;
  }

  /** Some bytes were taken: the peer has as long again for the next. */
  onWritten(count: number): void {
    this.#taken += count;
    if (this.#isSlow) this.#endWait();
    this.#writeDeadline = this.#owner.deadlines.after(this.options.streamTimeout);
    if (this.#drain !== null && this.#queue.size <= this.options.softStreamCap) {
      this.#drain.resolve(null);
      this.#drain = null;
    }
  }

  /** The queue has become empty. */
  onEmpty(): void {
    this.#writeDeadline = Infinity;
    this.onWriteDrain?.();
    // The callback may have queued more bytes, and may have asked for the end behind them.
    if (this.#queue.size > 0) return;
    if (this.#phase === "closing") this.#endWriting();
    if (this.#phase === "exported") {
      this.#owner.deadlines.delete(this);
      this.#flushed?.resolve();
    }
  }

  /** The connection failed. */
  onWriteError(_error: unknown): void {
    this.close();
  }

  // "a server [...] performs a half-close by closing only the write side of the read/write connection. The
  // server then continues to read from the connection until it receives a corresponding close by the client"
  // (RFC 9112 §9.6): closing at once, with input unread, would make TCP take back the response.
  #endWriting(): void {
    this.#phase = "lingering";
    this.#status |= ClientStatus.ClosedWrite;
    this.#deadline = this.#owner.deadlines.after(this.options.lingerTimeout);
    const ended = this.connection.closeWrite?.() ?? Promise.resolve();
    ended.then(() => this.#flushed?.resolve(), () => this.close());
    if (this.connection.closeWrite === undefined || this.#endedAt !== Infinity || !this.#lingers) {
      ended.then(() => this.close(), ignore);
    }
  }

  async #linger(): Promise<void> {
    this.write(NOTHING, true);
    if (this.#phase === "closing") {
      this.#flushed = Promise.withResolvers();
      await this.#flushed.promise;
    }
    while (this.#phase === "lingering" && this.#endedAt === Infinity) {
      if (this.#lingered > this.options.drainLimit) await this.#untilClosed();
      else this.#drop(await this.#reader.read());
    }
  }

  // A peer that goes on sending is not cut at once, because a program that sends before it reads would get
  // the reset before it reads the response. The bytes wait in the system, which holds the peer back, until
  // `lingerTimeout` is over.
  #untilClosed(): Promise<void> {
    return new Promise((resolve) => this.onClose(() => resolve()));
  }

  // Time.

  /** Called at each tick. */
  onTick(now: number): void {
    if (now >= this.#writeDeadline && !this.#waitOn(now)) return this.close();
    // While the parser is held, the peer is not waited for: its deadline is moved once the parser goes on.
    const isWaitedFor = this.#phase !== "open" || this.#waiting;
    if (now >= this.#deadline && isWaitedFor) return this.#expire();
    if (this.#phase === "open") this.#driver?.onTick?.(now);
    if (this.#phase !== "open" || this.#heldSince > now - PATIENCE) return;
    if (this.#endedAt === Infinity) this.#watch();
    else if (this.#pending.length > 0 && this.options.halfClose === "answer") this.#probe(now);
  }

  /** Waits on for a peer that may be reading; says whether it does. */
  #waitOn(now: number): boolean {
    const more = this.#owner.slowReaders.admit(this, this.#taken, this.options);
    this.#isSlow ||= more > 0;
    this.#writeDeadline = now + more;
    return more > 0;
  }

  #endWait(): void {
    this.#isSlow = false;
    this.#owner.slowReaders.release(this);
  }

  /**
   * Ends the connection of a peer that is late. The open connection's parser gets a 408, which it answers.
   */
  #expire(): void {
    if (this.#phase !== "open") return this.close();
    this.#waiting = false;
    this.#deadline = Infinity;
    const late = new HttpError(408, "The request did not come in time (RFC 9110 §15.5.9)");
    this.#parser!.throw(late).then(() => this.write(NOTHING, true), (error) => this.#fail(error)).catch(
      ignore,
    );
  }

  // While the parser is held nothing is read, so the end of the peer's side would go unseen. One small read
  // is kept pending to see it. Its bytes, if it returns some, are given to the parser next.
  #watch(): void {
    const { isReading, ahead } = this.#reader;
    if (isReading || ahead >= WATCH_LIMIT || this.#resumed !== null || this.#endedAt !== Infinity) return;
    this.#reader.watch(Math.min(WATCH_SIZE, this.options.chunkSize)).then(
      (count) => count === null && this.#onEnd(),
      () => this.close(),
    );
  }

  // A peer that has ended its side may be waiting for its response, or may be gone; only a write can tell. A
  // peer that waits ignores an informational response. The system of a peer that is gone answers with a
  // reset.
  #probe(now: number): void {
    if (now - this.#probedAt <= PROBE_DELAY) return;
    this.#probedAt = now;
    this.#driver?.probe?.();
  }

  // The end.

  #fail(error: unknown): void {
    const ours = this.#phase === "open" && !this.#waiting;
    if (ours) this.#owner.report(error, null);
    this.close();
  }

  /** @inheritdoc */
  onClose(callback: (client: Client) => void): void {
    if (this.#phase === "closed") this.#call(callback);
    else this.#onClose.push(callback);
  }

  #call(callback: (client: Client) => void): void {
    attempt(() => callback(this), (error) => this.#owner.report(error, null));
  }

  /** @inheritdoc */
  close(): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#status = ClientStatus.Closed;
    this.#deadline = this.#writeDeadline = Infinity;
    if (this.#isSlow) this.#endWait();
    this.#owner.deadlines.delete(this);
    this.#queue.end();
    this.#reader.release(); // who keeps a request keeps its client, but no memory that it was read with
    this.#owner.close(this);
    this.#settleAll(new ClientDisconnectedError());
    for (const callback of this.#onClose.splice(0)) this.#call(callback);
    this.#parser?.return().catch((error) => this.#owner.report(error, null));
  }

  #settleAll(error: ClientDisconnectedError): void {
    this.#drain?.reject(error);
    this.#resumed?.resolve();
    this.#flushed?.resolve();
    for (const body of this.bodies.values()) body.fail(error);
    this.bodies.clear();
    for (const message of this.#pending.splice(0)) message.abort(error);
  }

  /** @inheritdoc */
  async stop(timeout: number): Promise<void> {
    if (this.#phase === "closed") return;
    this.#stopper ??= new AbortController(); // so that a later taker of the connection gets an aborted signal
    this.#stopper.abort(new ClientDisconnectedError("The server stops"));
    this.#lingers = !this.#isIdle;
    const closed = Promise.withResolvers<void>();
    this.onClose(() => closed.resolve());
    const timer = callAfter(timeout, () => this.close());
    if (this.#driver !== null) this.#stopDriver(this.#driver);
    else this.extendDeadline(Math.min(this.options.tlsSetupTimeout, firstRequestGrace(this.options)));
    await closed.promise;
    clearTimeout(timer);
  }

  get #isStopping(): boolean {
    return this.#stopper?.signal.aborted ?? false;
  }

  /**
   * Ends the connection once its driver is done, unless this driver has a successor, which is stopped next.
   */
  #stopDriver(driver: HttpDriver): void {
    driver.stop().then(() => {
      if (this.#driver === driver && this.#successor === null) this.write(NOTHING, true);
    }, (error) => this.#fail(error)).catch(ignore);
  }

  /** Shows on the console whose connection it is, and how it stands. */
  [INSPECT](
    inspect: (value: unknown, options: Deno.InspectOptions) => string,
    options: Deno.InspectOptions,
  ): string {
    const { id, localAddress, localPort, isEncrypted, bufferSize, pendingResponseCount } = this;
    return `Client ${
      inspect({
        id,
        peer: formatPeer(this),
        local: formatEnd(localAddress, localPort),
        tls: isEncrypted ? this.#tlsInfo?.alpnProtocol ?? "no ALPN" : null,
        state: this.#phase,
        pendingResponseCount,
        bufferSize,
      }, options)
    }`;
  }

  get #isIdle(): boolean {
    return this.#phase === "open" && this.#pending.length === 0 && this.#queue.size === 0;
  }

  /** @inheritdoc */
  export(): Connection {
    if (this.#phase !== "open" || this.#driver === null) {
      throw new TypeError(`The connection is ${this.#phase}: only one that is open can be exported`);
    }
    this.#phase = "exported";
    this.#deadline = Infinity;
    if (this.#queue.size > 0) this.#flushed = Promise.withResolvers(); // of earlier responses
    else this.#owner.deadlines.delete(this);
    const exported = new ExportedConnection(this.connection, {
      unparsed: this.#driver.release(),
      reader: this.#reader,
      flushed: this.#flushed?.promise ?? null,
      onClose: () => this.close(),
    });
    this.onClose(() => exported.interrupt());
    this.#parser?.return().catch((error) => this.#owner.report(error, null));
    return exported;
  }
}

/** How long the parser may be held before the connection is watched, in milliseconds. */
const PATIENCE = 50;

function gone(): Promise<null> {
  const rejected = Promise.reject(new ClientDisconnectedError());
  rejected.catch(ignore); // must not become an unhandled rejection if nobody awaits it
  return rejected;
}

interface Address {
  readonly address: string;
  readonly port: number | null;
  readonly isUnix: boolean;
}

/**
 * Reads the address of one side. The address of a socket that is dead already is unknown, and becomes `""`.
 */
function readAddress(connection: Connection, side: "remoteAddr" | "localAddr"): Address {
  try {
    const address = connection[side];
    if ("hostname" in address) return { address: address.hostname, port: address.port, isUnix: false };
    return {
      address: "path" in address ? address.path ?? "" : "",
      port: null,
      isUnix: address.transport === "unix",
    };
  } catch {
    return { address: "", port: null, isUnix: false }; // the first read fails, and ends the client
  }
}
