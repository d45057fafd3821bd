/**
 * Responses: from what a handler gave to what is sent on its stream.
 *
 * @module
 */

import { ClientDisconnectedError, isPeersFault } from "../errors.ts";
import { fieldList } from "../headers.ts";
import { UpgradedConnection } from "../upgraded_connection.ts";
import { Response, type ResponseContent } from "../response.ts";
import { isTrailerAllowed } from "../trailer_fields.ts";
import { declaredLength } from "./content_length.ts";
import type { DriverClient } from "./driver.ts";
import { type HttpDate, isHttpDate } from "./http_date.ts";
import { listElements } from "./list_field.ts";
import { preloadLinks } from "./preload.ts";
import { discardResponse, type PullPermission, ResponseStream } from "./response_stream.ts";
import { ErrorCode } from "./http2/error_code.ts";
import type { Http2Message } from "./http2/message.ts";
import { GatedPull } from "./http2/pull_gate.ts";
import type { Sender } from "./http2/sender.ts";
import type { Http2Stream } from "./http2/stream.ts";
import { StreamConnection } from "./http2_stream_connection.ts";

const NOTHING = new Uint8Array(0);
const ENCODER = new TextEncoder();

/** How long a head waits for the first chunk of its stream, in milliseconds, to go out with it. */
const HEAD_DELAY = 5;

/** A text up to this length, in characters, is encoded into memory that is used again. */
const SHORT_TEXT = 1024;

// "An endpoint MUST NOT generate an HTTP/2 message containing connection-specific header fields", and "An
// intermediary transforming an HTTP/1.x message to HTTP/2 MUST remove connection-specific header fields as
// discussed in Section 7.6.1 of [HTTP]" (RFC 9113 §8.2.2). `content-length`, `date` and `trailer` are the
// server's.
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What a responder needs of its driver. */
export interface ResponderHost {
  /** Ends a stream before its time: RST_STREAM. */
  reset(stream: Http2Stream, code: ErrorCode, reason: unknown): void;
  /** The connection ends when what runs has been answered. */
  shutDown(): void;
  /** Whether the client cannot send the rest of its request without a further window. */
  needsWindow(stream: Http2Stream): boolean;
}

/** A response whose head was looked through. */
interface Outgoing {
  readonly stream: Http2Stream;
  readonly status: number;
  readonly fields: readonly string[];
  /** The `content-length` that the handler declared, or `null`. */
  readonly declared: number | null;
  /** The fields that are not copied: {@link OWN_FIELDS}, and those that the handler's `connection` names. */
  readonly withheld: ReadonlySet<string>;
}

/** Sends the responses of one connection. */
export class Responder {
  readonly #client: DriverClient;
  readonly #sender: Sender;
  readonly #host: ResponderHost;
  readonly #date: HttpDate;
  readonly #scratch = new Uint8Array(3 * SHORT_TEXT);

  /**
   * @param client whose connection it is
   * @param sender what it sends by
   * @param host its driver
   * @param date the clock
   */
  constructor(client: DriverClient, sender: Sender, host: ResponderHost, date: HttpDate) {
    this.#client = client;
    this.#sender = sender;
    this.#host = host;
    this.#date = date;
  }

  /**
   * Sends a response: `null` when all of it is queued, or a promise of that. It rejects with what kept the
   * response from being complete; the stream was dealt with then.
   */
  send(stream: Http2Stream, response: globalThis.Response, replaces = false): Promise<void> | null {
    if (stream.ended || stream.response !== "awaited") {
      discardResponse(response, new ClientDisconnectedError());
      return null;
    }
    try {
      const outgoing = this.#examine(stream, response);
      if (stream.message?.upgradeHandler && outgoing.status < 300) return this.#upgrade(outgoing, response);
      if (stream.message !== null) stream.message.upgradeHandler = null; // no tunnel: the limits of a response hold
      const content = Response.contentOf(response);
      return content instanceof ReadableStream
        ? this.#sendStream(outgoing, new ResponseStream(content))
        : this.#sendWhole(outgoing, content);
    } catch (error) {
      discardResponse(response, error);
      return this.#replace(stream, error, replaces);
    }
  }

