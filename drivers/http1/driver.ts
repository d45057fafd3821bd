/**
 * HTTP/1.0 and 1.1 (RFC 9112) on one connection.
 *
 * The parser takes a head, dispatches the request, receives its body while the handler runs, and waits until the response is
 * queued before it takes the next head: at most one handler runs, and responses go out in order (RFC 9112 §9.3.2). The
 * codecs beside this file know the syntax; this one knows what follows from what. `drivers/README.md` draws the states.
 *
 * @module
 */

import { ClientDisconnectedError, HttpError, isPeersFault } from "../../errors.ts";
import { fieldList } from "../../headers.ts";
import { firstRequestGrace } from "../../options.ts";
import { ServerRequest } from "../../request.ts";
import { RequestBody } from "../../request_body.ts";
import { Response, type ResponseContent } from "../../response.ts";
import type { DriverClient, HttpDriver, HttpParser, OnMessage, Write } from "../driver.ts";
import { preloadLinks } from "../preload.ts";
import { discardResponse, ResponseStream } from "../response_stream.ts";
import { ChunkedDecoder, LengthDecoder } from "./body.ts";
import { type Http1Successor, matchPreface, upgradeSettings } from "./hand_over.ts";
import { HeadParser, type RequestHead } from "./head.ts";
import { InputBuffer } from "../input_buffer.ts";
import { Http1Message, type MessageHooks } from "./message.ts";
import { Takeover } from "../http1_takeover.ts";
import { type RequestPlan, RequestPlanner } from "./request_plan.ts";
import { ResponseEncoder } from "./response_encoder.ts";
import {
  encodeInterimHead,
  encodeUpgradeHead,
  type HeadParts,
  type ResponseFields,
  type ResponseFraming,
  responseFraming,
  sortFields,
} from "./response_head.ts";
import { encodeLastChunk, trailerField } from "./response_trailers.ts";

const NOTHING = new Uint8Array(0);
const ENCODER = new TextEncoder();
const CRLF = ENCODER.encode("\r\n");
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
const BODY_ID = 1; // HTTP/1 has one stream

/** A text up to this length, in characters, goes out in one piece with its head. */
const SHORT_TEXT = 2048;

/** How long a head waits for the first chunk of its stream, in milliseconds, to go out with it. */
const HEAD_DELAY = 5;

/** How long the stream of a response may give nothing to a peer that has ended its side, in milliseconds. */
const SILENCE_AFTER_END = 1_000;

/** A request that is answered; `null` as its message where its head could not be parsed. */
interface Answered {
  readonly message: Http1Message | null;
  readonly method: string;
  readonly minor: 0 | 1;
}

/** A response that is to be sent: its head lacks only what is known at the last moment. */
interface Outgoing extends Answered {
  readonly status: number;
  readonly statusText: string;
  readonly fields: ResponseFields;
}

