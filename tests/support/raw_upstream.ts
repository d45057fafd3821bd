/**
 * A server that a proxy is tested with: it notes the bytes of each request as they came, and answers with the bytes it is given.
 *
 * @module
 */

import { fromLatin1, latin1 } from "./bytes.ts";
import { within } from "./deadline.ts";

/** Answers a request: bytes, or `null` to close the connection without any. */
export type RawAnswer = (request: string) => string | null | Promise<string | null>;

/** Where a request ends that has begun with these bytes, or -1 while that has not come. */
function endOf(bytes: string): number {
  const head = bytes.indexOf("\r\n\r\n") + 4;
  if (head < 4) return -1;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(bytes.slice(0, head))?.[1];
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(bytes.slice(0, head))) {
    const last = bytes.indexOf("\r\n0\r\n\r\n", head - 2);
    return last < 0 ? -1 : last + 7;
  }
  const end = head + Number(length ?? 0);
  return bytes.length < end ? -1 : end;
}

/** Listens on a free port of the loopback interface. */
export class RawUpstream implements AsyncDisposable {
  /** The requests that came in full, in their order. */
  readonly requests: string[] = [];
  /** What has come of the request under way. */
  pending = "";
  /** How many connections are open. */
  open = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #answer: RawAnswer;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #done: Promise<void>;

  constructor(answer: RawAnswer) {
    this.#answer = answer;
    this.#done = this.#acceptAll();
  }

  /** Where it listens. */
  get host(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async #acceptAll(): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) served.push(this.#serve(connection));
    await Promise.all(served);
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    this.open++;
    this.#connections.add(connection);
    try {
      while (await this.#serveOne(connection));
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.Interrupted)) {
        throw error;
      }
    } finally {
      this.open--;
      this.#connections.delete(connection);
      connection[Symbol.dispose]();
    }
  }

  /** Takes one request, and says whether the connection goes on. */
  async #serveOne(connection: Deno.TcpConn): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    let bytes = "";
    while (endOf(bytes) < 0) {
      const count = await connection.read(buffer);
      if (count === null) return false;
      this.pending = bytes += fromLatin1(buffer.subarray(0, count));
    }
    this.requests.push(bytes);
    const answer = await this.#answer(bytes);
    if (answer === null) return false;
    const data = latin1(answer);
    for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener[Symbol.dispose](); // it may have been closed before
    for (const connection of this.#connections) connection[Symbol.dispose]();
    await within("the upstream's end", this.#done);
  }
}
