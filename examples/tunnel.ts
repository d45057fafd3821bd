/**
 * An HTTP proxy: tunnels by CONNECT, and plain requests by `fetch`.
 *
 *     deno run --allow-net examples/tunnel.ts [--port 8888] [--hostname 127.0.0.1]
 *     curl --proxy http://127.0.0.1:8888/ https://example.com/
 *
 * It listens on the loopback interface alone unless it is told otherwise: a proxy that anybody may use is an open one.
 */
import { type Exchange, HttpError, serve, type UpgradedConnection } from "../mod.ts";

/** Carries bytes both ways until both sides have ended. */
async function tunnel(connection: UpgradedConnection, upstream: Deno.TcpConn): Promise<void> {
  connection.signal.addEventListener("abort", () => connection.close(), { once: true });
  await Promise.allSettled([
    connection.readable.pipeTo(upstream.writable),
    upstream.readable.pipeTo(connection.writable),
  ]);
  connection.close();
}

async function connect(exchange: Exchange): Promise<Response> {
  const { hostname, port } = new URL(`http://${exchange.target}/`);
  let upstream: Deno.TcpConn;
  try {
    upstream = await Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) });
  } catch (cause) {
    throw new HttpError(502, `${exchange.target} cannot be reached`, { cause });
  }
  return exchange.upgrade((connection) => tunnel(connection, upstream));
}

/** Passes a request in absolute form on, as a proxy for plain HTTP gets it. */
async function forward(request: Request): Promise<Response> {
  const headers = new Headers(request.headers);
  for (
    const name of ["connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "upgrade"]
  ) {
    headers.delete(name);
  }
  try {
    return await fetch(new Request(request, { headers }));
  } catch (cause) {
    throw new HttpError(502, `${new URL(request.url).host} cannot be reached`, { cause });
  }
}

function flag(name: string, standard: string): string {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? standard : Deno.args[at + 1] ?? standard;
}

const server = serve({
  hostname: flag("hostname", "127.0.0.1"),
  port: Number(flag("port", "8888")),
  allowedMethods: ["CONNECT", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
  onListen: ({ hostname, port }) => console.log(`proxy on http://${hostname}:${port}/`),
}, (request, exchange) => {
  if (request.method === "CONNECT") return connect(exchange);
  if (!exchange.target.startsWith("http")) return new Response("This is a proxy\n", { status: 400 });
  return forward(request);
});
Deno.addSignalListener("SIGINT", () => void server.shutdown());
Deno.addSignalListener("SIGTERM", () => void server.shutdown());
await server.finished;
