/**
 * Responses: Drover's own subclass of the web's `Response`, and what a driver needs to know of any of them.
 *
 * @module
 */

import { fieldList, isFieldValue } from "./headers.ts";
import { bodyOfStream, JSON_FIELDS, staticBody, staticFields, TEXT_FIELDS } from "./platform_response.ts";

/** The bytes of a response: nothing, a text, bytes, or a stream. */
export type ResponseContent = null | string | Uint8Array | ReadableStream<Uint8Array>;

/** The web's `Response`. The name stands for Drover's class in expressions only: it changes no types. */
export type Response = globalThis.Response;

/**
 * The class behind {@link Response}: the members of the web's class, and what a driver needs to know of any
 * response.
 */
export interface ResponseClass {
  /** The prototype of its instances. */
  readonly prototype: Response;

  /**
   * Takes what the web's `Response` takes.
   *
   * @param body as for the web's `Response`; bytes must not change until the response was delivered
   * @param init as for the web's `Response`
   */
  new (body?: BodyInit | null, init?: ResponseInit): Response;

  /** A network error, for those that replace `fetch`. A handler cannot answer with it. */
  error(): Response;

  /** A response whose body is the JSON text of `data`. */
  json(data: unknown, init?: ResponseInit | null): Response;

  /** A response that sends the client to another URL; 302 when no status is given. */
  redirect(url: string | URL, status?: number): Response;

  /**
   * Reads the status of any web response, once: an object that passes for a response may give another one
   * each time.
   *
   * @throws {TypeError} when it is not that of a final response (RFC 9110 §15)
   */
  statusOf(response: Response): number;

  /**
   * Gives the content to send. Asks, in this order: what Drover's class has remembered, what the platform
   * keeps, the public `body`. A text or bytes that are known are not read: such a response may be sent any
   * number of times.
   *
   * @throws {TypeError} when the body was read already, or is none
   */
  contentOf(response: Response): ResponseContent;

  /**
   * Gives the fields of any web response, as names in lower case each followed by its value, all fit for a
   * message.
   *
   * @throws {TypeError} when a value has a character that a field may not have (RFC 9110 §5.5)
   */
  fieldsOf(response: Response): readonly string[];
}

const JSON_RECORD = { "content-type": "application/json" } as const;
const JSON_INIT: ResponseInit = { headers: JSON_RECORD };
const NO_FIELDS: readonly string[] = [];

const OwnResponse = class Response extends globalThis.Response {
  #content: ResponseContent | undefined;
  #fields: readonly string[] | null;

  constructor(body?: BodyInit | null, init?: ResponseInit) {
    super(body, init);
    const content = rememberBody(body);
    this.#content = content instanceof ReadableStream ? bodyOfStream(this) ?? content : content;
    this.#fields = content === undefined ? null : rememberFields(content, init?.headers);
  }

  /** The header fields. */
  override get headers(): Headers {
    this.#fields = null;
    return super.headers;
  }

  /** The body as a stream, or `null` when there is none. */
  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    this.#content = undefined;
    return super.body;
  }

  /** A copy; both bodies are streams from then on. */
  override clone(): globalThis.Response {
    this.#content = undefined;
    return super.clone();
  }

  // Reading the body consumes the response. From then on the remembered content is dropped and the platform's
  // class decides.

  /** The body decoded as UTF-8. */
  override text(): Promise<string> {
    this.#content = undefined;
    return super.text();
  }

  /** The body decoded as UTF-8, as a stream. */
  override textStream(): ReadableStream<string> {
    this.#content = undefined;
    return super.textStream();
  }

  /** The body parsed as JSON. */
  override json(): Promise<unknown> {
    this.#content = undefined;
    return super.json();
  }

  /** The body as bytes. */
  override bytes(): Promise<Uint8Array<ArrayBuffer>> {
    this.#content = undefined;
    return super.bytes();
  }

  /** The body as an `ArrayBuffer`. */
  override arrayBuffer(): Promise<ArrayBuffer> {
    this.#content = undefined;
    return super.arrayBuffer();
  }

  /** The body as a `Blob`. */
  override blob(): Promise<Blob> {
    this.#content = undefined;
    return super.blob();
  }

  /** The body parsed as a form. */
  override formData(): Promise<FormData> {
    this.#content = undefined;
    return super.formData();
  }

  static override json(data: unknown, init?: ResponseInit | null): Response {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError("Response.json: the value has no JSON form");
    if (init === undefined || init === null) return new Response(text, JSON_INIT);
    if (typeof init !== "object" && typeof init !== "function") return new Response(text, init); // throws
    return new Response(text, copyInit(init));
  }

  static statusOf(response: globalThis.Response): number {
    const { status } = response;
    if (Number.isInteger(status) && status >= 200 && status <= 599) return status;
    throw new TypeError(whyNoStatus(response, status));
  }

  static contentOf(response: globalThis.Response): ResponseContent {
    const content = #content in response ? response.#content : undefined;
    if (content !== undefined && !(content instanceof ReadableStream)) return content;
    if (response.bodyUsed) throw new TypeError("The body of the response was read already");
    return content ?? staticBody(response) ?? checkStream(response.body);
  }

  static fieldsOf(response: globalThis.Response): readonly string[] {
    const known = #content in response ? response.#fields : null;
    if (known !== null) return known;
    const fields = staticFields(response) ?? fieldList(response.headers);
    return response.url === "" ? fields : withoutCoding(fields);
  }
};

