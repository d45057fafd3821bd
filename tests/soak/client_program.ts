/**
 * The normal client: a request every few milliseconds on one of the connections that it keeps, and others on fresh
 * connections. It keeps to its schedule whatever the server does, and counts from the moment that a request was due, so that
 * a server that answers nothing for ten seconds shows as ten seconds, not as one slow request.
 *
 *     deno run -A client_program.ts PORT TARGET
 *
 * Commands: `window` gives the latencies since the last time, `ignore` and `heed` leave out what is under way between them,
 * `pause` closes all connections.
 *
 * @module
 */

import { type Latencies, summarise } from "./latency.ts";
import { answerCommands, tell } from "./lines.ts";

/** Milliseconds between two requests on kept connections, and on fresh ones. */
const KEPT_INTERVAL = 10;
const FRESH_INTERVAL = 50;
/** How many connections are kept while they are idle, and how many there may be of each kind while answers are late. */
const MOST_IDLE = 4;
const MOST_KEPT = 50;
const MOST_FRESH = 300;
/** How long a request may go without an answer, in milliseconds. */
const PATIENCE = 30_000;

const hostname = "127.0.0.1";
const port = Number(Deno.args[0]);
const method = Deno.args[1] === "*" ? "OPTIONS" : "GET";
const REQUEST = new TextEncoder().encode(`${method} ${Deno.args[1] ?? "/"} HTTP/1.1\r\nHost: soak\r\n\r\n`);

/** A request of the schedule, with the time that it was due. */
interface Due {
  readonly at: number;
}

/** Times of answered requests and the requests that wait, of one kind of connection. */
class Window {
  readonly #waiting = new Set<Due>();
  #times: number[] = [];
  #ignoredUntil = -Infinity;
  #failures = 0;

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Makes a request, and notes what became of it. */
  async measure(request: Due, ask: () => Promise<boolean>): Promise<void> {
    this.#waiting.add(request);
    let good = false;
    try {
      good = await ask();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
    this.#waiting.delete(request);
    if (request.at <= this.#ignoredUntil) return;
    if (!good) this.#failures++;
    this.#times.push(performance.now() - request.at);
  }

  /** Forgets the requests that are due until then and still wait. */
  ignore(until: number): void {
    this.#ignoredUntil = until;
  }

  /** The latencies since the last time; those that wait still count with their age. */
  take(): Latencies {
    const now = performance.now();
    const counted = [...this.#waiting].filter(({ at }) => at > this.#ignoredUntil);
    const waiting = counted.map(({ at }) => now - at);
    const latencies = summarise([...this.#times, ...waiting], this.#failures);
    this.#times = [];
    this.#failures = 0;
    return latencies;
  }
}

const kept = new Window();
const fresh = new Window();
const lag: number[] = [];
let paused = false;

/** Sends a request and reads its response: whether it is a complete 2xx. */
async function exchange(connection: Deno.TcpConn): Promise<boolean> {
  const timer = setTimeout(() => connection.close(), PATIENCE);
  const buffer = new Uint8Array(1024);
  try {
    await connection.write(REQUEST);
    for (let text = "";;) {
      const count = await connection.read(buffer);
      if (count === null) return false;
      text += new TextDecoder().decode(buffer.subarray(0, count));
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) continue;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length - end - 4 >= length) return /^HTTP\/1\.1 2/.test(text);
    }
  } finally {
    clearTimeout(timer);
  }
}

const idle: Deno.TcpConn[] = [];
const waitingForOne: (() => void)[] = [];
let keptCount = 0;

async function askKept(): Promise<boolean> {
  while (idle.length === 0 && keptCount >= MOST_KEPT) {
    await new Promise<void>((resolve) => {
      waitingForOne.push(resolve);
    });
  }
  const known = idle.shift();
  if (known === undefined) keptCount++;
  let good = false;
  let connection = known;
  try {
    connection ??= await Deno.connect({ hostname, port });
    return good = await exchange(connection);
  } finally {
    giveBack(good ? connection : undefined, connection);
  }
}

/** Keeps a connection that is good for another request, and closes what is not. */
function giveBack(good: Deno.TcpConn | undefined, connection: Deno.TcpConn | undefined): void {
  if (good !== undefined && !paused && idle.length < MOST_IDLE) idle.push(good);
  else {
    keptCount--;
    connection?.[Symbol.dispose]();
  }
  waitingForOne.shift()?.();
}

async function askFresh(): Promise<boolean> {
  using connection = await Deno.connect({ hostname, port });
  return await exchange(connection);
}

let ticks = 0;
const start = performance.now();

function onTick(): void {
  const now = performance.now();
  for (; start + ticks * KEPT_INTERVAL <= now; ticks++) {
    const at = start + ticks * KEPT_INTERVAL;
    lag.push(now - at);
    if (paused) continue;
    void kept.measure({ at }, askKept);
    if (ticks % (FRESH_INTERVAL / KEPT_INTERVAL) !== 0 || fresh.waiting >= MOST_FRESH) continue;
    void fresh.measure({ at }, askFresh);
  }
  setTimeout(onTick, KEPT_INTERVAL - (performance.now() - start) % KEPT_INTERVAL);
}

function pause(): void {
  paused = true;
  for (const connection of idle.splice(0)) connection.close();
}

/** What is under way from now on until the next call says nothing about the server: it is made to do something else. */
function ignore(ignores: boolean): void {
  const until = ignores ? Infinity : performance.now();
  for (const window of [kept, fresh]) window.ignore(until);
}

onTick();
tell("ready");
await answerCommands(([command]) => {
  if (command === "pause") return pause();
  if (command === "ignore" || command === "heed") return ignore(command === "ignore");
  return { kept: kept.take(), fresh: fresh.take(), lag: summarise(lag.splice(0)) };
});
Deno.exit(0);
