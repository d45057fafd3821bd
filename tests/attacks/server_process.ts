/**
 * The server under attack: a program in a process of its own, watched through `/stats`, its log and `/proc`.
 *
 * @module
 */

import { assert } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { pass, within } from "../support/deadline.ts";
import type { Profile } from "./corpus.ts";
import { RawConnection } from "./raw_connection.ts";
import { readResponses, type SeenResponse } from "./responses.ts";

/** How long the program may take to listen, and to stop, in milliseconds. */
const startDeadline = 20_000;
const stopDeadline = 10_000;
/** How long it may take to let go of what its clients have left. */
const settleTime = 5_000;
/** How long a healthy server may take for `GET /` on a new connection. */
const aliveDeadline = 1_000;

/** The program to run, without the limits of a profile. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** The testbed of this package, which every tool is pointed at. */
export function testbedProgram(): Program {
  const path = new URL("../../examples/testbed.ts", import.meta.url).pathname;
  return { command: Deno.execPath(), args: ["run", "-A", path] };
}

/** The options of Drover by the names of the corpus; `null` where HTTP/1 has none or its default will do. */
const optionNames: Readonly<Record<string, string | null>> = {
  maxBody: "bodySizeLimit",
  headerTimeoutMs: "headerTimeout",
  bodyIdleTimeoutMs: "streamTimeout",
  writeTimeoutMs: "streamTimeout",
  keepAliveTimeoutMs: "http1Timeout",
  lingerMs: "lingerTimeout",
  tlsHandshakeTimeoutMs: "tlsSetupTimeout",
  maxConnections: "connectionLimit",
  maxConnectionsPerIp: "connectionsPerIpLimit",
  maxRequestsPerConnection: "requestLimit",
  h2IdleTimeoutMs: "http2Timeout",
  maxRequestLine: null,
  maxHeaderBytes: null,
  maxHeaders: null,
  maxTrailerBytes: null,
  maxChunkExtBytes: null,
  h2MaxConcurrentStreams: null,
  h2MaxHeaderListSize: null,
  h2cPriorKnowledge: null,
  wsIdleTimeoutMs: null,
};

/** The `--option` flags that put a profile in force. */
export function profileFlags(profile: Profile): readonly string[] {
  const options = new Map<string, string>();
  for (const [name, limit] of profile) {
    if (name === "minBodyRate") {
      const match = /^(\d+) B\/s after (\d+) s\b/.exec(String(limit));
      assert(match !== null, `minBodyRate is understood: ${limit}`);
      options.set("minimumBodyRate", match[1] ?? "").set("minimumBodyRateGrace", `${match[2]}000`);
      continue;
    }
    // The corpus means a time without any progress, whatever the systems hold for a slow reader.
    if (name === "writeTimeoutMs") options.set("minimumResponseRate", `${2 ** 40}`);
    const option = optionNames[name];
    assert(option !== undefined, `a limit of the corpus has an option: ${name}`);
    if (option !== null) options.set(option, String(limit));
  }
  return [...options].flatMap(([name, value]) => ["--option", `${name}=${value}`]);
}

/** What the process holds at one moment. */
export interface Holdings {
  /** `clients`, `pendingRequests` and `pendingResponses` of `/stats`, the asking one counted. */
  readonly clients: number;
  readonly pendingRequests: number;
  readonly pendingResponses: number;
  /** Open file descriptors; `NaN` where the system does not tell. */
  readonly descriptors: number;
}

