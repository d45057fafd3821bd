/**
 * One server that every conformance, attack and load tool is pointed at. It uses the public interface only, so that what it
 * shows is what a user gets.
 *
 *     deno run -A examples/testbed.ts --port 8080
 */
import {
  type Exchange,
  type Handler,
  HttpError,
  HttpServer,
  type Listener,
  type ListenOptions,
} from "../mod.ts";
import type { Testbed } from "./testbed/call.ts";
import { type Flags, parseFlags } from "./testbed/flags.ts";
import { createHandler } from "./testbed/routes.ts";

async function main(args: readonly string[]): Promise<void> {
  const flags = parseFlags(args);
  const testbed: Testbed = {
    counters: { running: 0, peak: 0, aborted: 0, cancelled: 0 },
    compress: flags.compress,
    stats: () => server.stats,
  };
  const handler = createHandler(testbed);
  const server = new HttpServer(flags.accessLog ? logged(handler) : handler, flags.options);
  for (const line of await listen(server, flags)) console.log(`listening ${line}`);
  await stopped(server);
}

/** Opens the listeners; says where each of them is. */
async function listen(server: HttpServer, { tcp, unix, tls, reusePort }: Flags): Promise<string[]> {
  const lines: string[] = [];
  if (tcp !== null) {
    const keys = tls === null ? {} : { cert: await readFile(tls.cert), key: await readFile(tls.key) };
    const { addr } = tryListen(
      server,
      { ...tcp, ...keys, reusePort },
      `${tcp.hostname} port ${tcp.port}`,
    );
    const { hostname, port } = addr as Deno.NetAddr;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    lines.push(`${tls === null ? "http" : "https"}://${host}:${port}/`);
  }
  if (unix !== null) {
    tryListen(server, { path: unix }, unix);
    lines.push(`unix:${unix}`);
  }
  return lines;
}

function tryListen(server: HttpServer, options: ListenOptions, where: string): Listener {
  try {
    return server.listen(options);
  } catch (error) {
    throw new Error(`cannot listen on ${where}: ${messageOf(error)}`);
  }
}

async function readFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** Resolves when a signal has stopped the server gracefully; a second signal ends the process there and then. */
async function stopped(server: HttpServer): Promise<void> {
  let stopping = false;
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    Deno.addSignalListener(signal, () => {
      if (stopping) Deno.exit(status);
      stopping = true;
      server.stop();
    });
  }
  await server.finished;
}

/** The handler with one line a request on standard error, when its response was delivered or could not be. */
function logged(handler: Handler): Handler {
  return async (request, exchange) => {
    const start = performance.now();
    let status = "-";
    const log = (end: string) => {
      const ms = (performance.now() - start).toFixed(1);
      console.error(
        `${peer(exchange)} "${requestLine(request, exchange)}" ${status} ${ms}ms${end}`,
      );
    };
    exchange.completed.then(() => log(""), () => log(" aborted"));
    try {
      const response = await handler(request, exchange);
      status = String(response.status);
      return response;
    } catch (error) {
      status = error instanceof HttpError ? String(error.status) : "500";
      throw error;
    }
  };
}

function peer({ client }: Exchange): string {
  return client.remotePort === null ? "unix" : `${client.remoteAddress}:${client.remotePort}`;
}

function requestLine({ method }: Request, { target, protocol }: Exchange): string {
  return `${method} ${target} ${protocol}`;
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, " ");
}

if (import.meta.main) {
  try {
    await main(Deno.args);
    Deno.exit(0); // a handler may still run
  } catch (error) {
    console.error(`testbed: ${messageOf(error)}`);
    Deno.exit(1);
  }
}
