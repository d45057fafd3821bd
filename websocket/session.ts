/**
 * One WebSocket connection. A session reads frames, does the closing handshake (RFC 6455 §7), closes the
 * connection of a silent peer, and limits what a peer costs. It calls back its socket, which dispatches
 * events.
 *
 * @module
 */

import type { LoopTurns } from "../base/event_loop_share.ts";
import { TokenBucket } from "../base/token_bucket.ts";
import { InputBuffer } from "../drivers/input_buffer.ts";
import { ClientDisconnectedError } from "../errors.ts";
import type { Budget } from "../options.ts";
import { Memory } from "../memory.ts";
import { UpgradedConnection } from "../upgraded_connection.ts";
import { inflate } from "./deflate.ts";
import { type Close, CloseCode, Opcode, parseClose, WebSocketFault } from "./frame.ts";
import { MessageParser, type Received } from "./message_parser.ts";
import type { SocketSettings } from "./options.ts";
import { LARGE_READ, READS } from "./pools.ts";
import { SendQueue } from "./send_queue.ts";

/** The size of a read while the peer sends little, in bytes. */
const SMALL_READ = 4 * 1024;

/** From how many bytes on a read or a message may cost so much time that the clock is read. */
const LARGE = 4096;

/** How long a peer may take to read what was sent and to answer a Close frame, in milliseconds. */
const CLOSE_TIMEOUT = 5_000;

/** The longest time after which a session checks an exceeded budget again, in milliseconds. */
const LONGEST_HOLD = 60_000;

/** How a session has ended. */
export interface SessionEnd {
  /** The code of the peer's Close frame or of the fault; 1005 or 1006 where there is none. */
  readonly code: number;
  /** The reason of the peer's Close frame, or of the fault. */
  readonly reason: string;
  /** What went wrong; `null` where both sides have sent a Close frame. */
  readonly error: unknown;
}

/** The socket of a session, which the session calls back. */
export interface SessionObserver {
  /** The socket is open. */
  onOpen(): void;
  /** A message has come. Its bytes are valid until this returns. */
  onMessage(opcode: Opcode, payload: Uint8Array): void;
  /** The socket is closed. This is the last call. */
  onEnd(end: SessionEnd): void;
}

/**
 * The state of a session.
 *
 * ```text
 *  ▶ connecting ──▶ open ──▶ closing ──▶ closed
 *        │           (a Close frame was sent or received)
 *        └────────────▶ closed      (no connection came, or it has failed)
 * ```
 */
export type SessionState = "connecting" | "open" | "closing" | "closed";

/** What a frame has cost: `"work"` where a listener ran, which may have taken long, else `"frame"`. */
type Step = "work" | "frame";

/** The server's end of one connection. */
export class Session {
  readonly #settings: SocketSettings;
  readonly #deflate: boolean;
  readonly #parser: MessageParser;
  readonly #input = new InputBuffer();
  readonly #pings: TokenBucket | null;
  readonly #inflated: TokenBucket | null;
  #connection: UpgradedConnection | null = null;
  #turns: LoopTurns | null = null;
  #queue: SendQueue | null = null;
  #state: SessionState = "connecting";
  #early: Close | null = null; // of a close() before the socket was open
  #received: Close | null = null; // the peer's Close frame
  #failure: unknown = null; // why the connection was cut on this side
  #isOverBudget = false; // the budget of inflated bytes
  #hold: PromiseWithResolvers<void> | null = null; // resolved when this budget has filled up
  #holdTimer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;
  #pinged = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The socket that is called back. */
  observer: SessionObserver | null = null;

  /** @param settings the options; @param deflate whether permessage-deflate was agreed on */
  constructor(settings: SocketSettings, deflate: boolean) {
    this.#settings = settings;
    this.#deflate = deflate;
    this.#parser = new MessageParser(settings.maxMessageSize, deflate);
    this.#pings = bucketOf(settings.pingBudget);
    this.#inflated = bucketOf(settings.inflateBudget);
  }

  /** The state. */
  get state(): SessionState {
    return this.#state;
  }

  /** Bytes that wait to be sent. */
  get bufferedAmount(): number {
    return this.#queue?.size ?? 0;
  }

  /** Resolves when the peer has taken enough, or the socket has closed; `null` while little waits. */
  get drained(): Promise<void> | null {
    return this.#queue?.drained ?? null;
  }

  /** Sends a message; does nothing unless the socket is open. */
  send(data: string | Uint8Array | Blob): void {
    if (this.#state === "open") this.#queue!.send(data);
  }

  /** Begins the closing handshake, after all messages that were sent (RFC 6455 §7.1.2). */
  close(code: number | null, reason: string): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#state = "closing";
    this.#isOverBudget = false; // because from here on nothing is inflated
    this.#release();
    if (this.#queue === null) { // there is no connection yet: #open() sends the Close frame
      this.#early = { code, reason };
      return;
    }
    this.#queue.close(code, reason);
    this.#limitClose();
  }

