/**
 * A process of the soak, as its parent sees it.
 *
 * @module
 */

import { assert } from "../support/assert.ts";
import { within } from "../support/deadline.ts";
import { type Message, splitLines } from "./lines.ts";
import { type ProcessFigures, readProcess } from "./process_figures.ts";

/** How a child is started. */
export interface ChildInit {
  /** Flags of `deno run` before the script. */
  readonly flags?: readonly string[];
  /** Arguments of the script. */
  readonly args?: readonly string[];
  /** How many descriptors the process may have; those of the parent when left out. */
  readonly descriptors?: number | undefined;
}

/** How long a child may take to end once its input is closed, in milliseconds. */
const END_DEADLINE = 10_000;

/** A Deno program in a process of its own, which speaks the lines of `lines.ts`. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<unknown>;
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #events = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #ended = Promise.withResolvers<never>();
  #lastId = 0;
  #cpu = NaN;
  /** What the process wrote on standard error. */
  log = "";
  /** How it ended; `null` while it runs. */
  status: Deno.CommandStatus | null = null;

  /** @param script the program, relative to this folder */
  constructor(script: string, { flags = [], args = [], descriptors }: ChildInit = {}) {
    const path = new URL(script, import.meta.url).pathname;
    const deno = [Deno.execPath(), "run", "-A", "--no-check", ...flags, path, ...args];
    const [command = "", ...rest] = descriptors === undefined
      ? deno
      : ["/bin/sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh", ...deno];
    this.#process = new Deno.Command(command, {
      args: rest,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#ended.promise.catch(() => {}); // only those who wait for the child need to see that it ended
    this.#reading = this.#watchEnd(Promise.all([this.#readMessages(), this.#readLog()]));
  }

  /** Sends a command; resolves with its answer, and rejects when the child ends before. */
  ask(command: string): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#answers.set(id, answer);
    this.#input.write(new TextEncoder().encode(`${id} ${command}\n`)).catch(() => {}); // the end of the child is seen below
    return Promise.race([answer.promise, this.#ended.promise]);
  }

  /** Waits for the event of that name; one that has come already counts. Rejects when the child ends before. */
  event(name: string): Promise<unknown> {
    return Promise.race([this.#at(name).promise, this.#ended.promise]);
  }

  /** Resolves when the process has ended. */
  get end(): Promise<Deno.CommandStatus> {
    return this.#process.status;
  }

  /** What the system knows of the process. */
  figures(): ProcessFigures {
    return readProcess(this.status === null ? this.#process.pid : null);
  }

  /** The CPU time that it had used when it last told something, in milliseconds. */
  get cpu(): number {
    return this.#cpu;
  }

  /** Closes its input, which ends it; kills it where that does not. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {}); // it may have ended by itself
    try {
      await within("the end of a child", this.#process.status, END_DEADLINE);
    } catch (error) {
      assert(error instanceof Error, "a deadline is an error");
      this.#process.kill("SIGKILL");
    }
    await this.#reading;
  }

  #at(name: string): PromiseWithResolvers<unknown> {
    const waiting = this.#events.get(name) ?? Promise.withResolvers<unknown>();
    this.#events.set(name, waiting);
    return waiting;
  }

  async #readMessages(): Promise<void> {
    for await (const line of splitLines(this.#process.stdout)) {
      if (!line.startsWith("{")) continue;
      const message: Message = JSON.parse(line);
      this.#cpu = this.figures().cpu || this.#cpu;
      if (message.event !== "answer") this.#at(message.event).resolve(message.data);
      else this.#answers.get(message.id ?? 0)?.resolve(message.data);
    }
  }

  async #readLog(): Promise<void> {
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      if (this.log.length < 100_000) this.log += text;
    }
  }

  async #watchEnd(read: Promise<unknown>): Promise<void> {
    this.status = await this.#process.status;
    await read;
    this.#ended.reject(new ChildEndedError(this.status.code, this.log));
  }
}

/** Rejects whatever waits for a child that has ended. */
export class ChildEndedError extends Error {
  override readonly name = "ChildEndedError";

  constructor(code: number, log: string) {
    super(`a process of the soak ended with ${code}: ${log.slice(-1000)}`);
  }
}
