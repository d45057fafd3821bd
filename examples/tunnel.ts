/**
 * An HTTP proxy: tunnels by CONNECT, and plain requests by `fetch`.
 *
 *     deno run --allow-net examples/tunnel.ts [--port 8888] [--hostname 127.0.0.1]
 *     curl --proxy http://127.0.0.1:8888/ https://example.com/
 *
 * It listens on the loopback interface alone unless it is told otherwise: a proxy that anybody may use is an open one.
 */
import { type Exchange, HttpError, serve, type UpgradedConnection } from "../mod.ts";
import { passOn } from "./proxy.ts";

/** How long the upstream server may go on once the client has ended its side, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Opens the upstream connection of a tunnel. It is closed in any case: also where the client has left
 * meanwhile.
 */
async function connect({ signal }: Request, exchange: Exchange): Promise<Response> {
  const upstream = await reach(exchange.target, signal);
  try {
    exchange.completed.catch(() => close(upstream)); // the client has left before the tunnel was there
    return exchange.upgrade((connection) => tunnel(connection, upstream));
  } catch (error) {
    close(upstream);
    throw error;
  }
}

async function reach(authority: string, signal: AbortSignal): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(`http://${authority}/`);
  try {
    return await Deno.connect({
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || 80),
      signal,
    });
  } catch (cause) {
    throw new HttpError(502, `${authority} cannot be reached`, { cause });
  }
}

/**
 * Carries bytes both ways. "When a tunnel intermediary detects that either side has closed its connection" it
 * sends what is outstanding, and closes both (RFC 9110 §9.3.6); a client may have ended its own side only,
 * and wait for an answer.
 */
async function tunnel(connection: UpgradedConnection, upstream: Deno.TcpConn): Promise<void> {
  connection.signal.addEventListener("abort", () => connection.close(), { once: true });
  const { promise: late, resolve } = Promise.withResolvers<void>();
  // The writable of a `Deno.Conn` closes all of it.
  const there = connection.readable.pipeTo(upstream.writable, { preventClose: true })
    .then(() => upstream.closeWrite());
  const back = upstream.readable.pipeTo(connection.writable);
  let timer: ReturnType<typeof setTimeout> | undefined;
  there.then(() => timer = setTimeout(resolve, PATIENCE), resolve);
  await Promise.allSettled([Promise.race([back, late])]);
  clearTimeout(timer);
  connection.close();
  close(upstream);
}

function close(connection: Deno.TcpConn): void {
  connection[Symbol.dispose](); // unlike close(), it may have been closed already
}

function flag(name: string, standard: string): string {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? standard : Deno.args[at + 1] ?? standard;
}

const server = serve({
  hostname: flag("hostname", "127.0.0.1"),
  port: Number(flag("port", "8888")),
  allowedMethods: ["CONNECT", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
  bodySizeLimit: null,
  onListen: ({ hostname, port }) => console.log(`proxy on http://${hostname}:${port}/`),
}, (request, exchange) => {
  if (request.method === "CONNECT") return connect(request, exchange);
  if (!exchange.target.startsWith("http")) return new Response("This is a proxy\n", { status: 400 });
  return passOn(request, exchange, request.url); // in absolute form, as a proxy for plain HTTP gets it
});
Deno.addSignalListener("SIGINT", () => void server.shutdown());
Deno.addSignalListener("SIGTERM", () => void server.shutdown());
await server.finished;
