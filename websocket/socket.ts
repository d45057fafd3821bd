/**
 * The server's end of a WebSocket, with the members of the web's class.
 *
 * @module
 */

import { InputBuffer } from "../drivers/input_buffer.ts";
import { Memory } from "../memory.ts";
import { UpgradedConnection } from "../upgraded_connection.ts";
import { deflate, inflate } from "./deflate.ts";
import {
  CloseCode,
  decodeText,
  encodeClose,
  encodeFrame,
  encodeText,
  isCloseCode,
  Opcode,
  parseClose,
  WebSocketFault,
} from "./frame.ts";
import { MessageParser, type Received } from "./message_parser.ts";
import { SendQueue } from "./send_queue.ts";

/** What may be said of a socket when it is made. */
export interface WebSocketOptions {
  /** The subprotocol, one of those that the client has named. */
  readonly protocol?: string | undefined;
  /**
   * Seconds after which a peer that sends nothing is given up; it is sent a ping after half of them. 0 for never.
   *
   * @default {120}
   */
  readonly idleTimeout?: number | undefined;
  /**
   * The largest message that is taken, in bytes, inflated and with all its fragments; beyond it the socket fails with 1009.
   *
   * @default {1048576}
   */
  readonly maxMessageSize?: number | undefined;
  /**
   * Whether messages are compressed (RFC 7692) where the client offers it. Of what is sent, only messages from 1 KiB on are.
   *
   * @default {true}
   */
  readonly compress?: boolean | undefined;
}

/** Options that are complete. */
export interface SocketSettings {
  /** See {@link WebSocketOptions}. */
  readonly idleTimeout: number;
  /** See {@link WebSocketOptions}. */
  readonly maxMessageSize: number;
  /** See {@link WebSocketOptions}. */
  readonly compress: boolean;
}

/**
 * Checks options and completes them.
 *
 * @throws {RangeError} for a value that is not allowed
 */
export function resolveSocketOptions(options: WebSocketOptions): SocketSettings {
  const { idleTimeout = 120, maxMessageSize = 1_048_576, compress = true } = options;
  if (!(idleTimeout >= 0 && idleTimeout <= 2_000_000)) {
    throw new RangeError(`idleTimeout is ${idleTimeout}, but must be 0 to 2000000 seconds`);
  }
  if (!(Number.isInteger(maxMessageSize) && maxMessageSize >= 0)) {
    throw new RangeError(`maxMessageSize is ${maxMessageSize}, but must be 0 or more bytes`);
  }
  return { idleTimeout, maxMessageSize, compress };
}

/** What a socket is made of. */
export interface SocketInit {
  /** Its URL. */
  readonly url: string;
  /** Its subprotocol, or `""`. */
  readonly protocol: string;
  /** Whether permessage-deflate was agreed on. */
  readonly deflate: boolean;
  /** Its options. */
  readonly settings: SocketSettings;
}

const READ_SIZE = 16 * 1024;
const LARGEST_READ = 64 * 1024;

/** Messages of fewer bytes are not worth compressing. */
const WORTH_DEFLATING = 1024;

/** How long a peer may take to answer a Close frame, in milliseconds. */
const CLOSE_TIMEOUT = 5_000;

const ENCODER = new TextEncoder();
const NOTHING = new Uint8Array(0);

/**
 * A WebSocket on the server. It has the members of the web's `WebSocket`, and {@link ServerWebSocket.drained}. It does not read while
 * more than a mebibyte waits to be sent, so that a peer that does not read cannot make an echo grow.
 *
 * @example
 * ```ts
 * import type { ServerWebSocket } from "@drover/http/websocket";
 *
 * async function sendMany(socket: ServerWebSocket, pieces: Iterable<Uint8Array>): Promise<void> {
 *   for (const piece of pieces) {
 *     socket.send(piece);
 *     await socket.drained; // null while the peer keeps up
 *   }
 * }
 * console.log(sendMany.length); // 2
 * ```
 */