  // Its life.

  /** Serves the connection until it is closed. Never rejects. */
  async run(connection: UpgradedConnection): Promise<void> {
    if (this.#state === "closed") return connection.close(); // the client had left before
    const { signal } = connection;
    this.#connection = connection;
    this.#turns = UpgradedConnection.turnsOf(connection);
    const { maxBufferedAmount } = this.#settings;
    this.#queue = new SendQueue(connection, { deflate: this.#deflate, maxBufferedAmount }, this);
    const onStop = () => this.close(CloseCode.GOING_AWAY, "The server stops");
    signal.addEventListener("abort", onStop);
    try {
      this.#open();
      if (signal.aborted) onStop();
      await this.#receive(connection);
      await this.#queue.flushed;
      await connection.closeWrite();
    } catch (error) {
      await this.#fail(this.#failure ?? error);
    } finally {
      signal.removeEventListener("abort", onStop);
      this.#end(this.#received ?? ABNORMAL, null);
      clearTimeout(this.#timer);
      this.#queue.end();
      connection.close();
    }
  }

  /**
   * Ends a session that gets no connection, because the client has left or the handler has answered
   * otherwise.
   */
  abandon(): void {
    if (this.#connection !== null) return;
    this.#end(ABNORMAL, new ClientDisconnectedError("The handshake was not completed (RFC 6455 §4.2.2)"));
  }

  #open(): void {
    this.#heardAt = performance.now();
    if (this.#early === null) {
      this.#state = "open";
      this.#watch();
      return this.observer?.onOpen();
    }
    this.#queue!.closeNow(this.#early.code, this.#early.reason);
    this.#limitClose();
  }

  /** Closes the connection; the loop that reads it then fails with `error`. */
  #cut(error: unknown): void {
    this.#failure ??= error;
    this.#queue?.end();
    this.#release();
    this.#connection?.close();
  }

  /** Starts the time within which the peer has to read what was sent, and to answer the Close frame. */
  #limitClose(): void {
    clearTimeout(this.#timer);
    const late = () =>
      this.#cut(new ClientDisconnectedError("The peer did not close in time (RFC 6455 §7.1.1)"));
    this.#timer = setTimeout(late, CLOSE_TIMEOUT);
  }

  /**
   * Fails the connection (RFC 6455 §7.1.7). A Close frame tells the peer which fault it made, if it made one.
   */
  async #fail(error: unknown): Promise<void> {
    if (!(error instanceof WebSocketFault)) return this.#lose(error);
    const { code, message: reason } = error;
    this.#queue!.closeNow(code, reason);
    this.#limitClose();
    this.#end({ code, reason }, error);
    try {
      await this.#queue!.flushed;
      await this.#connection!.closeWrite();
      await this.#drop();
    } catch {
      this.#connection!.close(); // the peer is gone, or its time is over, so nobody reads the Close frame
    }
  }

  /** Ends a session whose connection is gone: in good order if the peer had sent a Close frame. */
  #lose(error: unknown): void {
    if (this.#received === null) this.#end(ABNORMAL, error);
    else this.#end(this.#received, null);
  }

  /**
   * Reads and drops what the peer still sends. Closing with unread bytes would reset the connection, and the
   * peer could lose the Close frame (RFC 6455 §7.1.1).
   */
  async #drop(): Promise<void> {
    const buffer = new Uint8Array(LARGE_READ);
    while (await this.#connection!.read(buffer) !== null);
  }

