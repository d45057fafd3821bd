/**
 * A strict parser of HTTP/1.1 responses (RFC 9112), made to judge a server: whatever a server MUST NOT send, and what
 * this project chose never to send, is a {@link ResponseFault}.
 *
 * @module
 */

import { concat, fromLatin1 } from "./bytes.ts";

/** What a server must not have sent. */
export class ResponseFault extends Error {
  /** @inheritdoc */
  override readonly name = "ResponseFault";
}

/** A field line: name and value as sent, without the whitespace around the value. */
export type FieldLine = readonly [name: string, value: string];

/** The status line and the header section of one response. */
export interface RawHead {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly FieldLine[];
}

/** How a response's body was delimited (RFC 9112 §6.3). */
export type Framing = "none" | "length" | "chunked" | "close";

/** One final response, with the interim ones before it. */
export interface RawResponse extends RawHead {
  readonly interim: readonly RawHead[];
  readonly framing: Framing;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The body as UTF-8. */
  readonly text: string;
  /** The sizes of the chunks, the last one left out. */
  readonly chunks: readonly number[];
  readonly trailers: readonly FieldLine[];
  /** Whether all of the body arrived before the connection ended. */
  readonly complete: boolean;
}

/** What the response answers, which its framing depends on. */
export interface Asked {
  /** The method of the request. */
  readonly method?: string;
  /** The version of the request: `HTTP/1.0` must get neither chunks nor interim responses. */
  readonly version?: "HTTP/1.0" | "HTTP/1.1";
}

/** More bytes, or `null` at the end of the connection. */
export type Pull = () => Promise<Uint8Array | null>;

const statusLine = /^(HTTP\/1\.[01]) ([1-5][0-9]{2}) ([\t \x21-\x7e\x80-\xff]*)$/;
// deno-lint-ignore no-control-regex -- control characters are what it must refuse
const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([^\x00-\x08\x0a-\x1f\x7f]*)$/;
const chunkLine = /^([0-9A-Fa-f]{1,12})$/;
const imfFixdate =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3]\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} [0-2]\d:[0-5]\d:[0-6]\d GMT$/;
/** Fields that are one value, of which a server sends one line at most (RFC 9110 §5.3). */
const singletons = [
  "connection",
  "content-length",
  "content-type",
  "date",
  "location",
  "server",
  "transfer-encoding",
];
/** Fields that frame, route or authenticate, which are no trailers (RFC 9110 §6.5.1). */
const notTrailers = [
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "host",
  "trailer",
  "transfer-encoding",
];

/** The value of a field, its lines joined (RFC 9110 §5.3); `undefined` without one. */
export function field(fields: readonly FieldLine[], name: string): string | undefined {
  const values = fields.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}

/** Whether `Connection` lists an option (RFC 9110 §7.6.1). */
export function hasConnectionOption(head: RawHead, option: string): boolean {
  const options = (field(head.fields, "connection") ?? "").split(",");
  return options.some((part) => part.replace(/^[\t ]+|[\t ]+$/g, "").toLowerCase() === option);
}

/** Reads responses off a stream of bytes, one after the other. */
export class ResponseReader {
  readonly #pull: Pull;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #ended = false;

  constructor(pull: Pull) {
    this.#pull = pull;
  }

