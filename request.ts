/**
 * The request that a handler gets: a web `Request` that is built lazily.
 *
 * @module
 */

import { copyHeaders, type FieldLines, LAZY_HEADERS_HOLD, requestHeaders, shareHeaders } from "./headers.ts";
import { ignore, type RequestMessage } from "./message.ts";
import { withByob } from "./messages/byte_stream.ts";
import { holds, impersonate } from "./messages/platform.ts";
import type { RequestBody } from "./request_body.ts";

const DECODER = new TextDecoder();

/**
 * The key of a property that holds the request itself: `Object.create(request)` and a proxy find the request
 * by it.
 */
const SELF: unique symbol = Symbol("request");

/**
 * A web `Request` over a received message: `instanceof Request` holds, and `fetch(request)`, `new
 * Request(request)` and `new Request(url, request)` work with it. `Headers`, stream and signal are made only
 * when they are first used.
 *
 * It also shows what HTTP allows and a constructor of `Request` does not: `method` keeps its case, and may be
 * CONNECT or TRACE, and GET and HEAD may have a body. `fetch` and
 * `new Request` reject such a request with a `TypeError`; the handler reads it, and `clone()` copies it, as
 * any other. `redirect` is `"manual"`, so that whoever passes a request on passes the redirects back.
 */
export class ServerRequest {
  /** The request itself, which a proxy of it gives too. For drivers, not for handlers. */
  readonly [SELF]: ServerRequest = this;
  readonly #message: RequestMessage;
  #headers: Headers | null = null;
  #carrier: Response | null = null;
  #real: Request | null = null;

  /** Makes a view of a received message. */
  constructor(message: RequestMessage) {
    this.#message = message;
  }

  /** Gives the message that a request shows. For drivers, not for handlers. */
  static messageOf(request: ServerRequest): RequestMessage;
  /** Gives the message that a request shows; `null` for a request that the server has not made. */
  static messageOf(request: object): RequestMessage | null;
  static messageOf(request: object): RequestMessage | null {
    const self: unknown = SELF in request ? request[SELF] : null;
    return self instanceof ServerRequest ? self.#message : null;
  }

  /** Gives what a handler gets: the lazy request where the platform allows it, and else a real `Request`. */
  static toWeb(request: ServerRequest): Request {
    return LAZY_REQUEST_HOLDS ? asRequest(request) : request.#standIn();
  }

  /** The method as received. */
  get method(): string {
    return this[SELF].#message.method;
  }

  /**
   * The absolute target URI: its scheme is the connection's, its authority that of the target or of `Host`.
   */
  get url(): string {
    return this[SELF].#message.url;
  }

  /** The header fields. */
  get headers(): Headers {
    const self = this[SELF];
    self.#headers ??= requestHeaders(self.#message.fields);
    return self.#headers;
  }

  /** Aborts when the client goes away before the response was delivered, and only then. */
  get signal(): AbortSignal {
    return this[SELF].#message.signal;
  }