  /**
   * A response that cannot be sent is the handler's fault: it is reported, and the peer gets the error page
   * instead.
   */
  #replace(stream: Http2Stream, error: unknown, replaces: boolean): Promise<void> | null {
    const { message } = stream;
    if (message !== null) message.responseTrailers = null;
    if (replaces) return this.send(stream, new Response(null, { status: 500 }), true);
    const rendered = this.#client.renderFailure(error, message?.request ?? null);
    if (!(rendered instanceof Promise)) return this.send(stream, rendered, true);
    return rendered.then((page) => this.send(stream, page, true) ?? undefined);
  }

  #examine(stream: Http2Stream, response: globalThis.Response): Outgoing {
    const { message } = stream;
    const status = Response.statusOf(response);
    if (message?.method === "CONNECT" && status < 300 && message.upgradeHandler === null) {
      throw new TypeError("A handler answered 2xx to CONNECT, which makes a tunnel: use exchange.upgrade()");
    }
    const fields = Response.fieldsOf(response);
    let declared: number | null = null;
    let withheld = OWN_FIELDS;
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at]!;
      if (name === "content-length") declared = declaredLength(fields[at + 1]!);
      else if (name === "connection") withheld = this.#takeConnection(fields[at + 1]!, withheld);
    }
    return { stream, status, fields, declared, withheld };
  }

  /** Obeys a handler's `connection` field; returns the fields to withhold, those that it names among them. */
  #takeConnection(value: string, withheld: ReadonlySet<string>): ReadonlySet<string> {
    const options = listElements(value);
    // A response that would end an HTTP/1 connection ends this one in good order, too.
    if (options.includes("close")) this.#host.shutDown();
    return new Set([...withheld, ...options]);
  }

  // Heads.

  /** Begins the block of a final head: all of it but its end. */
  #encodeHead({ stream, status, fields, declared, withheld }: Outgoing, size: number | null): void {
    const { heads } = this.#sender;
    heads.begin();
    heads.addStatus(status);
    let dated = false;
    let named = false;
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at]!;
      named ||= name === "server";
      if (!withheld.has(name)) heads.add(name, fields[at + 1]!);
      else if (name === "date" && !dated && isHttpDate(fields[at + 1]!)) {
        dated = true;
        heads.add(name, fields[at + 1]!);
      }
    }
    const length = status === 204 ? null : status === 304 ? declared : declared ?? size;
    if (length !== null && !this.#leavesLengthOut(stream, status)) {
      heads.addUnindexed("content-length", String(length));
    }
    const { message } = stream;
    if (message !== null) this.#addOffers(message, fields);
    if (!dated) heads.add("date", this.#date.at(this.#client.now));
    const { serverHeader } = this.#client.options;
    if (serverHeader !== null && !named) heads.add("server", serverHeader);
  }

  // curl 7.88 reads nothing further once it has as much content as `content-length` says, and waits for ever
  // for a window for the rest of its request. Without the field it sees RST_STREAM. From 400 on it stops to
  // send by itself.
  #leavesLengthOut(stream: Http2Stream, status: number): boolean {
    return status < 400 && this.#host.needsWindow(stream);
  }

  #addOffers({ preloads, responseTrailers: trailers }: Http2Message, fields: readonly string[]): void {
    const { heads } = this.#sender;
    const links = preloads === null ? "" : preloadLinks(preloads, fields);
    if (links !== "") heads.add("link", links);
    if (trailers === null || typeof trailers === "function") return;
    const names = [...new Headers(trailers).keys()].filter(isTrailerAllowed);
    if (names.length > 0) heads.add("trailer", names.join(", "));
  }

  /** Sends an informational response (RFC 9113 §8.1): HEADERS that do not end the stream. */
  inform(stream: Http2Stream, status: number, headers: HeadersInit | undefined): void {
    if (stream.ended || stream.response !== "awaited" || stream.state === "reserved-local") return;
    const given = new Headers(headers);
    const nominated = listElements(given.get("connection") ?? "");
    const { heads } = this.#sender;
    heads.begin();
    heads.addStatus(status);
    const fields = fieldList(given);
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at]!;
      if (!OWN_FIELDS.has(name) && !nominated.includes(name)) heads.add(name, fields[at + 1]!);
    }
    this.#sender.sendHead(stream, false);
  }

  // Bodies.

  #sendWhole(outgoing: Outgoing, content: Exclude<ResponseContent, ReadableStream>): Promise<void> | null {
    const { stream, declared } = outgoing;
    const body = this.#toBytes(content);
    const bodiless = hasNoBody(outgoing);
    if (!bodiless && declared !== null && declared !== body.length) {
      throw new RangeError(
        `The response declares content-length ${declared}, but its body has ${body.length} bytes: leave the field out`,
      );
    }
    const trailers = stream.message?.responseTrailers ?? null;
    if (trailers !== null && !bodiless) return this.#sendWithTrailers(outgoing, body.slice());
    this.#encodeHead(outgoing, body.length);
    stream.response = "writing";
    if (bodiless || body.length === 0) {
      this.#sender.sendHead(stream, true);
      return null;
    }
    const done = this.#sender.sendWhole(stream, body, body.buffer === this.#scratch.buffer);
    return done === null ? null : done.then(ignoreValue);
  }

  #toBytes(content: string | Uint8Array | null): Uint8Array {
    if (content === null) return NOTHING;
    if (typeof content !== "string") return checkLength(content);
    if (content.length > SHORT_TEXT) return ENCODER.encode(content);
    return this.#scratch.subarray(0, ENCODER.encodeInto(content, this.#scratch).written);
  }

  async #sendWithTrailers(outgoing: Outgoing, body: Uint8Array): Promise<void> {
    const { stream } = outgoing;
    this.#encodeHead(outgoing, body.length);
    stream.response = "writing";
    this.#sender.sendHead(stream, false);
    try {
      await this.#sender.sendData(stream, body, false);
      await this.#endBody(stream);
    } catch (error) {
      this.#cutShort(stream, error);
      throw error;
    }
  }

  /**
   * Sends a response whose content comes as a stream. One that has all of it at hand is sent with its length;
   * an error before its first chunk is answered as a handler's.
   */
  async #sendStream(outgoing: Outgoing, source: ResponseStream): Promise<void> {
    const { stream } = outgoing;
    stream.source = source;
    const pull = new GatedPull(this.#sender.gate, stream);
    const begin = () => this.#begin(outgoing);
    this.#sender.beginStream();
    try {
      const delay = hasNoBody(outgoing) ? null : { milliseconds: HEAD_DELAY, callback: begin };
      const whole = await source.open(delay, pull);
      if (stream.ended) throw new ClientDisconnectedError("The stream was closed");
      if (whole !== null && stream.response === "awaited") {
        return await this.#sendWhole(outgoing, whole) ?? undefined;
      }
      begin();
      if (hasNoBody(outgoing)) source.cancel(new TypeError("This response has no body"));
      else await this.#pump(outgoing, source, pull);
    } catch (error) {
      source.cancel(error);
      if (stream.response === "awaited" && !stream.ended) {
        return await this.#replace(stream, error, false) ?? undefined;
      }
      this.#cutShort(stream, error);
      throw error;
    } finally {
      stream.source = null;
      this.#sender.gate.onAnswer(stream, 0);
      this.#sender.endStream();
    }
  }

  #begin(outgoing: Outgoing): void {
    const { stream } = outgoing;
    if (stream.response !== "awaited" || stream.ended) return;
    this.#encodeHead(outgoing, null);
    stream.response = "writing";
    this.#sender.sendHead(stream, hasNoBody(outgoing));
  }

  async #pump({ stream, declared }: Outgoing, source: ResponseStream, pull: PullPermission): Promise<void> {
    let left = declared ?? Infinity;
    for (;;) {
      if (!source.isAhead && !pull.now(0)) await pull.soon(Infinity);
      const chunk = source.take(await source.read());
      if (chunk === null) break;
      left -= chunk.length;
      if (left < 0) {
        throw new RangeError("The body of the response is longer than the content-length it declares");
      }
      const held = this.#sender.sendData(stream, chunk, false) ?? this.#client.turns.onMessage();
      if (held !== null) await held;
    }
    if (declared !== null && left > 0) {
      throw new RangeError(
        `The body of the response is ${left} bytes shorter than the content-length it declares`,
      );
    }
    await this.#endBody(stream);
  }

  /** Ends a body: with its trailer section, or else with an empty DATA frame. */
  async #endBody(stream: Http2Stream): Promise<void> {
    const source = stream.message?.responseTrailers ?? null;
    const given = typeof source === "function" ? await source() : source;
    const fields = given === null ? [] : this.#trailerFields(stream, given);
    if (stream.ended) throw new ClientDisconnectedError("The stream was closed");
    if (fields.length === 0) {
      await this.#sender.sendData(stream, NOTHING, true);
      return;
    }
    const { heads } = this.#sender;
    heads.begin();
    for (let at = 0; at < fields.length; at += 2) heads.add(fields[at]!, fields[at + 1]!);
    this.#sender.sendHead(stream, true);
  }

  #trailerFields(stream: Http2Stream, given: HeadersInit): string[] {
    const all = fieldList(new Headers(given));
    const refused = all.filter((name, index) => index % 2 === 0 && !isTrailerAllowed(name));
    if (refused.length === 0) return all;
    const fault = new TypeError(
      `setTrailers: ${refused.join(", ")} may not stand in a trailer section (RFC 9110 §6.5.1)`,
    );
    this.#client.report(fault, stream.message?.request ?? null);
    return all.filter((_, index) => !refused.includes(all[index - index % 2]!));
  }

  /** A response that cannot be completed: the stream is reset, so that the peer can tell. */
  #cutShort(stream: Http2Stream, error: unknown): void {
    if (!isPeersFault(error)) this.#client.report(error, stream.message?.request ?? null);
    if (!stream.ended) this.#host.reset(stream, ErrorCode.INTERNAL_ERROR, error);
  }

  // Tunnels.

  /** Answers CONNECT, and hands the stream over (RFC 9113 §8.5). */
  #upgrade(outgoing: Outgoing, response: globalThis.Response): null {
    const { stream } = outgoing;
    const message = stream.message!;
    discardResponse(response, new TypeError("The response to a CONNECT that is taken over has no body"));
    // "A server MUST NOT send any Transfer-Encoding or Content-Length header fields in a 2xx (Successful)
    // response to CONNECT"
    this.#encodeHead({ ...outgoing, declared: null }, null);
    stream.response = "writing";
    this.#sender.sendHead(stream, false);
    const own = new StreamConnection(this.#client, stream, this.#sender, this.#host);
    const { tlsInfo, turns } = this.#client;
    const connection = new UpgradedConnection(own, { tlsInfo, signal: own.stopSignal, turns });
    const failed = (error: unknown) => {
      if (!isPeersFault(error)) this.#client.report(error, message.request);
      if (stream.state !== "closed") this.#host.reset(stream, ErrorCode.CONNECT_ERROR, error);
    };
    Promise.resolve(connection).then(message.upgradeHandler!).catch(failed);
    return null;
  }
}

// An array of a class of somebody's own may have any length.
function checkLength(bytes: Uint8Array): Uint8Array {
  if (Number.isSafeInteger(bytes.length)) return bytes;
  throw new TypeError("The length of the response's body is no number");
}

function hasNoBody({ stream, status }: Outgoing): boolean {
  return status === 204 || status === 304 || stream.bodiless || stream.message?.method === "HEAD";
}

function ignoreValue(): void {}