export class ServerWebSocket extends EventTarget {
  /** The web's constants. */
  readonly CONNECTING = 0;
  /** The web's constants. */
  readonly OPEN = 1;
  /** The web's constants. */
  readonly CLOSING = 2;
  /** The web's constants. */
  readonly CLOSED = 3;
  /** The URL that was asked for. */
  readonly url: string;
  /** The subprotocol, or `""`. */
  readonly protocol: string;
  /** The extensions in use, or `""`. */
  readonly extensions: string;
  /** What binary messages come as. */
  binaryType: BinaryType = "blob";

  readonly #handlers = new Map<string, EventHandler | null>();
  readonly #origin: string;
  readonly #deflate: boolean;
  readonly #settings: SocketSettings;
  readonly #parser: MessageParser;
  readonly #input = new InputBuffer();
  #connection: UpgradedConnection | null = null;
  #queue: SendQueue | null = null;
  #state: 0 | 1 | 2 | 3 = 0;
  #blobs: Promise<void> | null = null;
  #blobSize = 0;
  #early: { readonly code: number | null; readonly reason: string } | null = null;
  #closeSent = false;
  #closeReceived = false;
  #closeCode: number = CloseCode.ABNORMAL;
  #closeReason = "";
  #heardAt = 0;
  #pinged = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Made by `upgradeWebSocket()`. */
  constructor({ url, protocol, deflate, settings }: SocketInit) {
    super();
    this.url = url;
    this.#origin = new URL(url).origin;
    this.protocol = protocol;
    this.extensions = deflate ? "permessage-deflate" : "";
    this.#deflate = deflate;
    this.#settings = settings;
    this.#parser = new MessageParser(settings.maxMessageSize, deflate);
  }

  /** Called when the socket opens. */
  get onopen(): ((event: Event) => void) | null {
    return this.#handler("open");
  }
  set onopen(handler: ((event: Event) => void) | null) {
    this.#setHandler("open", handler);
  }

  /** Called for each message. */
  get onmessage(): ((event: MessageEvent) => void) | null {
    return this.#handler("message");
  }
  set onmessage(handler: ((event: MessageEvent) => void) | null) {
    this.#setHandler("message", handler);
  }

  /** Called when the socket fails, before it closes. */
  get onerror(): ((event: Event | ErrorEvent) => void) | null {
    return this.#handler("error");
  }
  set onerror(handler: ((event: Event | ErrorEvent) => void) | null) {
    this.#setHandler("error", handler);
  }

  /** Called when the socket has closed. */
  get onclose(): ((event: CloseEvent) => void) | null {
    return this.#handler("close");
  }
  set onclose(handler: ((event: CloseEvent) => void) | null) {
    this.#setHandler("close", handler);
  }

  /** Listens for events, as every `EventTarget` does; this one's types are those of the web's `WebSocket`. */
  override addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: ((event: WebSocketEventMap[Type]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Listens for events of other types. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options);
  }