  /** The body as a stream of bytes, or `null` when there is none. */
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const self = this[SELF];
    return self.#message.body === null ? null : withByob(self.#carry().body);
  }

  /** Whether the body was read, or cancelled. */
  get bodyUsed(): boolean {
    const self = this[SELF];
    return self.#carrier === null ? self.#message.body?.used ?? false : self.#carry().bodyUsed;
  }

  /** The body as bytes. Rejects as `text()` does. */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this[SELF].#consume((bytes) => bytes, (carrier) => carrier.bytes());
  }

  /** The body as an `ArrayBuffer`. Rejects as `text()` does. */
  arrayBuffer(): Promise<ArrayBuffer> {
    return this[SELF].#consume((bytes) => bytes.buffer, (carrier) => carrier.arrayBuffer());
  }

  /**
   * The body decoded as UTF-8. Rejects with a `TypeError` when it was read before, with `HttpError` when it
   * is too large, malformed or too slow, and with `ClientDisconnectedError` when the peer left before its
   * end.
   */
  text(): Promise<string> {
    return this[SELF].#consume((bytes) => DECODER.decode(bytes), (carrier) => carrier.text());
  }

  /** The body parsed as JSON. Rejects as `text()` does, or with a `SyntaxError`. */
  json(): Promise<unknown> {
    return this[SELF].#consume(
      (bytes): unknown => JSON.parse(DECODER.decode(bytes)),
      (carrier): Promise<unknown> => carrier.json(),
    );
  }

  /** The body as a `Blob` whose type is that of the body. Rejects as `text()` does. */
  blob(): Promise<Blob> {
    return settledElsewhere(this[SELF].#carryTyped().blob());
  }

  /** The body parsed as a form. Rejects as `text()` does, and with a `TypeError` when it is none. */
  formData(): Promise<FormData> {
    return settledElsewhere(this[SELF].#carryTyped().formData());
  }

  /** The body decoded as UTF-8, as a stream. */
  textStream(): ReadableStream<string> {
    return this[SELF].#carry().textStream();
  }

  /**
   * Makes a copy. Either body is read without the other.
   *
   * @throws {TypeError} when the body was read already, or is being read
   */
  clone(): Request {
    const self = this[SELF];
    const copy = new ServerRequest(self.#message);
    if (self.#message.body !== null) copy.#carrier = self.#carry().clone();
    if (self.#headers !== null) copy.#headers = copyHeaders(self.#headers);
    self.#real = null; // because the carrier has a new body from here on
    return asRequest(copy);
  }

  /** Reads the body without a stream, unless a stream was made; then reads it as the web's class does. */
  #consume<T>(
    convert: (bytes: Uint8Array<ArrayBuffer>) => T,
    viaCarrier: (carrier: Response) => Promise<T>,
  ): Promise<T> {
    const { body } = this.#message;
    const direct = this.#carrier === null && body?.used !== true;
    return settledElsewhere(direct ? readWhole(body, convert) : viaCarrier(this.#carry()));
  }

  /**
   * Gives a `Response` with the body of this request: the carrier. A `Response` does for a body what a
   * `Request` does, and takes a body whatever the method is. The carrier alone knows from then on whether the
   * body was read.
   */
  #carry(): Response {
    this.#carrier ??= carry(this.#message.body);
    if (this.#real?.bodyUsed && !this.#carrier.bodyUsed) spend(this.#carrier);
    return this.#carrier;
  }

  /** Gives the carrier with the type of the body, for reads that depend on the type. */
  #carryTyped(): Response {
    const carrier = this.#carry();
    const type = this.headers.get("content-type");
    if (type === null) carrier.headers.delete("content-type");
    else carrier.headers.set("content-type", type);
    return carrier;
  }

  /**
   * Gives the real `Request` that `fetch` and `new Request` work with, and makes it when it is first needed.
   *
   * @throws {TypeError} when the web's class has none for this method and body
   */
  #toReal(): Request {
    const { method, body } = this.#message;
    if (!isAccepted(method, body !== null)) throw refusal(method);
    const carrier = this.#carry();
    if (isUnusable(carrier)) return this.#makeSpent();
    if (this.#real === null) {
      this.#real = this.#makeReal(method, carrier.body);
      shareHeaders(this.headers, this.#real.headers);
    }
    return this.#real;
  }

  /** Gives a real `Request`, for a platform that does not take the lazy one for a `Request`. */
  #standIn(): Request {
    if (this.#real !== null) return this.#real;
    const { method, body } = this.#message;
    const accepted = isAccepted(method, body !== null) ? method : `X-${method}`;
    const real = this.#makeReal(accepted, body?.stream ?? null);
    this.#real = Object.defineProperty(real.method === method ? real : rename(real, method), SELF, {
      value: this,
    });
    return this.#real;
  }

  // Makes a request whose body was read. It is not kept, because the lock of a body may be released. The
  // platform stores URL and method in a request when it first gives them, and reads them back at once: by
  // then the next such request may have been made, so both are asked for here.
  #makeSpent(): Request {
    const spent = spend(this.#makeReal(this.#message.method, ""));
    for (const name of ["url", "method"]) Reflect.get(spent, name);
    return spent;
  }

  #makeReal(method: string, body: BodyInit | null): Request {
    const init: StreamingInit = { method, headers: this.headers, signal: this.signal, redirect: "manual" };
    if (body !== null) Object.assign(init, { body, duplex: "half" });
    return new Request(this.url, init);
  }

  static {
    const sample = new Request("http://localhost/", { redirect: "manual" });
    impersonate({ target: ServerRequest, sample, toReal: (request) => request[SELF].#toReal() });
  }
}

/** `RequestInit` with what a streamed body needs (Fetch §5.3) and TypeScript's library lacks. */
interface StreamingInit extends RequestInit {
  duplex?: "half";
}

// "If init["body"] exists and is non-null or inputBody is non-null, and request's method is `GET` or `HEAD`,
// then throw a TypeError"; "A forbidden method is a method that is a byte-case-insensitive match for
// `CONNECT`, `TRACE`, or `TRACK`" (Fetch §5.4, §2.2.1)
function isAccepted(method: string, hasBody: boolean): boolean {
  return !/^(?:CONNECT|TRACE|TRACK)$/i.test(method) && !(hasBody && /^(?:GET|HEAD)$/i.test(method));
}

function refusal(method: string): TypeError {
  const kind = /^(?:GET|HEAD)$/i.test(method) ? `${method} request with a body` : `${method} request`;
  return new TypeError(
    `fetch() and new Request() take no ${kind}: give them the URL, and of the request what they should have`,
  );
}

/**
 * Gives a request, and its clones, a method that the web's class refuses. The platform sees a method that no
 * upstream knows instead: an upstream refuses a request that is passed on all the same, and does not mistake
 * it for another one.
 */
function rename(request: Request, method: string): Request {
  const clone = () => rename(Request.prototype.clone.call(request), method);
  return Object.defineProperties(request, { method: { value: method }, clone: { value: clone } });
}

/** A `Response` around a body of a request. */
function carry(body: RequestBody | null): Response {
  if (body === null) return new Response(null);
  return body.used ? spend(new Response("")) : new Response(body.takeComplete() ?? body.stream);
}

/** Makes a message one whose body was read. */
function spend<T extends Request | Response>(message: T): T {
  settledElsewhere(message.bytes());
  return message;
}

/** Whether a body can no longer be passed on (Fetch §2.2.4). */
function isUnusable(carrier: Response): boolean {
  return carrier.bodyUsed || carrier.body?.locked === true;
}

async function readWhole<T>(
  body: RequestBody | null,
  convert: (bytes: Uint8Array<ArrayBuffer>) => T,
): Promise<T> {
  return convert(body === null ? new Uint8Array(0) : await body.readAll());
}

/**
 * Marks a promise as handled, because a handler may drop it, and a rejection must then not end the process.
 */
function settledElsewhere<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

function asRequest(request: ServerRequest): Request {
  const web: unknown = request;
  return web as Request;
}

/** Whether the platform takes a `ServerRequest` for a `Request`. */
export const LAZY_REQUEST_HOLDS: boolean = LAZY_HEADERS_HOLD && holds(() => {
  const url = "http://localhost/lazy";
  const fields: FieldLines = { get: () => "1", toPairs: () => [["a", "1"]] };
  const message: unknown = { method: "PUT", url, fields, body: null, signal: new AbortController().signal };
  const lazy = asRequest(new ServerRequest(message as RequestMessage));
  const copy = new Request(lazy);
  const other = new Request("http://localhost/other", lazy);
  return lazy instanceof Request && [copy, other].every(({ method }) => method === "PUT") &&
    copy.url === url &&
    [copy, other].every(({ headers }) => headers.get("a") === "1") && lazy.cache === copy.cache;
});