/**
 * A web `Response` that is cheaper to send: it remembers a text or bytes that it was made from, so that they
 * never become a stream, and its header fields as long as nobody asks for `headers`. Everything else is the
 * web's class; handlers may return either. The *type* `Response` is the web's: importing the name changes no
 * types.
 *
 * @example
 * ```ts
 * import { Response } from "@drover/http";
 *
 * const response = new Response("Hello", { headers: { "x-made-by": "drover" } });
 * console.log(response instanceof globalThis.Response, await response.text()); // true Hello
 * ```
 */
export const Response: ResponseClass = OwnResponse;

// `Deno.upgradeWebSocket()`, and helpers of frameworks that call it, make such a response.
const SWITCHING = "A handler answered 101. For a WebSocket, import { upgradeWebSocket } from " +
  '"@drover/http/websocket" instead of calling Deno.upgradeWebSocket(), in a Hono app import ' +
  "{ honoWebSocket }; for other protocols answer with exchange.upgrade()";

const NETWORK_ERROR =
  "A handler answered Response.error(), which is no response but the network error of a " +
  "fetch() that has failed: throw an HttpError, or return a Response with a status";

function whyNoStatus({ type }: Response, status: number): string {
  if (status === 101) return SWITCHING;
  if (status >= 100 && status < 200) {
    return `A handler answered ${status}: use exchange.inform() for it, and answer with a final response`;
  }
  if (type === "error") return NETWORK_ERROR;
  return `A handler answered ${JSON.stringify(status)}, which is no status (RFC 9110 §15)`;
}

/** The members of an init for JSON, which need not be its own. */
function copyInit(init: ResponseInit): ResponseInit {
  const { headers, status, statusText } = init;
  const copy: ResponseInit = { headers: headers === undefined ? JSON_RECORD : withJsonType(headers) };
  if (status !== undefined) copy.status = status;
  if (statusText !== undefined) copy.statusText = statusText;
  return copy;
}

function withJsonType(headers: HeadersInit): Headers {
  const fields = new Headers(headers);
  if (!fields.has("content-type")) fields.set("content-type", JSON_RECORD["content-type"]);
  return fields;
}

function checkStream(body: unknown): ReadableStream<Uint8Array> | null {
  if (body === null || body instanceof ReadableStream) return body;
  throw new TypeError("The body of the response is neither null nor a stream");
}

/**
 * The fields of a response that `fetch` gave: it has decoded the content, and left the fields that say how
 * to.
 */
function withoutCoding(fields: readonly string[]): readonly string[] {
  if (!fields.includes("content-encoding")) return fields;
  return fields.filter((_, index) => {
    const name = fields[index - index % 2];
    return name !== "content-encoding" && name !== "content-length";
  });
}

/** Returns content that can be sent without the web's class; `undefined` for a body that only it can read. */
function rememberBody(body: BodyInit | null | undefined): ResponseContent | undefined {
  if (body === null || body === undefined) return null;
  if (typeof body === "string" || body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return body instanceof ReadableStream ? body : undefined;
}

/**
 * Returns a copy of fields given as a plain record; `null` for fields that only the web's `Headers` can read.
 */
function rememberFields(
  content: ResponseContent,
  headers: HeadersInit | undefined,
): readonly string[] | null {
  const implied = typeof content === "string" ? TEXT_FIELDS : NO_FIELDS;
  if (headers === undefined) return implied;
  if (headers === JSON_RECORD) return JSON_FIELDS;
  if (Object.getPrototypeOf(headers) !== Object.prototype) return null;
  const fields: string[] = [];
  let typed = false;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== "string" || !LOWER_CASE_NAME.test(name) || !isFieldValue(value)) return null;
    typed ||= name === "content-type";
    fields.push(name, value);
  }
  return typed ? fields : fields.concat(implied);
}

// token (RFC 9110 §5.6.2) without its upper-case letters
const LOWER_CASE_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