/** Drives one HTTP/1 connection. */
export class Http1Driver implements HttpDriver {
  readonly #encoder: ResponseEncoder;
  readonly #successor: Http1Successor | null;
  readonly #input = new InputBuffer();
  #client!: DriverClient;
  #onMessage!: OnMessage;
  #write!: Write;
  #heads!: HeadParser;
  #planner!: RequestPlanner;
  readonly #hooks: MessageHooks = {
    inform: (message, status, headers) => this.#inform(message, status, headers),
  };
  #message: Http1Message | null = null;
  #source: ResponseStream | null = null;
  #takeover: Takeover | null = null;
  #minor: 0 | 1 = 1; // of the last head
  #method = "";
  #served = 0;
  #headTimed = false;
  #askedAt = 0;
  #chunkSize = 0; // of the last chunk sent: the next is often as large
  #chunkLine = NOTHING;
  #finished = false;
  #peerEndedAt = Infinity;
  #endingTurn: ReturnType<typeof setTimeout> | undefined; // while it is the turn in which the peer's end was seen
  #askedSourceAt = Infinity; // since when the stream of the response is asked for a chunk
  #stopped: PromiseWithResolvers<void> | null = null;

  /** Makes a driver for one connection; drivers may share what encodes their responses, and what they hand over to. */
  constructor(encoder: ResponseEncoder = new ResponseEncoder(), successor: Http1Successor | null = null) {
    this.#encoder = encoder;
    this.#successor = successor;
  }

  /** Begins: makes the parser. */
  setup(client: DriverClient, onMessage: OnMessage, write: Write): HttpParser {
    this.#client = client;
    this.#onMessage = onMessage;
    this.#write = write;
    this.#heads = new HeadParser(client.options);
    this.#planner = new RequestPlanner(client.isEncrypted ? "https" : "http", () => localAuthority(client));
    client.onClose(() => this.#tearDown());
    return this.#parse();
  }

  /** How many request bodies are being received: 0 or 1. */
  get pendingRequestCount(): number {
    return this.#message === null || this.#message.received ? 0 : 1;
  }

  /** Dispatches nothing further; resolves when the exchange under way is over. */
  stop(): Promise<void> {
    this.#stopped ??= Promise.withResolvers();
    const client = this.#client;
    client.shouldClose = true;
    if (this.#message === null) {
      const isIdle = this.#served > 0 && this.#input.length === 0 && !this.#heads.begun;
      if (isIdle) this.#finish();
      else client.extendDeadline(Math.min(client.deadline - client.now, firstRequestGrace(client.options)));
    }
    if (this.#finished) this.#stopped.resolve();
    return this.#stopped.promise;
  }

  /** Gives up the connection: the bytes that were not parsed. */
  release(): Uint8Array {
    this.#finished = true;
    this.#stopped?.resolve();
    return this.#input.release();
  }

  // The parser.

  async *#parse(): HttpParser {
    try {
      while (!this.#finished) {
        let head = this.#takeHead();
        while (head === undefined) {
          this.#awaitHead();
          this.#input.push((yield)!);
          head = this.#takeHead();
          if (this.#finished) return;
        }
        const message = this.#open(head);
        const settings = this.#upgradeSettings(head, message);
        if (settings !== null) {
          while (!message.received && message.body!.room === null) {
            this.#takeChunk(message, yield this.#awaitBody(message));
            this.#receive(message);
          }
          if (this.#upgrade(settings, message)) return;
        }
        const held = this.#onMessage(message.request!);
        while (this.#wantsBody(message)) {
          const room = message.body!.room;
          if (room !== null) yield room;
          else this.#takeChunk(message, yield this.#awaitBody(message));
          this.#receive(message);
        }
        if (held !== null) yield held;
        if (message.written !== null) yield message.written;
        this.#close();
        const turn = this.#input.length > 0 ? this.#client.turns.onWork() : null;
        if (turn !== null) yield turn;
      }
    } catch (error) {
      const answered = this.#answerFault(error);
      if (answered !== null) yield answered;
      this.#finish();
    }
  }

  #takeHead(): RequestHead | undefined {
    if (this.#input.length === 0 || (this.#served === 0 && this.#mayBePreface())) return undefined;
    return this.#heads.parse(this.#input);
  }

  /** Whether what has come is, or may become, the preface of another protocol: then that one takes over once it is. */
  #mayBePreface(): boolean {
    const match = this.#successor !== null && matchPreface(this.#input, this.#successor.preface);
    if (match === true) this.#handOver(this.#successor!.afterPreface());
    return match !== false;
  }

  #handOver(driver: HttpDriver): void {
    this.#message = null;
    this.#client.replaceDriver(driver, this.release());
  }

  /** Answers `Upgrade: h2c`, where the options allow it, by handing over. A client that waits for 100 stays with HTTP/1. */
  #upgrade(settings: Uint8Array, message: Http1Message): boolean {
    const driver = message.received ? this.#successor!.afterUpgrade(settings, message) : null;
    if (driver === null) return false;
    this.#write(this.#encoder.encode(SWITCHING));
    this.#handOver(driver);
    return true;
  }

  #upgradeSettings(head: RequestHead, message: Http1Message): Uint8Array | null {
    const { options, isEncrypted } = this.#client;
    if (head.control.upgrade === undefined || !options.http2Upgrade || this.#successor === null) return null;
    return isEncrypted || message.awaitsContinue ? null : upgradeSettings(head);
  }

  // A head has one deadline, from its first byte (the first one's from the beginning): no further byte moves it. Between
  // requests the client may be idle.
  #awaitHead(): void {
    const { headerTimeout, http1Timeout } = this.#client.options;
    this.#input.retain();
    if (this.#headTimed || this.#stopped !== null) return; // stop() has set the deadline
    this.#headTimed = this.#served === 0 || this.#heads.begun;
    this.#client.extendDeadline(this.#headTimed ? headerTimeout : http1Timeout);
  }

  /** Makes a message of a head, with what has come of its body. */
  #open(head: RequestHead): Http1Message {
    const client = this.#client;
    this.#headTimed = false;
    this.#minor = head.minor;
    this.#method = head.method;
    this.#served++;
    const plan = this.#planner.plan(head);
    const message = new Http1Message(client, plan, this.#hooks);
    message.request = new ServerRequest(message);
    this.#message = message;
    if (--client.remainingRequests <= 0 || !plan.persists) client.shouldClose = true;
    client.extendDeadline(Infinity);
    const { framing } = plan;
    if (framing.kind === "chunked" || (framing.kind === "length" && framing.length > 0)) {
      this.#openBody(message, plan);
    }
    return message;
  }

  #openBody(message: Http1Message, { framing, expectsContinue }: RequestPlan): void {
    const { options } = this.#client;
    const length = framing.kind === "length" ? framing.length : null;
    message.decoder = length === null ? new ChunkedDecoder(options) : new LengthDecoder(length);
    message.awaitsContinue = expectsContinue && this.#input.length === 0;
    message.body = new RequestBody({
      length,
      limit: options.bodySizeLimit,
      softCap: options.softStreamCap,
      onFirstRead: expectsContinue ? () => this.#continue(message) : undefined,
    });
    this.#client.bodies.set(BODY_ID, message.body);
    message.bytesReceived = this.#input.length; // what has come with the head; what follows the body counts too
    this.#receive(message);
  }

  // "A server that responds with a final status code instead of reading the entire request content SHOULD indicate whether it
  // intends to close the connection [...] or continue reading" (RFC 9110 §10.1.1): 100 is sent when the handler begins to read.
  #continue(message: Http1Message): void {
    if (!message.awaitsContinue || message.response !== "awaited" || this.#finished) return;
    message.awaitsContinue = false;
    this.#client.extendDeadline(this.#client.options.streamTimeout);
    this.#inform(message, 100, undefined);
  }

  #wantsBody(message: Http1Message): boolean {
    return !message.received && !message.abandoned && !this.#finished;
  }

  /** Before the parser asks for bytes of a body: a peer that was told to wait for 100 has no deadline. */
  #awaitBody(message: Http1Message): undefined {
    this.#input.retain();
    this.#askedAt = this.#client.now;
    this.#client.extendDeadline(message.awaitsContinue ? Infinity : this.#client.options.streamTimeout);
  }

  #takeChunk(message: Http1Message, chunk: Uint8Array | undefined): void {
    if (chunk === undefined) return;
    const { minimumBodyRate, minimumBodyRateGrace } = this.#client.options;
    if (!message.awaitsContinue) message.timeWaited += this.#client.now - this.#askedAt;
    message.awaitsContinue = false;
    message.bytesReceived += chunk.length;
    this.#input.push(chunk);
    const due = minimumBodyRate * message.timeWaited / 1000;
    if (message.timeWaited > minimumBodyRateGrace && message.bytesReceived < due) {
      throw new HttpError(
        408,
        `The body comes slower than ${minimumBodyRate} bytes per second (RFC 9110 §15.5.9)`,
      );
    }
  }

  /** Takes what has come of a body, as far as its reader has room. */
  #receive(message: Http1Message): void {
    const { body, decoder } = message;
    if (body === null || decoder === null) return;
    while (body.room === null && this.#wantsBody(message)) {
      const piece = decoder.next(this.#input);
      if (piece === undefined) return;
      if (piece === null) return this.#endBody(message);
      if (body.finished) this.#drain(message, piece.length);
      else body.push(piece);
    }
  }

  #endBody(message: Http1Message): void {
    this.#client.bodies.delete(BODY_ID);
    this.#client.extendDeadline(Infinity);
    message.end(message.decoder!.trailers);
  }

  // "A server MUST read the entire request message body or close the connection after sending its response" (RFC 9112 §9.3): it
  // is read and dropped up to a bound, so that the connection lives on.
  #drain(message: Http1Message, count: number): void {
    message.bytesDrained += count;
    if (message.bytesDrained > this.#client.options.drainLimit) this.#abandon(message);
  }

  #abandon(message: Http1Message): void {
    message.abandoned = true;
    this.#client.shouldClose = true;
    this.#client.extendDeadline(Infinity);
    if (message.response === "done") this.#finish();
  }

  /** One exchange is over. */
  #close(): void {
    if (this.#message?.received === false) {
      this.#message.fail(new ClientDisconnectedError("The exchange was over before its body was read"));
    }
    if (this.#message?.body != null) this.#client.bodies.delete(BODY_ID);
    this.#message = null;
    if (this.#client.shouldClose) this.#finish();
  }

  /** Nothing further is parsed; what is queued goes out. */
  #finish(): void {
    this.#stopped?.resolve();
    if (this.#finished) return;
    this.#finished = true;
    this.#write(NOTHING, true);
  }

  // Faults of the peer.

  /** Whether a head has begun, so that its client waits for an answer; nobody does who is cut off because the server stops. */
  get #isWaitedFor(): boolean {
    return this.#heads.begun && this.#stopped === null;
  }

  /** Answers what was thrown into the parser, where that is still possible. */
  #answerFault(error: unknown): Promise<null> | null {
    const fault = asFault(error);
    const message = this.#message;
    if (this.#finished || (message === null && !this.#isWaitedFor && isIdleEnd(error))) return null;
    this.#client.shouldClose = true;
    if (message !== null) {
      message.fail(error);
      if (message.response !== "awaited") return message.written;
      message.abort(error);
      this.#source?.cancel(error); // of the handler's response, whose head still waits for its first chunk
    }
    const response = this.#client.renderError(fault, message?.request ?? null);
    const answered: Answered = this.#heads.begun
      ? { message: null, method: this.#heads.peekMethod(this.#input), minor: this.#heads.minor }
      : { message: null, method: this.#method, minor: this.#minor };
    if (response instanceof Promise) {
      return response.then((rendered) => settled(this.#send(answered, rendered)));
    }
    return settled(this.#send(answered, response));
  }

  /** The connection is gone. */
  #tearDown(): void {
    clearTimeout(this.#endingTurn);
    this.#finished = true;
    this.#input.release();
    this.#stopped?.resolve();
    const gone = new ClientDisconnectedError();
    this.#message?.fail(gone);
    this.#source?.cancel(gone);
    this.#takeover?.fail(gone);
  }

  // Responses.

  /** Sends the response to the request under way; one to another is discarded. */
  write(request: ServerRequest, response: globalThis.Response): Promise<void> | null {
    const message = this.#message;
    if (
      message === null || message.request !== request || message.response !== "awaited" ||
      message.settled || this.#finished
    ) {
      discardResponse(response, new ClientDisconnectedError());
      return null;
    }
    if (message.upgradeHandler !== null && response.ok) return this.#takeOver(message, response);
    const { method, minor } = message;
    const done = this.#send({ message, method, minor }, response);
    if (done !== null) message.written ??= settled(done);
    return done;
  }

  /** Answers a request for another protocol, or for a tunnel, and hands the connection over behind the head. */
  #takeOver(message: Http1Message, response: globalThis.Response): Promise<void> | null {
    let head: string;
    try {
      const { method, minor } = message;
      const status = Response.statusOf(response);
      const fields = sortFields(Response.fieldsOf(response));
      const asked = message.fields.get("upgrade") ?? "";
      head = encodeUpgradeHead({ method, minor, status, fields, asked, ending: this.#endingFor(fields) });
    } catch (error) {
      message.upgradeHandler = null;
      return this.#replace({ message, method: message.method, minor: message.minor }, response, error, false);
    }
    discardResponse(response, new TypeError("The response to an upgrade has no body"));
    message.response = "writing";
    const taken = new Takeover(this.#client, message);
    this.#takeover = taken;
    message.written = taken.done.then(toNull, toNull);
    this.#write(this.#encoder.encode(head));
    return taken.done;
  }

  /** Sends an informational response (RFC 9110 §15.2); "A server MUST NOT send a 1xx response to an HTTP/1.0 client". */
  #inform(message: Http1Message, status: number, headers: HeadersInit | undefined): void {
    if (message.minor === 0 || message.response !== "awaited" || message.settled || this.#finished) return;
    const fields = fieldList(new Headers(headers));
    // "A server MUST NOT send a Transfer-Encoding header field in any response with a status code of 1xx" (RFC 9112 §6.1)
    this.#write(this.#encoder.encode(encodeInterimHead(status, sortFields(fields).lines)));
  }

  /** The peer has ended its side: it has most likely left. */
  onPeerEnd(): void {
    const message = this.#message;
    if (message === null || this.#client.options.halfClose === "answer") return;
    this.#peerEndedAt = this.#client.now;
    this.#endingTurn = setTimeout(() => this.#endingTurn = undefined, 0);
    message.interrupt(new ClientDisconnectedError());
  }

  /** Interrupts what a peer has asked before it ended its side, and cuts a response to it whose stream gives nothing. */
  onTick(now: number): void {
    if (this.#peerEndedAt === Infinity) return;
    if (this.#message?.isInterrupted === false) this.#message.interrupt(new ClientDisconnectedError());
    if (now - Math.max(this.#peerEndedAt, this.#askedSourceAt) > SILENCE_AFTER_END) {
      this.#source?.fail(new ClientDisconnectedError());
    }
  }

  /** Sends `102 (Processing)`, which a client ignores, where no response has begun. */
  probe(): void {
    if (this.#message !== null) this.#inform(this.#message, 102, undefined);
  }

  #send(answered: Answered, response: globalThis.Response, replaces = false): Promise<void> | null {
    try {
      const status = Response.statusOf(response);
      checkStatus(answered.method, status);
      const fields = this.#encoder.sort(Response.fieldsOf(response));
      const content = Response.contentOf(response);
      const { message, method, minor } = answered;
      const { statusText } = response;
      const outgoing: Outgoing = { message, method, minor, status, statusText, fields };
      return content instanceof ReadableStream
        ? this.#sendStream(outgoing, new ResponseStream(content))
        : this.#sendWhole(outgoing, content);
    } catch (error) {
      return this.#replace(answered, response, error, replaces);
    }
  }

  /** A response that cannot be sent is the handler's fault: it is reported, and the peer gets the error page instead. */
  #replace(
    answered: Answered,
    response: globalThis.Response | null,
    error: unknown,
    replaces: boolean,
  ): Promise<void> | null {
    const request = answered.message?.request ?? null;
    if (response !== null) discardResponse(response, error);
    this.#client.shouldClose = true;
    if (answered.message !== null) answered.message.responseTrailers = null;
    if (replaces) return this.#send(answered, new Response(null, { status: 500 }), true);
    const rendered = this.#client.renderFailure(error, request);
    if (!(rendered instanceof Promise)) return this.#send(answered, rendered, true);
    return rendered.then((page) =>
      this.#isOver(answered) ? undefined : this.#send(answered, page, true) ?? undefined
    );
  }

  #framing({ message, method, minor, status, fields }: Outgoing, size: number | null): ResponseFraming {
    const trailers = (message?.responseTrailers ?? null) !== null;
    return responseFraming({ method, minor, status, size, declared: fields.declared, trailers });
  }

  /** Sends a response whose content is at hand: in one piece where it is a short text. */
  #sendWhole(outgoing: Outgoing, content: Exclude<ResponseContent, ReadableStream>): Promise<void> | null {
    const bytes = typeof content === "string" ? this.#sendText(outgoing, content) : content ?? NOTHING;
    if (bytes === null) return null;
    const framing = this.#framing(outgoing, bytes.length);
    if (framing.kind === "chunked") return this.#sendChunks(outgoing, bytes);
    const head = this.#write(this.#encoder.encodeHead(this.#makeHead(outgoing, framing)));
    const held = framing.kind === "none" || bytes.length === 0 ? head : this.#write(bytes);
    this.#end(outgoing.message);
    return held === null ? null : held.then(ignoreValue);
  }

  /** Sends a short text of ASCII together with its head, and gives `null`; or the bytes of any other, which are not sent. */
  #sendText(outgoing: Outgoing, text: string): Uint8Array | null {
    if (text.length > SHORT_TEXT || outgoing.fields.declared !== null) return ENCODER.encode(text);
    const framing = this.#framing(outgoing, text.length);
    if (framing.kind !== "length") return ENCODER.encode(text);
    const message = this.#encoder.encodeMessage(this.#makeHead(outgoing, framing), text);
    if (message === null) return ENCODER.encode(text);
    this.#hold(outgoing.message, this.#write(message));
    this.#end(outgoing.message);
    return null;
  }

  /** The next request is not parsed while too much waits to be written. */
  #hold(message: Http1Message | null, held: Promise<null> | null): void {
    if (held !== null && message !== null) message.written = settled(held.then(ignoreValue));
  }

  /** Sends content that is at hand in chunks, since trailer fields follow. */
  async #sendChunks(outgoing: Outgoing, content: Uint8Array): Promise<void> {
    this.#begin(outgoing, { kind: "chunked" });
    const held = this.#writeChunk(content);
    try {
      if (held !== null) await held;
      await this.#endChunks(outgoing.message);
    } catch (error) {
      this.#cutShort(outgoing.message, error);
      throw error;
    }
    this.#end(outgoing.message);
  }

  /** What the head is made of. Whether the connection goes on is decided here, and said. */
  #makeHead(outgoing: Outgoing, framing: ResponseFraming): HeadParts {
    const client = this.#client;
    const { message, minor, status, statusText, fields } = outgoing;
    if (fields.close || framing.kind === "close" || leavesTooMuch(message, client)) client.shouldClose = true;
    const trailers = framing.kind === "chunked" ? trailerField(message?.responseTrailers ?? null) : "";
    return {
      minor,
      status,
      statusText,
      framing,
      lines: fields.lines + trailers + preloadLine(message?.preloads ?? null, fields.lines),
      ending: this.#endingFor(fields),
      close: client.shouldClose,
      upgrade: fields.upgrade,
    };
  }

  #endingFor(fields: ResponseFields): string {
    return this.#encoder.ending.at(this.#client.now, this.#client.options.serverHeader, fields);
  }

  /**
   * Sends a response whose content comes as a stream. One that has all of it at hand, as that of a plain `Response` with a
   * text does, is sent with its length; an error before its first chunk is answered as a handler's.
   */
  async #sendStream(outgoing: Outgoing, source: ResponseStream): Promise<void> {
    this.#source = source;
    let framing: ResponseFraming | null = null;
    const begin = () => {
      if (framing !== null || this.#isOver(outgoing)) return;
      framing = this.#framing(outgoing, null);
      this.#begin(outgoing, framing);
    };
    try {
      const bodiless = this.#framing(outgoing, null).kind === "none";
      this.#askedSourceAt = this.#client.now;
      const whole = await source.open(bodiless ? null : { milliseconds: HEAD_DELAY, callback: begin });
      this.#askedSourceAt = Infinity;
      if (framing === null && this.#isOver(outgoing)) throw new ClientDisconnectedError();
      if (whole !== null && framing === null) return await this.#sendWhole(outgoing, whole) ?? undefined;
      begin();
      await this.#pump(outgoing, framing!, source);
    } catch (error) {
      source.cancel(error);
      if (framing === null && this.#isOver(outgoing)) throw error;
      if (framing === null) return await this.#replace(outgoing, null, error, false) ?? undefined;
      this.#cutShort(outgoing.message, error);
      throw error;
    } finally {
      this.#client.gathersWrites = false;
    }
    this.#end(outgoing.message);
  }

  /** Whether there is nothing left to answer: the connection is done, or the request was answered for a fault of the peer. */
  #isOver({ message }: Answered): boolean {
    return this.#finished || (message !== null && message.settled);
  }

  #begin(outgoing: Outgoing, framing: ResponseFraming): void {
    if (outgoing.message !== null) outgoing.message.response = "writing";
    this.#write(this.#encoder.encodeHead(this.#makeHead(outgoing, framing)));
    this.#client.gathersWrites = true;
  }

  async #pump({ message }: Outgoing, framing: ResponseFraming, source: ResponseStream): Promise<void> {
    if (framing.kind === "none") return source.cancel(new TypeError("This response has no body"));
    let left = framing.kind === "length" ? framing.length : Infinity;
    for (;;) {
      const chunk = source.take(await this.#ask(source));
      if (chunk === null) break;
      // A chunk that answers the abort of the signal is for nobody.
      if (this.#endingTurn !== undefined) throw new ClientDisconnectedError();
      left -= chunk.length;
      if (left < 0) {
        this.#write(chunk.subarray(0, chunk.length + left));
        throw new RangeError("The body of the response is longer than the content-length it declares");
      }
      const queued = framing.kind === "chunked" ? this.#writeChunk(chunk) : this.#write(chunk);
      const held = queued ?? this.#client.turns.onMessage();
      if (held !== null) await held;
      if (this.#finished) throw new ClientDisconnectedError();
    }
    if (framing.kind === "length" && left > 0) {
      throw new RangeError(
        `The body of the response is ${left} bytes shorter than the content-length it declares`,
      );
    }
    if (framing.kind === "chunked") await this.#endChunks(message);
  }

  /** Asks the stream of a response for its next chunk, and keeps the time. */
  #ask(source: ResponseStream): ReturnType<ResponseStream["read"]> {
    this.#askedSourceAt = this.#client.now;
    return source.read();
  }

  async #endChunks(message: Http1Message | null): Promise<void> {
    const trailers = message?.responseTrailers ?? null;
    const refused: string[] = [];
    this.#write(encodeLastChunk(typeof trailers === "function" ? await trailers() : trailers, refused));
    if (refused.length === 0) return;
    const fault = new TypeError(
      `setTrailers: ${refused.join(", ")} may not stand in a trailer section (RFC 9110 §6.5.1)`,
    );
    this.#client.report(fault, message?.request ?? null);
  }

  // chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF (RFC 9112 §7.1); an empty one would end the body
  #writeChunk(chunk: Uint8Array): Promise<null> | null {
    if (chunk.length === 0) return null;
    if (chunk.length !== this.#chunkSize) {
      this.#chunkSize = chunk.length;
      this.#chunkLine = ENCODER.encode(`${chunk.length.toString(16)}\r\n`);
    }
    this.#write(this.#chunkLine);
    this.#write(chunk);
    return this.#write(CRLF);
  }

  /** A response that cannot be completed: it ends without its end, so that the peer can tell (RFC 9112 §8). */
  #cutShort(message: Http1Message | null, error: unknown): void {
    if (!isPeersFault(error)) this.#client.report(error, message?.request ?? null);
    if (message !== null) message.response = "done";
    this.#client.shouldClose = true;
    this.#finish();
  }

  /** All of a response is queued. */
  #end(message: Http1Message | null): void {
    this.#source = null;
    this.#askedSourceAt = Infinity;
    this.#client.gathersWrites = false;
    if (message === null) return;
    message.response = "done";
    if (message.received) return;
    if (message.abandoned || this.#client.shouldClose) this.#finish();
    else message.body?.discard();
  }
}

