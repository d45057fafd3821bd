/**
 * The server's end of a WebSocket, with the members of the web's class.
 *
 * @module
 */

import { CloseCode, decodeText, isCloseCode, Opcode } from "./frame.ts";
import type { Session, SessionEnd, SessionState } from "./session.ts";

/** The parts of a socket. */
export interface SocketInit {
  /** The URL of the socket. */
  readonly url: string;
  /** The subprotocol, or `""`. */
  readonly protocol: string;
  /** The extensions in use, or `""`. */
  readonly extensions: string;
  /** The session, which owns the connection. */
  readonly session: Session;
}

/** The `readyState` of each state of a session. */
const READY_STATE = { connecting: 0, open: 1, closing: 2, closed: 3 } as const satisfies Record<
  SessionState,
  number
>;

/** The longest reason of a Close frame, in bytes (RFC 6455 §5.5). */
const LONGEST_REASON = 123;

const ENCODER = new TextEncoder();

/**
 * A WebSocket on the server. It has the members of the web's `WebSocket`, is an `instanceof` it, and adds
 * {@link ServerWebSocket.drained}. The socket reads no further message while more than 1 MiB waits to be sent,
 * so that a peer that does not read cannot make an echo fill the memory. A handler may keep the data of a
 * message, because it is a copy.
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
export class ServerWebSocket extends EventTarget implements WebSocket {
  /** The value of {@link ServerWebSocket.readyState} before the socket is open. */
  static readonly CONNECTING = 0;
  /** The value of {@link ServerWebSocket.readyState} while the socket is open. */
  static readonly OPEN = 1;
  /** The value of {@link ServerWebSocket.readyState} during the closing handshake. */
  static readonly CLOSING = 2;
  /** The value of {@link ServerWebSocket.readyState} once the socket is closed. */
  static readonly CLOSED = 3;

  // Makes `socket instanceof WebSocket` true. No getter of the web's class is ever called, because this class
  // has all members of the web's class.
  static {
    Object.setPrototypeOf(this.prototype, WebSocket.prototype);
  }

  /** The URL that was asked for. */
  readonly url: string;
  /** The subprotocol, or `""`. */
  readonly protocol: string;
  /** The extensions in use, or `""`. */
  readonly extensions: string;

  readonly #handlers = new Map<string, EventHandler | null>();
  readonly #origin: string;
  readonly #session: Session;
  #binaryType: BinaryType = "arraybuffer";

  /** Made by `upgradeWebSocket()`. */
  constructor({ url, protocol, extensions, session }: SocketInit) {
    super();
    this.url = url;
    this.#origin = new URL(url).origin;
    this.protocol = protocol;
    this.extensions = extensions;
    this.#session = session;
    session.observer = {
      onOpen: () => void this.dispatchEvent(new Event("open")),
      onMessage: (opcode, payload) => this.#onMessage(opcode, payload),
      onEnd: (end) => this.#onEnd(end),
    };
  }

  /** The value of {@link ServerWebSocket.readyState} before the socket is open. */
  get CONNECTING(): 0 {
    return 0;
  }

  /** The value of {@link ServerWebSocket.readyState} while the socket is open. */
  get OPEN(): 1 {
    return 1;
  }

  /** The value of {@link ServerWebSocket.readyState} during the closing handshake. */
  get CLOSING(): 2 {
    return 2;
  }

  /** The value of {@link ServerWebSocket.readyState} once the socket is closed. */
  get CLOSED(): 3 {
    return 3;
  }

  /** The name of the web's class. */
  get [Symbol.toStringTag](): string {
    return "WebSocket";
  }

  /** The state of the socket: 0 connecting, 1 open, 2 closing, 3 closed. */
  get readyState(): 0 | 1 | 2 | 3 {
    return READY_STATE[this.#session.state];
  }

  /**
   * The type of the data of binary messages. Any other value that is set is ignored, as by the web's class.
   *
   * @default {"arraybuffer"}
   */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }
  set binaryType(type: BinaryType) {
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
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

  /**
   * Called right before `onclose` when the socket did not close in good order: the peer has made a fault, or
   * the connection has ended without the closing handshake. The event is an `ErrorEvent`; `error` is the
   * cause.
   */
  get onerror(): ((event: Event | ErrorEvent) => void) | null {
    return this.#handler("error");
  }
  set onerror(handler: ((event: Event | ErrorEvent) => void) | null) {
    this.#setHandler("error", handler);
  }

  /** Called once when the socket has closed, also a socket that never opened because the client had left. */
  get onclose(): ((event: CloseEvent) => void) | null {
    return this.#handler("close");
  }
  set onclose(handler: ((event: CloseEvent) => void) | null) {
    this.#setHandler("close", handler);
  }

  /**
   * Adds a listener, as with every `EventTarget`. The events are those of the web's `WebSocket`.
   */
  override addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: ((event: WebSocketEventMap[Type]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Adds a listener for events of other types. */
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

  /** Removes a listener. */
  override removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: ((event: WebSocketEventMap[Type]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  /** Removes a listener for events of other types. */
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void {
    super.removeEventListener(type, listener, options);
  }

  #handler(type: string): EventHandler | null {
    return this.#handlers.get(type) ?? null;
  }

  // The first set of an event handler decides about the place of the handler among the listeners. A later set
  // keeps that place (HTML §8.1.8.1).
  #setHandler<E extends Event>(type: string, handler: ((event: E) => void) | null): void {
    const known = this.#handlers.has(type);
    this.#handlers.set(type, typeof handler === "function" ? handler as EventHandler : null);
    if (known) return;
    const listener = (event: Event) => this.#handlers.get(type)?.call(this, event);
    this.addEventListener(type, listener as EventListener);
  }

  /**
   * How many bytes wait to be sent: messages, frame headers, and answers to pings. If more than
   * `maxBufferedAmount` wait when {@link ServerWebSocket.send} is called, the connection is closed.
   */
  get bufferedAmount(): number {
    return this.#session.bufferedAmount;
  }

  /**
   * Resolves when the peer has taken enough, or the socket has closed. It is `null` while no more than 1 MiB
   * waits, or no more than half of `maxBufferedAmount` if that is less. It never rejects.
   */
  get drained(): Promise<void> | null {
    return this.#session.drained;
  }

  /**
   * Sends a message. The message is dropped when the socket is closing or closed. Data that is neither bytes
   * nor a `Blob` is converted to a string. Bytes are copied at once.
   *
   * @throws {DOMException} `InvalidStateError` before the socket is open
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (this.readyState === 0) throw new DOMException("The socket is not open", "InvalidStateError");
    this.#session.send(toMessage(data));
  }

  /**
   * Begins the closing handshake (RFC 6455 §7.1.2). The peer has 5 seconds to answer. The web's class is made
   * for clients and allows only 1000 and 3000 to 4999. A server may send more codes, such as 1008 (policy
   * violation) or 1013 (try again later).
   *
   * @param code a code that a server may send (RFC 6455 §7.4); 1000 by default when there is a reason, else
   * none
   * @param reason at most 123 bytes in UTF-8
   * @throws {DOMException} `InvalidAccessError` for any other code, and `SyntaxError` for a longer reason, as
   * the web's class does
   */
  close(code?: number, reason = ""): void {
    if (code !== undefined && !maySend(code)) {
      throw new DOMException(`The code is ${code}, which a server may not send`, "InvalidAccessError");
    }
    if (ENCODER.encode(reason).length > LONGEST_REASON) {
      throw new DOMException(`The reason has more than ${LONGEST_REASON} bytes`, "SyntaxError");
    }
    this.#session.close(code ?? (reason === "" ? null : CloseCode.NORMAL), reason);
  }

  #onMessage(opcode: Opcode, payload: Uint8Array): void {
    const data = opcode === Opcode.TEXT ? decodeText(payload) : this.#toBinary(payload);
    this.dispatchEvent(new MessageEvent("message", { data, origin: this.#origin }));
  }

  #toBinary(payload: Uint8Array): Blob | ArrayBuffer {
    const bytes = payload.slice();
    return this.#binaryType === "blob" ? new Blob([bytes]) : bytes.buffer;
  }

  #onEnd({ code, reason, error }: SessionEnd): void {
    const wasClean = error === null;
    if (!wasClean) {
      const message = error instanceof Error ? error.message : String(error);
      this.dispatchEvent(new ErrorEvent("error", { error, message }));
    }
    this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
  }
}

/** An event handler such as `onmessage`. The types of the setters ensure that it fits the events it gets. */
type EventHandler = (event: Event) => void;

function maySend(code: number): boolean {
  return Number.isInteger(code) && isCloseCode(code) && code !== CloseCode.EXTENSION_MISSING;
}

function toMessage(data: string | ArrayBufferLike | Blob | ArrayBufferView): string | Uint8Array | Blob {
  if (typeof data === "string" || data instanceof Blob) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const isBuffer = data instanceof ArrayBuffer || data instanceof SharedArrayBuffer;
  return isBuffer ? new Uint8Array(data) : String(data);
}