  #handler(type: string): EventHandler | null {
    return this.#handlers.get(type) ?? null;
  }

  // An event handler takes its place among the listeners when it is first set, and keeps it (HTML §8.1.8.1).
  #setHandler<E extends Event>(type: string, handler: ((event: E) => void) | null): void {
    const known = this.#handlers.has(type);
    this.#handlers.set(type, typeof handler === "function" ? handler as EventHandler : null);
    if (known) return;
    const listener = (event: Event) => this.#handlers.get(type)?.call(this, event);
    this.addEventListener(type, listener as EventListener);
  }

  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  get readyState(): number {
    return this.#state;
  }

  /** Bytes of messages that wait to be sent. */
  get bufferedAmount(): number {
    return (this.#queue?.size ?? 0) + this.#blobSize;
  }

  /** Settles when the peer has caught up, or the socket has closed; `null` while no more than a mebibyte waits. */
  get drained(): Promise<void> | null {
    return this.#queue?.drained ?? null;
  }

  /**
   * Sends a message. It is dropped when the socket is closing or closed.
   *
   * @throws {DOMException} `InvalidStateError` before the socket is open
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (this.#state === 0) throw new DOMException("The socket is not open", "InvalidStateError");
    if (this.#state !== 1) return;
    if (data instanceof Blob) return this.#sendBlob(data);
    if (this.#blobs === null) return this.#sendNow(data);
    const kept = typeof data === "string" ? data : toBytes(data).slice();
    this.#blobs = this.#blobs.then(() => this.#sendNow(kept));
  }

  #sendNow(data: string | ArrayBufferLike | ArrayBufferView): void {
    if (this.#closeSent || this.#queue === null) return;
    if (typeof data === "string" && (!this.#deflate || 3 * data.length < WORTH_DEFLATING)) {
      return this.#queue.push(encodeText(data));
    }
    const opcode = typeof data === "string" ? Opcode.TEXT : Opcode.BINARY;
    const bytes = typeof data === "string" ? ENCODER.encode(data) : toBytes(data);
    const compressed = this.#deflate && bytes.length >= WORTH_DEFLATING;
    this.#queue.push(encodeFrame(opcode, compressed ? deflate(bytes) : bytes, compressed));
  }

  // A Blob's bytes come later: what is sent behind it waits for them.
  #sendBlob(blob: Blob): void {
    const before = this.#blobs ?? Promise.resolve();
    this.#blobSize += blob.size;
    const sent = before.then(() => blob.arrayBuffer()).then((bytes) => {
      this.#blobSize -= blob.size;
      this.#sendNow(bytes);
      if (this.#blobs === sent) this.#blobs = null;
    });
    this.#blobs = sent;
  }

  /**
   * Begins the closing handshake (RFC 6455 §7.1.2). The peer has 5 seconds to answer. The web's class is a client's, and takes 1000
   * and 3000 to 4999 alone; a server may say more, such as 1008 (policy violation) or 1013 (try again later).
   *
   * @param code one that a server may send (RFC 6455 §7.4); no code is sent when it is left out
   * @param reason at most 123 bytes
   * @throws {DOMException} as the web's class does: `InvalidAccessError` for any other code, `SyntaxError` for a longer reason
   */
  close(code?: number, reason = ""): void {
    if (code !== undefined && !maySend(code)) {
      throw new DOMException(`The code is ${code}, which a server may not send`, "InvalidAccessError");
    }
    if (ENCODER.encode(reason).length > 123) {
      throw new DOMException("The reason has more than 123 bytes", "SyntaxError");
    }
    this.#beginClose(code ?? (reason === "" ? null : 1000), reason);
  }

  #beginClose(code: number | null, reason: string): void {
    if (this.#state >= 2) return;
    this.#state = 2;
    const before = this.#blobs ?? Promise.resolve();
    if (this.#blobs === null) this.#sendClose(code, reason);
    else before.then(() => this.#sendClose(code, reason));
    this.#limitClose();
  }

  /** From here on the peer has so long to take what is sent, and to answer. */
  #limitClose(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connection?.close(), CLOSE_TIMEOUT);
  }

  #sendClose(code: number | null, reason: string): void {
    if (this.#closeSent) return;
    if (this.#queue === null) { // it is sent when the socket opens
      this.#early = { code, reason };
      return;
    }
    this.#closeSent = true;
    this.#queue.push(encodeClose(code, reason));
  }

  // Its life.

  /** Serves the socket until it is closed. Called by the driver. */
  async run(connection: UpgradedConnection): Promise<void> {
    this.#connection = connection;
    this.#queue = new SendQueue(connection);
    const early = this.#early; // closed before it was open
    if (early === null) this.#state = 1;
    const onStop = () => this.#beginClose(CloseCode.GOING_AWAY, "The server stops");
    connection.signal.addEventListener("abort", onStop);
    this.#heardAt = performance.now();
    if (early === null) this.#watch();
    try {
      if (early !== null) this.#sendClose(early.code, early.reason);
      else this.dispatchEvent(new Event("open"));
      await this.#receive(connection);
      await this.#queue.flushed;
      if (this.#closeReceived) await connection.closeWrite();
    } catch (error) {
      await this.#fail(error);
    } finally {
      connection.signal.removeEventListener("abort", onStop);
      clearTimeout(this.#timer);
      this.#queue.end();
      connection.close();
      this.#end();
    }
  }

  async #receive(connection: UpgradedConnection): Promise<void> {
    const underlying = UpgradedConnection.underlying(connection);
    let memory = new Memory(READ_SIZE);
    while (!this.#closeReceived) {
      const held = this.#queue!.drained;
      if (held !== null) await held;
      const count = await underlying.read(memory.bytes);
      if (count === null) return;
      this.#heardAt = performance.now();
      this.#pinged = false;
      this.#input.push(memory.start(count));
      this.#takeAll();
      this.#input.retain();
      if (count === memory.bytes.length && count < LARGEST_READ) memory = new Memory(LARGEST_READ);
    }
  }

  #takeAll(): void {
    while (!this.#closeReceived) {
      const received = this.#parser.next(this.#input);
      if (received === undefined) return;
      this.#take(received);
    }
  }

  #take({ opcode, compressed, payload }: Received): void {
    switch (opcode) {
      case Opcode.PING:
        if (!this.#closeSent) this.#queue!.pushPong(encodeFrame(Opcode.PONG, payload));
        return;
      case Opcode.PONG:
        return;
      case Opcode.CLOSE:
        return this.#onClose(payload);
      default:
        return this.#onMessage(
          opcode,
          compressed ? inflate(payload, this.#settings.maxMessageSize) : payload,
        );
    }
  }

  #onMessage(opcode: Opcode, payload: Uint8Array): void {
    const data = opcode === Opcode.TEXT ? decodeText(payload) : this.#toBinary(payload);
    // "After sending a control frame indicating the connection should be closed, a peer does not send any further data"; what it
    // still receives is dropped, as the web's class does
    if (this.#state === 1) this.dispatchEvent(new MessageEvent("message", { data, origin: this.#origin }));
  }

  #toBinary(payload: Uint8Array): Blob | ArrayBuffer {
    const bytes = payload.slice();
    return this.binaryType === "blob" ? new Blob([bytes]) : bytes.buffer;
  }

  #onClose(payload: Uint8Array): void {
    const { code, reason } = parseClose(payload);
    this.#closeReceived = true;
    this.#closeCode = code ?? CloseCode.NO_STATUS;
    this.#closeReason = reason;
    if (this.#state < 2) this.#state = 2;
    this.#limitClose();
    // "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST send a Close frame in
    // response." (RFC 6455 §5.5.1)
    this.#sendClose(code, reason);
  }

  /** Fails the connection (RFC 6455 §7.1.7), where the peer's fault is told by a Close frame. */
  async #fail(error: unknown): Promise<void> {
    if (!(error instanceof WebSocketFault)) return; // the connection has failed, and tells nothing more
    this.#closeCode = error.code;
    this.#closeReason = error.message;
    this.#sendClose(error.code, error.message);
    if (this.#state < 2) this.#state = 2;
    this.#limitClose();
    this.dispatchEvent(new ErrorEvent("error", { error, message: error.message }));
    try {
      await this.#queue!.flushed;
      await this.#connection!.closeWrite();
      await drop(this.#connection!);
    } catch {
      this.#connection!.close(); // the peer is gone, or its time is over: it needs no telling
    }
  }

  #end(): void {
    if (this.#state === 3) return;
    this.#state = 3;
    const wasClean = this.#closeReceived && this.#closeSent;
    const [code, reason] = [this.#closeCode, this.#closeReason];
    this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
  }

  /** Sends a ping to a peer that has been silent for half of its time, and gives it up when it stays so. */
  #watch(): void {
    const limit = this.#settings.idleTimeout * 1000;
    if (limit === 0) return;
    const silent = performance.now() - this.#heardAt;
    if (silent >= limit) return this.#connection?.close();
    if (silent >= limit / 2 && !this.#pinged) {
      this.#pinged = true;
      this.#queue?.push(encodeFrame(Opcode.PING, NOTHING));
    }
    const next = (this.#pinged ? limit : limit / 2) - silent;
    this.#timer = setTimeout(() => this.#watch(), Math.max(1, next));
  }
}

/** A function that handles the events of one type, whose type its setter has checked. */
type EventHandler = (event: Event) => void;

/** Reads and drops what a peer still sends, so that closing does not take back what it was sent (RFC 6455 §7.1.1). */
async function drop(connection: UpgradedConnection): Promise<void> {
  const buffer = new Uint8Array(READ_SIZE);
  while (await connection.read(buffer) !== null);
}

// 1010 is a client's: that the server has not agreed to an extension (RFC 6455 §7.4.1)
function maySend(code: number): boolean {
  return Number.isInteger(code) && isCloseCode(code) && code !== 1010;
}

function toBytes(data: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}
