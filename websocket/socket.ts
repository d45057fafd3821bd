/**
 * The server's end of a WebSocket, with the members of the web's class.
 *
 * @module
 */

import { CloseCode, decodeText, isCloseCode, Opcode } from "./frame.ts";
import type { Session, SessionEnd, SessionState } from "./session.ts";

/** What a socket is made of. */
export interface SocketInit {
  /** Its URL. */
  readonly url: string;
  /** Its subprotocol, or `""`. */
  readonly protocol: string;
  /** The extensions in use, or `""`. */
  readonly extensions: string;
  /** What has its connection. */
  readonly session: Session;
}

/** What the web's class says of where it stands. */
const READY_STATE = { connecting: 0, open: 1, closing: 2, closed: 3 } as const satisfies Record<
  SessionState,
  number
>;

/** The longest reason of a Close frame, in bytes (RFC 6455 §5.5). */
const LONGEST_REASON = 123;

const ENCODER = new TextEncoder();

/**
 * A WebSocket on the server. It has the members of the web's `WebSocket`, is an `instanceof` it, and has
 * {@link ServerWebSocket.drained}. Behind a message it does not read on while more than a mebibyte waits to
 * be sent, so that a peer that does not read cannot make an echo grow. What it hands out owns its memory.
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

  // `socket instanceof WebSocket` holds. No getter of the web's class is reached, because this class has all
  // its members.
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

  /** Where the socket stands: 0 connecting, 1 open, 2 closing, 3 closed. */
  get readyState(): 0 | 1 | 2 | 3 {
    return READY_STATE[this.#session.state];
  }

  /**
   * What binary messages come as. Setting it to another text changes nothing, as with the web's class.
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
   * Called right before `onclose` where the socket did not close in good order: for a fault of the peer, or
   * when the connection has ended without the closing handshake. Its event is an `ErrorEvent` with the cause
   * as its `error`.
   */
  get onerror(): ((event: Event | ErrorEvent) => void) | null {
    return this.#handler("error");
  }
  set onerror(handler: ((event: Event | ErrorEvent) => void) | null) {
    this.#setHandler("error", handler);
  }

  /** Called once when the socket has closed, also when it was never open because the client had left. */
  get onclose(): ((event: CloseEvent) => void) | null {
    return this.#handler("close");
  }
  set onclose(handler: ((event: CloseEvent) => void) | null) {
    this.#setHandler("close", handler);
  }

  /**
   * Listens for events, as every `EventTarget` does; the types of a socket's events are those of the web's
   * `WebSocket`.
   */
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

  /** Listens no more. */
  override removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: ((event: WebSocketEventMap[Type]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  /** Listens no more for events of other types. */
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

  // An event handler takes its place among the listeners when it is first set, and keeps it (HTML §8.1.8.1).
  #setHandler<E extends Event>(type: string, handler: ((event: E) => void) | null): void {
    const known = this.#handlers.has(type);
    this.#handlers.set(type, typeof handler === "function" ? handler as EventHandler : null);
    if (known) return;
    const listener = (event: Event) => this.#handlers.get(type)?.call(this, event);
    this.addEventListener(type, listener as EventListener);
  }

  /**
   * Bytes that wait to be sent: messages with the headers of their frames, and answers to pings. Where it is
   * above `maxBufferedAmount` when {@link ServerWebSocket.send} is called, the connection is closed.
   */
  get bufferedAmount(): number {
    return this.#session.bufferedAmount;
  }

  /**
   * Settles when the peer has caught up, or the socket has closed; `null` while no more than a mebibyte
   * waits, or half of `maxBufferedAmount` where that is less.
   */
  get drained(): Promise<void> | null {
    return this.#session.drained;
  }

  /**
   * Sends a message. It is dropped when the socket is closing or closed. What is neither bytes nor a `Blob`
   * is sent as text.
   *
   * @throws {DOMException} `InvalidStateError` before the socket is open
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (this.readyState === 0) throw new DOMException("The socket is not open", "InvalidStateError");
    this.#session.send(toMessage(data));
  }

  /**
   * Begins the closing handshake (RFC 6455 §7.1.2). The peer has 5 seconds to answer. The web's class is a
   * client's, and takes 1000 and 3000 to 4999 alone; a server may say more, such as 1008 (policy violation)
   * or 1013 (try again later).
   *
   * @param code one that a server may send (RFC 6455 §7.4); no code is sent when it is left out
   * @param reason at most 123 bytes
   * @throws {DOMException} as the web's class does: `InvalidAccessError` for any other code, `SyntaxError`
   * for a longer reason
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

/** A function that handles the events of one type, whose type its setter has checked. */
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
