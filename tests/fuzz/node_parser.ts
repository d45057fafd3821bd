/**
 * Node's parser of HTTP/1, in a process of its own that is asked over a pipe.
 *
 * @module
 */

import { concat, latin1 } from "../support/bytes.ts";
import { findTool } from "../support/tools.ts";

/** One message as Node reads it. */
export interface NodeMessage {
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  /** Names and values in turn. */
  readonly fields: readonly string[];
  /** Whether Node stops behind it, since another protocol follows. */
  readonly upgrade: boolean;
  readonly persists: boolean;
  readonly body: string;
  readonly trailers: readonly string[];
  readonly complete: boolean;
}

/** The messages of one connection as Node reads them. */
export interface NodeParsed {
  readonly messages: readonly NodeMessage[];
  /** The code of the error that ended it, or `null`. */
  readonly error: string | null;
}

/** Where Node is, or `null`. */
export const NODE: string | null = findTool("node", "nodejs");

const PROGRAM = new URL("node_parser.cjs", import.meta.url).pathname;

/** Asks Node what it makes of some bytes. */
export class NodeParser {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  /** Starts the process. */
  constructor() {
    this.#process = new Deno.Command(NODE!, { args: [PROGRAM], stdin: "piped", stdout: "piped" }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** What Node makes of the bytes of some connections. */
  async parse(connections: readonly string[]): Promise<NodeParsed[]> {
    const parts = connections.flatMap((bytes) => [sizeOf(bytes.length), latin1(bytes)]);
    const written = this.#writer.write(concat(parts));
    const parsed: NodeParsed[] = [];
    while (parsed.length < connections.length) parsed.push(JSON.parse(await this.#readLine()));
    await written;
    return parsed;
  }

  async #readLine(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#reader.read();
      if (done) throw new TypeError("Node's parser has ended");
      this.#rest += value;
    }
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    await this.#process.status;
  }
}

function sizeOf(length: number): Uint8Array {
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, length);
  return size;
}