  #end({ code, reason }: Close, error: unknown): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.observer?.onEnd({ code: code ?? CloseCode.NO_STATUS, reason, error });
  }

  // What the peer sends.

  async #receive(connection: UpgradedConnection): Promise<void> {
    const underlying = UpgradedConnection.underlying(connection);
    const small = new Memory(SMALL_READ);
    let memory = small;
    while (this.#received === null) {
      const count = await underlying.read(memory.bytes);
      if (count === null) {
        throw new ClientDisconnectedError("The peer left without a Close frame (RFC 6455 §7.1.5)");
      }
      this.#heardAt = performance.now();
      this.#pinged = false;
      // Small reads are not reported, because onRead() would take them for a peer that is not ahead. Over
      // HTTP/2 this is one stream of many, and the connection reports the reads of all.
      const held = count < LARGE ? null : this.#turns!.onRead(count);
      if (held !== null) await this.#wait(held);
      this.#input.push(memory.start(count));
      for (let step = this.#takeNext(); step !== null; step = this.#takeNext()) {
        const held = this.#pause(step);
        if (held !== null) await this.#wait(held);
      }
      const isAhead = count === memory.bytes.length || this.#input.length > 0;
      this.#input.retain();
      if (isAhead && memory === small) memory = READS.take();
      else if (!isAhead && memory !== small) {
        READS.give(memory);
        memory = small;
      }
    }
  }

  /**
   * Returns what to await before the next frame: the turn of other connections, the peer taking what was
   * sent, or the budget of inflated bytes.
   */
  #pause(step: Step): Promise<unknown> | null {
    const turn = step === "work"
      ? this.#turns!.onWork()
      : this.#input.length > 0
      ? this.#turns!.onMessage()
      : null;
    return turn ?? this.#queue!.drained ?? this.#refill();
  }

  async #wait(first: Promise<unknown>): Promise<void> {
    await first;
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const held = this.#queue!.drained ?? this.#refill();
      if (held === null) break;
      await held;
    }
    this.#heardAt = performance.now(); // because nothing was read in this time
  }

  /** Handles the next frame or message; returns `null` where none has come in full. */
  #takeNext(): Step | null {
    if (this.#received !== null) return null;
    const received = this.#parser.next(this.#input);
    if (received === undefined) return null;
    if (typeof received !== "string") return this.#take(received);
    if (received === "empty fragment") this.#countPing();
    return "frame";
  }

  #take({ opcode, compressed, payload }: Received): Step {
    switch (opcode) {
      case Opcode.PING:
        this.#countPing();
        this.#queue!.sendPong(payload);
        return "frame";
      case Opcode.PONG:
        this.#countPing();
        return "frame";
      case Opcode.CLOSE:
        this.#onClose(payload);
        return "frame";
      default:
        return this.#onMessage(opcode, compressed, payload);
    }
  }

  #onMessage(opcode: Opcode, compressed: boolean, payload: Uint8Array): Step {
    // "After sending a control frame indicating the connection should be closed, a peer does not send any
    // further data" (RFC 6455 §1.4). Messages that come after it are dropped, as by the web's class.
    if (this.#state !== "open") return "frame";
    const message = compressed ? this.#inflate(payload) : payload;
    this.observer?.onMessage(opcode, message);
    return message.length >= LARGE || this.#input.length > 0 ? "work" : "frame";
  }

  #countPing(): void {
    if (this.#pings === null || this.#pings.take(performance.now())) return;
    throw new WebSocketFault(
      CloseCode.POLICY_VIOLATION,
      "Too many pings, pongs or empty fragments (RFC 6455 §7.4.1)",
    );
  }

  #inflate(payload: Uint8Array): Uint8Array {
    const message = inflate(payload, this.#settings.maxMessageSize);
    if (this.#inflated !== null) this.#isOverBudget = !this.#inflated.take(performance.now(), message.length);
    return message;
  }

  /** Resolves when the budget of inflated bytes has to be checked again; `null` when it is not exceeded. */
  #refill(): Promise<void> | null {
    if (!this.#isOverBudget) return null;
    const delay = this.#inflated!.delay(performance.now());
    this.#isOverBudget = delay > 0;
    if (!this.#isOverBudget) return null;
    this.#hold = Promise.withResolvers();
    this.#holdTimer = setTimeout(() => this.#release(), Math.min(delay, LONGEST_HOLD));
    return this.#hold.promise;
  }

  #release(): void {
    clearTimeout(this.#holdTimer);
    this.#hold?.resolve();
    this.#hold = null;
  }

  #onClose(payload: Uint8Array): void {
    this.#received = parseClose(payload);
    if (this.#state === "open") this.#state = "closing";
    this.#limitClose();
    // "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST
    // send a Close frame in response." (RFC 6455 §5.5.1)
    this.#queue!.closeNow(this.#received.code, this.#received.reason);
  }

  // What the queue calls back.

  /** Counts as a sign of life when the peer takes bytes while the session does not read. */
  onWritten(): void {
    if (this.#queue!.drained !== null) this.#heardAt = performance.now();
  }

  /** Closes the connection, because nothing more can be sent. */
  onSendError(error: unknown): void {
    this.#cut(error);
  }

  /**
   * Sends a ping to a peer that was silent for half of `idleTimeout`, and closes the connection after all of
   * it.
   */
  #watch(): void {
    const limit = this.#settings.idleTimeout;
    if (limit === 0) return;
    const now = performance.now();
    if (this.#hold !== null) this.#heardAt = now; // because nothing is read while the session waits
    const silent = now - this.#heardAt;
    if (silent >= limit) return this.#cut(new ClientDisconnectedError(`The peer was silent for ${limit} ms`));
    if (silent < limit / 2) this.#pinged = false;
    else if (!this.#pinged) {
      this.#pinged = true;
      this.#queue!.sendPing();
    }
    const next = (this.#pinged ? limit : limit / 2) - silent;
    this.#timer = setTimeout(() => this.#watch(), Math.max(1, next));
  }
}

const ABNORMAL: Close = { code: CloseCode.ABNORMAL, reason: "" };

function bucketOf(budget: Budget | null): TokenBucket | null {
  return budget === null ? null : new TokenBucket(budget, performance.now());
}
