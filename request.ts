/**
 * The request as a handler meets it: a web `Request` that is built lazily.
 *
 * @module
 */

import { impersonate, requestHeaders } from "./headers.ts";
import { ignore, type RequestMessage } from "./message.ts";
import type { RequestBody } from "./request_body.ts";

const DECODER = new TextDecoder();

/**
 * A web `Request` over a received message: `instanceof Request` holds, and `fetch(request)`, `new Request(request)` and
 * `new Request(url, request)` work with it. What is not touched is not made: no `Headers`, stream or signal.
 *
 * It differs from a `Request` that was made by a constructor in what HTTP allows and the web's class does not: `method`
 * keeps its case, and CONNECT, TRACE and a body beside GET come through. Such a request cannot be given to `fetch`.
 */
export class ServerRequest {
  /** What the driver knows of this request. For drivers, not for handlers. */
  readonly message: RequestMessage;
  #headers: Headers | null = null;
  #real: Request | null = null;

  /** Makes a view of a received message. */
  constructor(message: RequestMessage) {
    this.message = message;
  }

  /** The method as received. */
  get method(): string {
    return this.message.method;
  }

  /** The absolute target URI: its scheme is the connection's, its authority that of the target or of `Host`. */
  get url(): string {
    return this.message.url;
  }

  /** The header fields. */
  get headers(): Headers {
    this.#headers ??= requestHeaders(this.message.fields);
    return this.#headers;
  }

  /** Aborts when the client goes away before the response was delivered, and only then. */
  get signal(): AbortSignal {
    return this.message.signal;
  }

  /** The body as a stream of bytes, or `null` when there is none. */
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.#real !== null) return this.#real.body;
    return this.message.body?.stream ?? null;
  }

  /** Whether the body was read. */
  get bodyUsed(): boolean {
    return this.#real !== null ? this.#real.bodyUsed : this.message.body?.used ?? false;
  }

  /** The body as bytes. Rejects as `text()` does. */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#consume((bytes) => bytes, (real) => real.bytes());
  }

  /** The body as an `ArrayBuffer`. Rejects as `text()` does. */
  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#consume((bytes) => bytes.buffer, (real) => real.arrayBuffer());
  }

  /**
   * The body decoded as UTF-8. Rejects with a `TypeError` when it was read before, with `HttpError` when it is too large,
   * malformed or too slow, and with `ClientDisconnectedError` when the peer left before its end.
   */
  text(): Promise<string> {
    return this.#consume((bytes) => DECODER.decode(bytes), (real) => real.text());
  }

  /** The body parsed as JSON. Rejects as `text()` does, or with a `SyntaxError`. */
  json(): Promise<unknown> {
    return this.#consume(
      (bytes): unknown => JSON.parse(DECODER.decode(bytes)),
      (real): Promise<unknown> => real.json(),
    );
  }

  /** The real `Request` behind this one, made at the first need. */
  get real(): Request {
    this.#real ??= toRequest(this);
    return this.#real;
  }

  /** Reads the body without a stream where nobody has got hold of one, and else as the web's class does. */
  #consume<T>(
    convert: (bytes: Uint8Array<ArrayBuffer>) => T,
    viaReal: (real: Request) => Promise<T>,
  ): Promise<T> {
    const { body } = this.message;
    const direct = this.#real === null && !body?.hasStream;
    const consumed = direct ? readWhole(body, convert) : readReal(this, viaReal);
    consumed.catch(ignore); // a handler may drop it: that the peer left must not become an unhandled rejection
    return consumed;
  }
}

async function readWhole<T>(
  body: RequestBody | null,
  convert: (bytes: Uint8Array<ArrayBuffer>) => T,
): Promise<T> {
  if (body?.used) throw new TypeError("The body of the request was read already");
  return convert(body === null ? new Uint8Array(0) : await body.readAll());
}

async function readReal<T>(
  request: ServerRequest,
  read: (real: Request) => Promise<T>,
): Promise<T> {
  return await read(request.real);
}

/** `RequestInit` with what a streamed body needs (Fetch §5.3) and TypeScript's library lacks. */
interface StreamingInit extends RequestInit {
  duplex?: "half";
}

function toRequest(request: ServerRequest): Request {
  const { method, url, headers, signal, message } = request;
  const bodiless = message.body === null || method === "GET" || method === "HEAD";
  const init: StreamingInit = { method, headers, signal, redirect: "manual" };
  if (!bodiless) Object.assign(init, { body: message.body?.stream, duplex: "half" });
  return new Request(url, init);
}

impersonate(ServerRequest, new Request("http://localhost/"));

/** Whether the platform takes a `ServerRequest` for a `Request`: its inner workings may change. */
const LAZY_REQUEST_HOLDS = holds();

function holds(): boolean {
  try {
    const real = new Request("http://localhost/lazy", { method: "PUT" });
    const { method, url, headers, signal } = real;
    const lazy: unknown = Object.defineProperties(
      Object.create(ServerRequest.prototype),
      Object.getOwnPropertyDescriptors({ real, method, url, headers, signal, body: null }),
    );
    return lazy instanceof Request && new Request(lazy).url === url &&
      new Request("http://localhost/other", lazy).method === "PUT";
  } catch {
    return false; // the fallback below is slower and always right
  }
}

/** What a handler is given for a request: the lazy one where the platform allows it, and else a real `Request`. */
export function webRequest(request: ServerRequest): Request {
  const web: unknown = LAZY_REQUEST_HOLDS
    ? request
    : Object.assign(request.real, { [MESSAGE]: request.message });
  return web as Request;
}

/** Where a real `Request` has the message that it was made of. */
const MESSAGE: unique symbol = Symbol("message");

/** What is known of a request that a handler was given; `null` for any other. */
export function messageOf(request: object): RequestMessage | null {
  if (request instanceof ServerRequest) return request.message;
  return MESSAGE in request ? request[MESSAGE] as RequestMessage : null;
}