/** A running server. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #logging: Promise<void>;
  readonly #started: Promise<string>;
  readonly #output: Promise<void>;
  #log = "";
  #exit: Deno.CommandStatus | null = null;

  /** The port on the loopback interface. */
  port = 0;

  private constructor({ command, args }: Program, flags: readonly string[]) {
    this.#child = new Deno.Command(command, {
      args: [...args, "--port", "0", ...flags],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#started = promise;
    this.#output = this.#readOutput(resolve);
    this.#logging = this.#readLog();
    void this.#child.status.then((status) => this.#exit = status);
  }

  /** Runs the program and waits until it listens; with `accessLog` it logs every request, which costs it time. */
  static async start(
    program: Program,
    { profile = new Map(), accessLog = false }: { readonly profile?: Profile; readonly accessLog?: boolean } =
      {},
  ): Promise<ServerProcess> {
    const flags = [...profileFlags(profile), ...(accessLog ? ["--access-log"] : [])];
    const server = new ServerProcess(program, flags);
    try {
      const line = await within(`listening of ${program.args.join(" ")}`, server.#started, startDeadline);
      server.port = Number(/^listening http:\/\/127\.0\.0\.1:(\d+)\/$/m.exec(line)?.[1]);
      assert(server.port > 0, `the server says where it listens, not ${JSON.stringify(line)} ${server.#log}`);
      if (accessLog) await server.#checkLog();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw new Error(`the server did not start: ${server.#log.slice(-2000)}`, { cause: error });
    }
  }

  /** Whether the access log, or anything else on standard error, mentions `text`. */
  logged(text: string): boolean {
    return this.#log.includes(text);
  }

  /** The counters of `/stats`. */
  async stats(): Promise<ReadonlyMap<string, number>> {
    const { body } = await this.request("GET /stats HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 5_000);
    const counters: Record<string, unknown> = JSON.parse(body);
    return new Map(Object.entries(counters).map(([name, value]) => [name, Number(value)]));
  }

  /** What it holds now. */
  async holdings(): Promise<Holdings> {
    const stats = await this.stats();
    function counter(name: string): number {
      const value = stats.get(name);
      assert(value !== undefined && Number.isFinite(value), `/stats has the counter ${name}`);
      return value;
    }
    return {
      clients: counter("clients"),
      pendingRequests: counter("pendingRequests"),
      pendingResponses: counter("pendingResponses"),
      descriptors: this.#descriptors(),
    };
  }

  /** What it still holds that it did not hold before, once there was time to let go; `null` for nothing. */
  async leftOver(before: Holdings): Promise<string | null> {
    const names = ["clients", "pendingRequests", "pendingResponses", "descriptors"] as const;
    const end = performance.now() + settleTime;
    for (;;) {
      const now = await this.holdings();
      const more = names.filter((name) => now[name] > before[name]);
      if (more.length === 0) return null;
      if (performance.now() > end) {
        return more.map((name) => `${now[name]} ${name}, ${before[name]} before`).join("; ");
      }
      await pass(100);
    }
  }

  /** The resident memory in MiB; `NaN` where the system does not tell. */
  memory(): number {
    const pages = this.#proc("statm")?.split(" ")[1];
    return pages === undefined ? NaN : Number(pages) * 4096 / 2 ** 20;
  }

  /** The processor time it has used, in milliseconds; `NaN` where the system does not tell. */
  processorTime(): number {
    const fields = this.#proc("stat")?.replace(/^.*\) /, "").split(" ");
    return fields === undefined ? NaN : (Number(fields[11]) + Number(fields[12])) * 10;
  }

  /** One request on a connection of its own, and its response, which must be complete. */
  async request(bytes: string, milliseconds = aliveDeadline): Promise<SeenResponse> {
    const until = performance.now() + milliseconds;
    await using connection = await RawConnection.open(this.port);
    await connection.write(latin1(bytes));
    for (;;) {
      const ended = connection.ending === "end";
      const [response] = readResponses(connection.received, { methods: [], ended }).final;
      if (response?.complete) return response;
      const left = until - performance.now();
      assert(connection.ending === null, "a simple request is answered, and not with a close");
      assert(left > 0, `a simple request is answered within ${milliseconds} ms`);
      await connection.change(left);
    }
  }

  /** Fails unless `GET /` on a new connection is answered with 200 within a second. */
  async checkAlive(): Promise<void> {
    this.checkRunning();
    const response = await this.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert(response.status === 200, `GET / on a new connection gets 200, not ${response.status}`);
  }

  /** Fails when the process has ended or reported an error that nobody handled. */
  checkRunning(): void {
    assert(
      this.#exit === null,
      `the process runs, and did not exit with ${this.#exit?.code}: ${this.#log.slice(-2000)}`,
    );
    const trouble = /^.*(?:uncaught|unhandled).*$/im.exec(this.#log);
    assert(trouble === null, `the process reports no unhandled error: ${trouble?.[0]}`);
  }

  /** Ends the process: SIGTERM, then SIGKILL when it does not stop. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exit === null) this.#child.kill("SIGTERM");
    try {
      await within("the end of the server", this.#child.status, stopDeadline);
    } catch (error) {
      this.#child.kill("SIGKILL");
      throw error;
    } finally {
      await Promise.all([this.#child.status, this.#output, this.#logging]);
    }
  }

  /** The rule about smuggled targets needs a log with the target of every request. */
  async #checkLog(): Promise<void> {
    const probe = "/is-the-target-in-the-log";
    await this.request(`GET ${probe} HTTP/1.1\r\nHost: a\r\n\r\n`, startDeadline);
    for (let waited = 0; !this.logged(probe); waited += 20) {
      assert(waited < 2_000, "--access-log puts the target of every request on standard error");
      await pass(20);
    }
  }

  async #readOutput(started: (line: string) => void): Promise<void> {
    let text = "";
    for await (const part of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes("\n")) started(text);
    }
    started(text);
  }

  async #readLog(): Promise<void> {
    for await (const part of this.#child.stderr.pipeThrough(new TextDecoderStream())) this.#log += part;
  }

  #proc(name: string): string | null {
    if (Deno.build.os !== "linux" || this.#exit !== null) return null;
    return Deno.readTextFileSync(`/proc/${this.#child.pid}/${name}`);
  }

  #descriptors(): number {
    if (Deno.build.os !== "linux" || this.#exit !== null) return NaN;
    return [...Deno.readDirSync(`/proc/${this.#child.pid}/fd`)].length;
  }
}