/** Where a request without `Host` is for: the address that it came to. */
function localAuthority({ localAddress, localPort }: DriverClient): string {
  if (localPort === null) return "localhost";
  return localAddress.includes(":") ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`;
}

/** What a thrown error is to the peer. Anything else is a fault of ours, for the client to report. */
function asFault(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof ClientDisconnectedError) {
    return new HttpError(400, "The request ended before it was complete (RFC 9112 §8)");
  }
  throw error;
}

/** Whether an idle client left, or was idle for too long: nobody waits for an answer. */
function isIdleEnd(error: unknown): boolean {
  return error instanceof ClientDisconnectedError || (error instanceof HttpError && error.status === 408);
}

function settled(done: Promise<void> | null): Promise<null> | null {
  return done === null ? null : done.then(toNull, toNull);
}

function toNull(): null {
  return null;
}

function ignoreValue(): void {}

// "Any 2xx (Successful) response indicates that the sender [...] will switch to tunnel mode" (RFC 9110 §9.3.6)
function checkStatus(method: string, status: number): void {
  if (method === "CONNECT" && status < 300) {
    throw new TypeError("A handler answered 2xx to CONNECT, which makes a tunnel: use exchange.upgrade()");
  }
}

/** Whether so much of an unread body is outstanding that the connection ends rather than take it. */
function leavesTooMuch(message: Http1Message | null, { options }: DriverClient): boolean {
  if (message === null || message.body === null) return false;
  if (message.body.refused) return true;
  if (message.decoder === null) return false;
  if (message.awaitsContinue || message.body.finished) return true; // never asked for, or given up
  const { remaining } = message.decoder;
  return !message.body.used && remaining !== Infinity && remaining > options.drainLimit;
}

/** What the response says of the paths to load with it, where the handler has not said so itself. */
function preloadLine(paths: readonly string[] | null, lines: string): string {
  const links = paths === null ? "" : preloadLinks(paths, ["link", lines]);
  return links === "" ? "" : `link: ${links}\r\n`;
}
