/**
 * Servers of sockets for tests, and a client that sends the frames that it is told to.
 *
 * @module
 */

import { type Handler, HttpServer, type OptionsInit } from "../../mod.ts";
import { type ServerWebSocket, upgradeWebSocket, type WebSocketOptions } from "../../websocket/mod.ts";
import { assert, assertEquals } from "./assert.ts";
import { fromLatin1, latin1 } from "./bytes.ts";
import { until, usualDeadline, within } from "./deadline.ts";
import {
  type ClientFrame,
  encodeClientFrame,
  handshake,
  readServerFrames,
  type ServerFrame,
} from "./websocket_wire.ts";

/** The opcodes (RFC 6455 §11.8). */
export const Opcodes = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

/** The closing handshake of a client with 1000. */
export const closeNormal: ClientFrame = { opcode: Opcodes.CLOSE, payload: [0x03, 0xe8] };

/** What a test gets of a server of sockets. */
export interface SocketHarness {
  readonly server: HttpServer;
  readonly port: number;
  readonly url: string;
  /** The sockets of the server, in the order in which they were made. */
  readonly sockets: readonly ServerWebSocket[];
  /** The events of all sockets but messages, in words: `open`, `error MESSAGE`, `close CODE`. */
  readonly events: readonly string[];
  /** The codes that they were closed with. */
  readonly codes: readonly number[];
}

/** What a test says of its server. */
export interface SocketServerInit {
  readonly options?: WebSocketOptions;
  readonly limits?: OptionsInit;
  /** Answers a request itself, or gives `null`: then the request is upgraded. */
  readonly answer?: (request: Request) => Response | Promise<Response> | null;
}

/** Sends back what comes. */
export function echo(socket: ServerWebSocket): void {
  socket.onmessage = ({ data }) => socket.send(data);
}

/** Runs a test against a server of sockets on a free port. */
export async function withSockets(
  use: (socket: ServerWebSocket) => void,
  { options = {}, limits = {}, answer }: SocketServerInit,
  run: (harness: SocketHarness) => Promise<void>,
): Promise<void> {
  const sockets: ServerWebSocket[] = [];
  const events: string[] = [];
  const codes: number[] = [];
  const handler: Handler = (request) => {
    const own = answer?.(request) ?? null;
    if (own !== null) return own;
    const { socket, response } = upgradeWebSocket(request, options);
    sockets.push(socket);
    socket.addEventListener("open", () => events.push("open"));
    socket.addEventListener("error", (event) => events.push(`error ${(event as ErrorEvent).message}`));
    socket.addEventListener("close", ({ code }) => {
      codes.push(code);
      events.push(`close ${code}`);
    });
    use(socket);
    return response;
  };
  const server = new HttpServer(handler, { log: () => {}, connectionsPerIpLimit: 2000, ...limits });
  const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
  assert(addr.transport === "tcp", "the listener has a port");
  const { port } = addr;
  try {
    await run({ server, port, url: `ws://127.0.0.1:${port}/`, sockets, events, codes });
  } finally {
    await within("the stop", server.stop(500));
    assertEquals(server.clients.size, 0);
  }
}

/** A client's end of a socket over TCP, by its frames. */
export class RawSocket implements AsyncDisposable {
  readonly #connection: Deno.TcpConn;
  #received = "";
  #ended = false;
  #closed = false;
  #reading: Promise<void> = Promise.resolve();

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Opens a socket; one that does not read ends with the head of the response. */
  static async open(
    port: number,
    { fields = {}, reads = true }: { readonly fields?: Record<string, string>; readonly reads?: boolean } =
      {},
  ): Promise<RawSocket> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const socket = new RawSocket(connection);
    await socket.sendBytes(latin1(handshake(fields)));
    while (!socket.#received.includes("\r\n\r\n")) await within("the response", socket.#read());
    assert(socket.#received.startsWith("HTTP/1.1 101"), socket.#received);
    if (reads) socket.read();
    return socket;
  }

  /** Whether the server has ended its side. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The frames that came. */
  get frames(): readonly ServerFrame[] {
    return readServerFrames(this.#received);
  }

  /** The code and the reason of the Close frame that came. */
  get close(): readonly [code: number, reason: string] | null {
    const frame = this.frames.find(({ opcode }) => opcode === Opcodes.CLOSE);
    if (frame === undefined) return null;
    const [high = 0, low = 0, ...reason] = frame.payload;
    return [high << 8 | low, new TextDecoder().decode(Uint8Array.from(reason))];
  }

  /** Begins to read, to the end. */
  read(): void {
    this.#reading = this.#readAll();
  }

  async #readAll(): Promise<void> {
    while (!this.#ended) await this.#read();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let count: number | null = null;
    try {
      count = await this.#connection.read(buffer);
    } catch (error) {
      if (!(error instanceof Error)) throw error; // a reset, or the close of this side
    }
    if (count === null) this.#ended = true;
    else this.#received += fromLatin1(buffer.subarray(0, count));
  }

  /** Sends frames. */
  send(...frames: readonly ClientFrame[]): Promise<void> {
    return this.sendBytes(...frames.map(encodeClientFrame));
  }

  /** Sends bytes, and resolves when the system has taken them. */
  async sendBytes(...pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) at += await this.#connection.write(piece.subarray(at));
    }
  }

  /** Ends this side. */
  end(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Waits until so many frames came. */
  async until(count: number): Promise<readonly ServerFrame[]> {
    await until(`${count} frames`, () => this.frames.length >= count || this.#ended);
    assert(this.frames.length >= count, `only ${this.frames.length} of ${count} frames came`);
    return this.frames;
  }

  /** Waits until the server has ended its side. */
  async untilEnd(milliseconds = usualDeadline): Promise<void> {
    await until("the end of the server's side", () => this.#ended, milliseconds);
  }

  /** Closes both sides; with bytes unread the server sees a reset. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#connection.close();
    this.#closed = true;
    await this.#reading;
  }
}
