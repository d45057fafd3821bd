/** Routes that read the request's body, or leave it. */
import type { Call } from "./call.ts";

/** A body that is known to be this small, in bytes, is echoed when all of it has come: one that never comes is an error then. */
const SMALL_BODY = 8192;

/** The request's body, streamed back as it arrives. */
export async function echo({ request }: Call): Promise<Response> {
  const headers: Record<string, string> = {};
  for (const name of ["content-type", "content-length"]) {
    const value = request.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  const small = Number(headers["content-length"] ?? Infinity) <= SMALL_BODY;
  return new Response(small ? await request.bytes() : request.body, { headers });
}

/** Waits, then reads the whole body and sends it back. */
export async function slowEcho(call: Call): Promise<Response> {
  await call.pause(call.integer("ms", { standard: 0 }));
  return new Response(await call.request.bytes());
}

/** All that is known of a request. */
export async function inspect({ request, exchange }: Call): Promise<Response> {
  const body = await request.bytes();
  const { client } = exchange;
  return Response.json({
    method: request.method,
    target: exchange.target,
    protocol: exchange.protocol,
    url: request.url,
    headers: exchange.rawHeaders,
    body: { bytes: body.length, sha256: await sha256(body) },
    trailers: [...await exchange.trailers],
    remoteAddress: client.remoteAddress,
    remotePort: client.remotePort,
    localAddress: client.localAddress,
    localPort: client.localPort,
    encrypted: client.isEncrypted,
    tls: client.tlsInfo,
  });
}

/** What the attack corpus asks of a request. */
export async function info({ request, exchange }: Call): Promise<Response> {
  const body = await request.bytes();
  const { hostname, pathname } = new URL(request.url);
  return Response.json({
    method: request.method,
    target: exchange.target,
    path: pathname,
    host: hostname,
    headers: exchange.rawHeaders,
    body: latin1(body),
  });
}

/** Reads the body to its end without keeping it. */
export async function discard({ request }: Call): Promise<Response> {
  return Response.json({ bytes: await count(request) });
}

/** The same, answered as text. */
export async function echoDiscard({ request }: Call): Promise<Response> {
  return new Response(String(await count(request)));
}

/** The same, with a limit of its own: a larger body is answered 413. */
export async function limited(call: Call): Promise<Response> {
  call.exchange.bodySizeLimit = call.integer("max");
  return await discard(call);
}

/** Leaves the body alone. */
export function ignore(): Response {
  return new Response("ignored");
}

async function count(request: Request): Promise<number> {
  let bytes = 0;
  if (request.body !== null) {
    for await (const chunk of request.body) bytes += chunk.length;
  }
  return bytes;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** ISO-8859-1, which no `TextDecoder` knows: that name means windows-1252 there. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
