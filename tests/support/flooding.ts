/**
 * Servers and the peers that flood them, in processes of their own, and a client beside them whose answers
 * are timed.
 *
 * @module
 */

import { assert } from "./assert.ts";
import { latin1 } from "./bytes.ts";
import { pass, within } from "./deadline.ts";
import { RawClient } from "./raw_client.ts";

/** How long one flood is measured, in milliseconds. */
const duration = 1_500;

/** A program in a process of its own, which is ended with the test. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  /** The first line that it printed. */
  readonly line: string;

  private constructor(child: Deno.ChildProcess, line: string) {
    this.#child = child;
    this.line = line;
  }

  /** Starts a program of `tests/support`. */
  static start(name: string, args: readonly string[] = []): Promise<Program> {
    const script = new URL(name, import.meta.url).pathname;
    return Program.run(Deno.execPath(), ["run", "-A", "--no-check", script, ...args]);
  }

  /** Starts any program, and waits for its first line. */
  static async run(path: string, args: readonly string[]): Promise<Program> {
    const child = new Deno.Command(path, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await within("the first line of a program", reader.read(), 20_000);
    reader.releaseLock();
    return new Program(child, new TextDecoder().decode(value).trim());
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the server has refused its flood, and it has ended
    }
    await this.#child.stdin.close().catch(() => {});
    await this.#child.stdout.cancel();
    await this.#child.status;
  }
}

/** The time from connecting to the answer, in milliseconds. */
async function visit(port: number): Promise<number> {
  const began = performance.now();
  const client = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }), 10_000);
  await client.send(latin1("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  const { status } = await client.readResponse();
  assert(status === 200, "the other client is answered");
  const time = performance.now() - began;
  await client.close();
  return time;
}

/** How long answers take, in milliseconds. */
export interface Times {
  readonly count: number;
  /** What half of them take at most. */
  readonly median: number;
  /** What 99 of 100 take at most. */
  readonly p99: number;
}

/** The times of a client that asks again and again, each time on a new connection. */
export async function measureVisits(port: number): Promise<Times> {
  await pass(200); // until the flood is under way
  const times: number[] = [];
  const last = performance.now() + duration;
  while (performance.now() < last) times.push(await visit(port));
  times.sort((first, second) => first - second);
  const { length: count } = times;
  return { count, median: times[count >> 1]!, p99: times[Math.floor(count * 0.99)]! };
}
