/**
 * A raw HTTP/1 client over any `Connection`: it sends the bytes it is given and reads strictly.
 *
 * @module
 */

import type { Connection } from "../../mod.ts";
import { assert, assertEquals } from "./assert.ts";
import { fromLatin1, latin1 } from "./bytes.ts";
import { pass, usualDeadline, within } from "./deadline.ts";
import {
  type Asked,
  hasConnectionOption,
  type RawHead,
  type RawResponse,
  ResponseReader,
} from "./response_parser.ts";

/** One client connection of a test. */
export class RawClient {
  readonly #connection: Connection;
  readonly #reader: ResponseReader;
  readonly #sent: Promise<void>[] = [];
  readonly #deadline: number;
  #received = "";
  #closed = false;
  /** How long the client dawdles over each 64 KiB that it receives, in milliseconds. */
  pace = 0;
  #owed = 0;

  /**
   * @param connection the client's end
   * @param deadline how long one read may take, in milliseconds
   */
  constructor(connection: Connection, deadline = usualDeadline) {
    this.#connection = connection;
    this.#deadline = deadline;
    this.#reader = new ResponseReader(() => this.#read());
  }

  /** Everything that was received, one character for each byte. */
  get received(): string {
    return this.#received;
  }

  /** Writes all of the bytes, and resolves when the connection has taken them. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? latin1(data) : data;
    await within("the write", this.#write(bytes), this.#deadline);
  }

  /** Writes without waiting; a server that stops reading, or closes, before it has all is no error. */
  offer(data: string | Uint8Array): void {
    const bytes = typeof data === "string" ? latin1(data) : data;
    const before = this.#sent.at(-1) ?? Promise.resolve();
    this.#sent.push(
      before.then(() => this.#write(bytes)).catch((error) => {
        if (!(error instanceof Error)) throw error;
      }),
    );
  }

  /** Ends this side once everything offered was written; a server that is gone by then is no error. */
  offerEnd(): void {
    const before = this.#sent.at(-1) ?? Promise.resolve();
    this.#sent.push(
      before.then(() => this.#connection.closeWrite?.()).catch((error) => {
        if (!(error instanceof Error)) throw error;
      }),
    );
  }

  /** The next head, be it interim or final. */
  async readHead(asked: Asked = {}): Promise<RawHead> {
    const head = await this.#reader.readHead(asked);
    assert(head !== null, "expected a response, but the connection ended");
    return head;
  }

  /** The next final response, which must be complete. */
  async readResponse(asked: Asked = {}): Promise<RawResponse> {
    const response = await this.tryResponse(asked);
    assert(response !== null, "expected a response, but the connection ended");
    assert(response.complete, `the response ended early: ${JSON.stringify(this.#received.slice(-300))}`);
    return response;
  }

  /** The next final response, complete or not; `null` when the connection ended instead. */
  async tryResponse(asked: Asked = {}): Promise<RawResponse | null> {
    return await this.#reader.readResponse(asked);
  }

  /** Sends a request and reads its response. */
  async request(bytes: string): Promise<RawResponse> {
    await this.send(bytes);
    const [method = ""] = bytes.split(" ", 1);
    return await this.readResponse({ method });
  }

  /** Fails unless the server ends its side without sending another byte. */
  async expectEnd(): Promise<void> {
    const rest = await this.#reader.readToEnd();
    assertEquals(fromLatin1(rest), "", "bytes after the last response");
  }

  /** Fails unless the response says close and nothing comes after it. */
  async expectClosedAfter(response: RawHead): Promise<void> {
    assert(
      hasConnectionOption(response, "close"),
      `the last response (${response.status}) does not say close (RFC 9112 §9.6)`,
    );
    await this.expectEnd();
  }

  /** Fails unless a further request is answered with 2xx. */
  async expectOpen(): Promise<void> {
    const response = await this.request("GET /still-open HTTP/1.1\r\nHost: a\r\n\r\n");
    assert(response.status < 300, `a further request got ${response.status}`);
  }

  /** Everything until the server ends its side. */
  async readToEnd(): Promise<string> {
    return fromLatin1(await this.#reader.readToEnd());
  }

  /** Ends this side only. */
  async end(): Promise<void> {
    assert(this.#connection.closeWrite !== undefined, "the connection cannot half-close");
    await Promise.all(this.#sent);
    await this.#connection.closeWrite();
  }

  /** Closes both directions; calling it again does nothing. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#connection.close();
    }
    await within("the end of pending writes", Promise.all(this.#sent));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length;) {
      offset += await this.#connection.write(bytes.subarray(offset));
    }
  }

  async #read(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(65536);
    if (this.#owed >= 10) await pass(this.#owed);
    if (this.#owed >= 10) this.#owed = 0;
    let count: number | null;
    try {
      count = await within("a read", this.#connection.read(buffer), this.#deadline);
    } catch (error) {
      if (!isDisconnect(error)) throw error;
      count = null;
    }
    if (count === null) return null;
    const bytes = buffer.subarray(0, count);
    this.#owed += this.pace * count / 65536;
    this.#received += fromLatin1(bytes);
    return bytes;
  }
}

/** Whether an error says that the peer is gone. */
function isDisconnect(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.NotConnected;
}