  /** The next head, interim or final; `null` when the connection ended instead. */
  async readHead(asked: Asked = {}): Promise<RawHead | null> {
    if (this.#buffer.length === 0 && !await this.#fill()) return null;
    const line = await this.#readLine("status-line");
    const match = statusLine.exec(line);
    if (match === null) throw fault("a status-line", line, "RFC 9112 §4");
    const fields = await this.#readFields();
    const [, version = "", status, reason = ""] = match;
    const head = { version, status: Number(status), reason, fields };
    judgeHead(head, asked);
    return head;
  }

  /** The next final response and the interim ones ahead of it; `null` when the connection ended instead. */
  async readResponse(asked: Asked = {}): Promise<RawResponse | null> {
    const interim: RawHead[] = [];
    for (;;) {
      const head = await this.readHead(asked);
      if (head === null && interim.length === 0) return null;
      if (head === null) throw new ResponseFault("interim responses and no final one (RFC 9110 §15.2)");
      if (head.status >= 200 || head.status === 101) return await this.#readBody(head, interim, asked);
      interim.push(head);
    }
  }

  /** Everything that is left until the connection ends. */
  async readToEnd(): Promise<Uint8Array<ArrayBuffer>> {
    while (await this.#fill()) continue;
    return this.#take(this.#buffer.length);
  }

  async #readBody(head: RawHead, interim: RawHead[], asked: Asked): Promise<RawResponse> {
    const framing = framingOf(head, asked);
    const chunks: number[] = [];
    let body = new Uint8Array(0);
    let trailers: FieldLine[] = [];
    let complete = true;
    if (framing === "length") {
      const length = Number(field(head.fields, "content-length"));
      complete = await this.#have(length);
      body = this.#take(Math.min(length, this.#buffer.length));
    } else if (framing === "close") {
      body = await this.readToEnd();
    } else if (framing === "chunked") {
      const pieces: Uint8Array[] = [];
      const end = await this.#readChunks(pieces, chunks);
      complete = end !== null;
      trailers = end ?? [];
      body = concat(pieces);
    }
    const text = new TextDecoder().decode(body);
    return { ...head, interim, framing, body, text, chunks, trailers, complete };
  }

  /** Reads chunks into `pieces`: the trailers, or `null` when the connection ended first (RFC 9112 §7.1). */
  async #readChunks(pieces: Uint8Array[], sizes: number[]): Promise<FieldLine[] | null> {
    for (;;) {
      const line = await this.#readLine("chunk-size", true);
      if (line === null) return null;
      const match = chunkLine.exec(line);
      if (match === null) throw fault("a chunk-size", line, "RFC 9112 §7.1");
      const size = parseInt(match[1] ?? "", 16);
      if (size === 0) break;
      const whole = await this.#have(size + 2);
      pieces.push(this.#take(Math.min(size, this.#buffer.length)));
      if (!whole) return null;
      sizes.push(size);
      const end = fromLatin1(this.#take(2));
      if (end !== "\r\n") throw fault("the CRLF after chunk-data", end, "RFC 9112 §7.1");
    }
    const trailers = await this.#readFields(true);
    for (const [name] of trailers ?? []) {
      if (notTrailers.includes(name.toLowerCase())) throw fault("a trailer field", name, "RFC 9110 §6.5.1");
    }
    return trailers;
  }

  async #readFields(mayEnd?: false): Promise<FieldLine[]>;
  async #readFields(mayEnd: true): Promise<FieldLine[] | null>;
  async #readFields(mayEnd = false): Promise<FieldLine[] | null> {
    const fields: FieldLine[] = [];
    for (;;) {
      const line = mayEnd ? await this.#readLine("field-line", true) : await this.#readLine("field-line");
      if (line === null) return null;
      if (line === "") return fields;
      const match = fieldLine.exec(line);
      if (match === null) throw fault("a field-line", line, "RFC 9112 §5");
      fields.push([match[1] ?? "", (match[2] ?? "").replace(/[\t ]+$/, "")]);
    }
  }

  async #readLine(what: string): Promise<string>;
  async #readLine(what: string, mayEnd: true): Promise<string | null>;
  async #readLine(what: string, mayEnd = false): Promise<string | null> {
    let end = this.#buffer.indexOf(0x0a);
    while (end < 0) {
      const scanned = this.#buffer.length;
      if (!await this.#fill()) {
        if (mayEnd) return null;
        throw fault(
          `a whole ${what} before the end of the connection`,
          fromLatin1(this.#buffer),
          "RFC 9112 §8",
        );
      }
      end = this.#buffer.indexOf(0x0a, scanned);
    }
    const line = fromLatin1(this.#take(end + 1));
    if (!line.endsWith("\r\n")) throw fault(`the CRLF of a ${what}`, line, "RFC 9112 §2.2");
    if (line.indexOf("\r") !== line.length - 2) {
      throw fault(`a ${what} without bare CR`, line, "RFC 9112 §2.2");
    }
    return line.slice(0, -2);
  }

  /** Makes `length` bytes available; `false` when the connection ends before. */
  async #have(length: number): Promise<boolean> {
    while (this.#buffer.length < length) if (!await this.#fill()) return false;
    return true;
  }

  async #fill(): Promise<boolean> {
    if (this.#ended) return false;
    const more = await this.#pull();
    if (more === null) this.#ended = true;
    else this.#buffer = this.#buffer.length === 0 ? new Uint8Array(more) : concat([this.#buffer, more]);
    return more !== null;
  }

  #take(length: number): Uint8Array<ArrayBuffer> {
    const taken = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }
}

function fault(expected: string, got: string, section: string): ResponseFault {
  return new ResponseFault(`expected ${expected}, got ${JSON.stringify(got.slice(0, 200))} (${section})`);
}

/** How the body of a response is delimited (RFC 9112 §6.3, items 1 to 8). */
function framingOf(head: RawHead, asked: Asked): Framing {
  if (asked.method === "HEAD" || head.status < 200 || [204, 304].includes(head.status)) return "none";
  if (field(head.fields, "transfer-encoding") !== undefined) return "chunked";
  if (field(head.fields, "content-length") !== undefined) return "length";
  if (hasConnectionOption(head, "close") || asked.version === "HTTP/1.0") return "close";
  throw new ResponseFault(`${head.status} has no length, yet does not say close (RFC 9112 §9.6)`);
}

function judgeHead(head: RawHead, asked: Asked): void {
  for (const name of singletons) {
    const lines = head.fields.filter(([other]) => other.toLowerCase() === name).length;
    if (lines > 1) throw new ResponseFault(`${lines} lines of ${name} (RFC 9110 §5.3)`);
  }
  judgeFraming(head, asked);
  const date = field(head.fields, "date");
  if (head.status >= 200 && head.status < 500 && date === undefined) {
    throw new ResponseFault(`${head.status} without Date (RFC 9110 §6.6.1)`);
  }
  if (date !== undefined && !imfFixdate.test(date)) throw fault("an IMF-fixdate", date, "RFC 9110 §5.6.7");
  for (const option of (field(head.fields, "connection") ?? "close").toLowerCase().split(",")) {
    if (!["close", "keep-alive", "upgrade"].includes(option.trim())) {
      throw fault("a connection option of the server's own", option, "RFC 9110 §7.6.1");
    }
  }
  if (head.status !== 101 && head.status !== 426 && field(head.fields, "upgrade") !== undefined) {
    throw fault("no Upgrade", field(head.fields, "upgrade") ?? "", "this server's choice");
  }
}

function judgeFraming(head: RawHead, asked: Asked): void {
  const length = field(head.fields, "content-length");
  const coding = field(head.fields, "transfer-encoding");
  if (length !== undefined && !/^[0-9]{1,15}$/.test(length)) throw fault("a length", length, "RFC 9110 §8.6");
  if (coding !== undefined && coding !== "chunked") throw fault("chunked", coding, "RFC 9112 §6.1");
  if (length !== undefined && coding !== undefined) {
    throw new ResponseFault("both Content-Length and Transfer-Encoding (RFC 9112 §6.2)");
  }
  const bare = head.status < 200 || head.status === 204;
  if (bare && (length ?? coding) !== undefined) {
    throw new ResponseFault(`${head.status} with framing (RFC 9112 §6.1, RFC 9110 §8.6)`);
  }
  if (asked.version === "HTTP/1.0" && coding !== undefined) {
    throw new ResponseFault("Transfer-Encoding to HTTP/1.0 (RFC 9112 §6.1)");
  }
  if (asked.version === "HTTP/1.0" && head.status < 200) {
    throw new ResponseFault(`${head.status} to HTTP/1.0 (RFC 9110 §15.2)`);
  }
  if (head.status === 205 && asked.method !== "HEAD" && (length ?? "0") !== "0") {
    throw new ResponseFault(`205 with a Content-Length of ${length} (RFC 9110 §15.3.6)`);
  }
}
