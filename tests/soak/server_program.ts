/**
 * The server under attack: made of the public interface, watched through its standard input and output, which no attack
 * can reach. When the event loop is starved the answer there is late: that is a figure too.
 *
 *     deno run -A --v8-flags=--expose-gc server_program.ts OPTIONS [CERTIFICATE_FILE KEY_FILE]
 *
 * Commands: `stats`; `collect` (the same after a garbage collection); `clear`; `stop MILLISECONDS`.
 *
 * @module
 */

import { HttpServer, type OptionsInit, type ServerStats } from "../../mod.ts";
import { answerCommands, tell } from "./lines.ts";
import { type Gauges, Routes } from "./routes.ts";
import { everyMethod } from "../support/server.ts";

/** What the server says of itself. */
export interface ServerFigures {
  readonly stats: ServerStats;
  readonly gauges: Gauges;
  /** Used heap and memory outside of it, in MiB. */
  readonly heap: number;
  readonly external: number;
  /** The longest time that the event loop did not turn since the last look, in milliseconds. */
  readonly stuck: number;
  /** What the server reported since its start, and the first of it. */
  readonly reports: number;
  readonly firstReports: readonly string[];
  /** Rejections that nobody handled, and errors that nobody caught. */
  readonly unhandled: number;
}

const MIB = 2 ** 20;
const [optionsText = "{}", certFile, keyFile] = Deno.args;
const options: OptionsInit = JSON.parse(optionsText);
const routes = new Routes();
const firstReports: string[] = [];
let reports = 0;
let unhandled = 0;

function note(error: unknown): void {
  const text = String(error).slice(0, 200);
  if (firstReports.length < 8 && !firstReports.includes(text)) firstReports.push(text);
}

function onUnhandled(event: Event, error: unknown): void {
  event.preventDefault();
  unhandled++;
  note(error);
}
globalThis.addEventListener("unhandledrejection", (event) => onUnhandled(event, event.reason));
globalThis.addEventListener("error", (event) => onUnhandled(event, event.error));

const server = new HttpServer(routes.handle, {
  allowedMethods: everyMethod,
  extendedConnect: true,
  bodySizeLimit: null,
  log: (error) => {
    reports++;
    note(error);
  },
  ...options,
});

/** An upstream that takes connections and keeps them until the other side closes. */
function startUpstream(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void (async () => {
    for await (const connection of listener) void holdUpstream(connection);
  })();
  return listener.addr.port;
}

async function holdUpstream(connection: Deno.TcpConn): Promise<void> {
  using held = connection;
  while (await held.read(new Uint8Array(1024)) !== null) continue;
}

let turnedAt = performance.now();
let stuck = 0;
setInterval(() => {
  const now = performance.now();
  stuck = Math.max(stuck, now - turnedAt);
  turnedAt = now;
}, 5);

async function figures(collect: boolean): Promise<ServerFigures> {
  if (collect) await collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  const seen = { stuck, stats: server.stats, gauges: routes.gauges, reports, firstReports, unhandled };
  stuck = 0;
  return { ...seen, heap: heapUsed / MIB, external: external / MIB };
}

/** Collects until what one collection has freed can be collected in the next. */
async function collectGarbage(): Promise<void> {
  const collect: unknown = Reflect.get(globalThis, "gc");
  for (let turn = 0; turn < 3; turn++) {
    if (typeof collect === "function") collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stuck = 0; // not by an attack
  turnedAt = performance.now();
}

async function stop(milliseconds: number): Promise<number> {
  const start = performance.now();
  await server.stop(milliseconds);
  return performance.now() - start;
}

function portOf(addr: Deno.Addr): number {
  return addr.transport === "tcp" ? addr.port : 0;
}

routes.upstreamPort = startUpstream();
const plain = server.listen({ hostname: "127.0.0.1", port: 0 });
const secure = certFile === undefined || keyFile === undefined ? null : server.listen({
  hostname: "127.0.0.1",
  port: 0,
  cert: Deno.readTextFileSync(certFile),
  key: Deno.readTextFileSync(keyFile),
});
tell("ready", { port: portOf(plain.addr), tlsPort: secure === null ? 0 : portOf(secure.addr) });
await answerCommands(([command, argument]) => {
  if (command === "stop") return stop(Number(argument));
  if (command === "clear") routes.clear();
  return figures(command === "collect");
});
Deno.exit(0);
