/**
 * A streaming reverse proxy: bodies pass as they come, in both directions and no faster than they are read, and a client
 * that leaves takes its upstream request with it. To copy it, import from "@drover/http".
 *
 *     deno run --allow-net examples/proxy.ts --upstream http://127.0.0.1:8000 --port 8001
 *
 * It is built on `fetch`, which cannot send every request: an upgrade is passed on without the fields that
 * ask for it (RFC 9110 §7.8), and GET with a body is answered 501. Trailers and informational responses are
 * not passed on.
 */
import { type Exchange, HttpError, serve } from "../mod.ts";

/** How long the upstream server may take for the head of its response, in milliseconds. */
const PATIENCE = 60_000;

/** Passes a request on to `url`, with `fields` set beside its own, and gives the response. */
export async function passOn(
  request: Request,
  { protocol }: Exchange,
  url: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const { method, signal } = request;
  const body = bodyOf(request);
  if (FORBIDDEN.test(method) || (body !== null && /^(?:GET|HEAD)$/i.test(method))) {
    throw new HttpError(501, `${method}${body === null ? "" : " with a body"} is not passed on`);
  }
  const headers = endToEnd(request.headers);
  headers.set("accept-encoding", "identity"); // with any other, `fetch` decodes the content
  headers.append("via", `${protocol.slice("HTTP/".length)} drover`);
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE);
  try {
    const either = AbortSignal.any([signal, late.signal]);
    return passBack(await fetch(url, { method, headers, body, signal: either, redirect: "manual" }));
  } catch (cause) {
    if (late.signal.aborted) {
      throw new HttpError(504, "The upstream server gave no answer in time", { cause });
    }
    throw new HttpError(502, "The upstream server gave no answer", { cause });
  } finally {
    clearTimeout(timer);
  }
}

function passBack({ status, statusText, headers, body }: Response): Response {
  return new Response(BODILESS.has(status) ? null : body, { status, statusText, headers: endToEnd(headers) });
}

/** Methods that `fetch` refuses (Fetch §2.2.1). */
const FORBIDDEN = /^(?:CONNECT|TRACE|TRACK)$/i;

/** Statuses of responses that have no body (Fetch §2.2.3). */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** Fields for one connection (RFC 9110 §7.6.1), for this proxy (§11.7), or that `fetch` sets itself. */
const OWN: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The fields that are passed on: not those that `connection` names (RFC 9110 §7.6.1). */
function endToEnd(fields: Headers): Headers {
  const named = (fields.get("connection") ?? "").toLowerCase().split(",").map((name) => name.trim());
  return new Headers([...fields].filter(([name]) => !OWN.has(name) && !named.includes(name)));
}

/** The body of a request, with its length where that is known: `fetch` sends a mere stream in chunks. */
function bodyOf({ body, headers }: Request): BodyInit | null {
  const length = headers.get("content-length");
  return body === null || length === null ? body : new SizedStream(body, Number(length));
}

/** A stream whose length is known: what `fetch` asks of a blob is its size and its stream. */
class SizedStream extends Blob {
  readonly #stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  override readonly size: number;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>, size: number) {
    super();
    this.#stream = stream;
    this.size = size;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#stream;
  }
}

function flag(name: string, standard: string): string {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? standard : Deno.args[at + 1] ?? standard;
}

if (import.meta.main) {
  const { origin } = new URL(flag("upstream", "http://127.0.0.1:8000"));
  serve({
    hostname: "127.0.0.1",
    port: Number(flag("port", "8001")),
    bodySizeLimit: null,
  }, (request, exchange) => {
    const { protocol, host, pathname, search } = new URL(request.url);
    return passOn(request, exchange, `${origin}${pathname}${search}`, {
      "x-forwarded-for": exchange.client.remoteAddress,
      "x-forwarded-host": host,
      "x-forwarded-proto": protocol.slice(0, -1),
    });
  });
}
