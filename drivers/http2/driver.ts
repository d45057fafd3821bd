/**
 * HTTP/2 (RFC 9113) on one connection.
 *
 * The parser takes frames as they come and never waits for a stream: data that a stream cannot send or take
 * waits in the window of that stream. The parser is held only while more than `softStreamCap` waits to be
 * written, so that no frame of a peer can make the server buffer. This file knows what follows from a
 * received frame. `life.ts` knows how the connection ends, `receiver.ts` the bodies of requests,
 * `../http2_responder.ts` responses, `sender.ts` the frames that go out; the codecs beside them know the
 * syntax. `drivers/README.md` draws the states.
 *
 * @module
 */

import { ClientDisconnectedError, HttpError } from "../../errors.ts";
import { ignore, type RequestMessage } from "../../message.ts";
import { ServerRequest } from "../../request.ts";
import { AuthorityParser } from "../authority.ts";
import type { DriverClient, HttpDriver, HttpParser, OnMessage, Write } from "../driver.ts";
import { HttpDate } from "../http_date.ts";
import { InputBuffer } from "../input_buffer.ts";
import { discardResponse } from "../response_stream.ts";
import { BatchPool } from "./batch_pool.ts";
import { Budgets } from "./budgets.ts";
import { Closing } from "./closed_streams.ts";
import { Control } from "./control.ts";
import { Dispatcher } from "./dispatcher.ts";
import { ConnectionError, ErrorCode, StreamError } from "./error_code.ts";
import { faultOf, interrupted, selfDependency, tooLarge, wrongLength } from "./faults.ts";
import { FieldBlocks } from "./field_blocks.ts";
import { Flag, type Frame, FRAME_HEADER_SIZE, FrameType } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { encodePing } from "./frames/ping.ts";
import { parseSettingsPayload, type Setting } from "./frames/settings.ts";
import { CompressionError } from "./hpack/compression_error.ts";
import type { HeaderList } from "./hpack/decoder.ts";
import { Life } from "./life.ts";
import { Http2Message, type MessageHooks, type MessageInit } from "./message.ts";
import { CONNECTION_PREFACE } from "./preface.ts";
import { Pusher } from "./pusher.ts";
import { Receiver } from "./receiver.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { type HeadContext, parseRequestHead, type RequestHead } from "./request_head.ts";
import { Responder } from "../http2_responder.ts";
import { Sender } from "./sender.ts";
import { Http2Stream } from "./stream.ts";
import { StreamTable } from "./stream_table.ts";
import { TimeUp, Watch } from "./watch.ts";

const PROBE = new TextEncoder().encode("drover!?");

/** How long handlers may take to answer a peer that has ended its side, in milliseconds. */
const PATIENCE_AFTER_END = 1_000;

/**
 * How far the peer's connection preface has come: its 24 bytes, and the SETTINGS frame behind them
 * (RFC 9113 §3.4).
 */
type Beginning = "preface" | "settings" | "done";

/** What drivers may share. */
export interface SharedParts {
  /** Memory for data that is sent. */
  readonly pool?: BatchPool;
  /** The clock of `date`. */
  readonly date?: HttpDate;
}

/** Drives one HTTP/2 connection. */
export class Http2Driver implements HttpDriver {
  readonly #pool: BatchPool;
  readonly #input = new InputBuffer();
  readonly #reader = new FrameReader();
  readonly #streams = new StreamTable();
  readonly #hooks: MessageHooks = {
    inform: ({ streamId }, status, headers) => this.#inform(this.#streams.get(streamId), status, headers),
    push: (message, path, headers) => this.#push(this.#streams.get(message.streamId), message, path, headers),
  };
  #client!: DriverClient;
  #onMessage!: OnMessage;
  #sender!: Sender;
  #responder!: Responder;
  #receiver!: Receiver;
  #dispatcher!: Dispatcher;
  #life!: Life;
  #budgets!: Budgets;
  #pusher!: Pusher;
  #watch!: Watch;
  #control!: Control;
  #blocks!: FieldBlocks;
  #context!: { -readonly [Name in keyof HeadContext]: HeadContext[Name] };
  readonly #date: HttpDate;
  #upgraded: { readonly settings: readonly Setting[]; readonly request: RequestMessage } | null = null;
  #beginning: Beginning = "preface";
  #idle: PromiseWithResolvers<null> | null = null;
  #peerEndedAt = Infinity;
  #worked = false; // a handler has run, which may have taken long

  /** Makes a driver for one connection. */
  constructor({ pool = new BatchPool(), date = new HttpDate() }: SharedParts = {}) {
    this.#pool = pool;
    this.#date = date;
  }

  /**
   * Makes a driver for a connection that came to be by `Upgrade: h2c`: the request that asked for it is that
   * of stream 1.
   *
   * @param settings of the field `HTTP2-Settings`
   * @param request received in full
   * @returns `null` where the settings are none
   */
  static afterUpgrade(
    settings: Uint8Array,
    request: RequestMessage,
    parts?: SharedParts,
  ): Http2Driver | null {
    const parsed = parseSettingsPayload(settings);
    if (parsed === null) return null;
    const driver = new Http2Driver(parts);
    driver.#upgraded = { settings: parsed, request };
    return driver;
  }

  /** Begins: makes the parser, and sends the server's preface. */
  setup(client: DriverClient, onMessage: OnMessage, write: Write): HttpParser {
    const { options } = client;
    this.#client = client;
    this.#onMessage = onMessage;
    this.#blocks = new FieldBlocks(options);
    this.#budgets = new Budgets(options, client.now);
    this.#sender = new Sender(client, write, this.#pool, {
      onSent: (stream) => this.#onSent(stream),
      onDataSent: () => this.#budgets.onDataSent(),
      onReleased: () => this.#dispatcher.onReleased(),
    });
    const { gate } = this.#sender;
    this.#dispatcher = new Dispatcher(options.unsentLimit, {
      get held() {
        return gate.held;
      },
      run: (stream) => this.#run(stream),
      report: (error) => client.report(error, null),
    }, () => client.now);
    this.#life = new Life(client, this.#streams, this.#sender);
    this.#responder = new Responder(client, this.#sender, {
      reset: (stream, code, reason) => this.#reset(stream, code, reason),
      shutDown: () => this.#life.leave(),
      needsWindow: (stream) => this.#receiver.needsWindow(stream),
    }, this.#date);
    this.#receiver = new Receiver({
      client,
      streams: this.#streams,
      sender: this.#sender,
      budgets: this.#budgets,
      life: this.#life,
      onContinue: (stream) => this.#responder.inform(stream, 100, undefined),
      onEnded: (stream) => this.#forget(stream, Closing.Ended),
    });
    this.#pusher = new Pusher(client, this.#sender, this.#streams);
    this.#watch = new Watch(options, this.#sender, this.#receiver, client.now);
    this.#control = new Control({
      client,
      streams: this.#streams,
      sender: this.#sender,
      budgets: this.#budgets,
      watch: this.#watch,
      life: this.#life,
    });
    const scheme = client.isEncrypted ? "https" : "http";
    this.#context = {
      streamId: 0,
      scheme,
      authorities: new AuthorityParser(scheme),
      targetSizeLimit: options.targetSizeLimit,
      extendedConnect: options.extendedConnect,
    };
    client.allowsPush = options.push;
    client.onClose(() => this.#tearDown());
    this.#control.sendPreface(); // ahead of all else, GOAWAY of a server that is being stopped included
    return this.#parse();
  }

  /** How many request bodies are being received. */
  get pendingRequestCount(): number {
    return this.#client.bodies.size;
  }

  /** Ends the connection in good order; resolves when all streams are closed. */
  stop(): Promise<void> {
    return this.#life.stop();
  }

  /** Sends a PING, which a peer that is gone cannot take. */
  probe(): void {
    if (!this.#life.isOver) this.#sender.send(encodePing(PROBE));
  }

  /** Gives up the connection: the bytes that were not parsed. */
  release(): Uint8Array {
    this.#tearDown();
    return this.#input.release();
  }

  // The parser.

  async *#parse(): HttpParser {
    if (this.#upgraded !== null) this.#begin(this.#upgraded);
    try {
      while (!this.#life.isOver) {
        const held = this.#client.drained ?? this.#takeTurn();
        if (held !== null) yield held;
        else if (!this.#step()) {
          this.#input.retain();
          this.#input.push((yield)!);
          this.#watch.onBytes(this.#client.now);
        }
      }
    } catch (error) {
      if (!(error instanceof ClientDisconnectedError)) throw error;
      yield this.#answerRest(error);
      this.#life.finish();
    }
  }

  /** What has to be awaited between two frames, so that others have their turn. */
  #takeTurn(): Promise<null> | null {
    const { turns } = this.#client;
    const worked = this.#worked && this.#input.length > 0;
    this.#worked = false;
    return worked ? turns.onWork() : turns.onMessage();
  }

  /** Takes one thing out of the input; says whether there may be another. */
  #step(): boolean {
    try {
      if (this.#beginning === "preface") return this.#takePreface();
      const frame = this.#reader.read(this.#input);
      if (frame === undefined) {
        this.#awaitRest();
        return false;
      }
      if (!this.#blocks.isPartial) this.#watch.onFrame();
      this.#onFrame(frame);
      return !this.#life.isOver;
    } catch (error) {
      return this.#onFault(error);
    }
  }

  #awaitRest(): void {
    const { bytes, start, length } = this.#input;
    const { isPartial } = this.#blocks;
    if (length === 0 && !isPartial) return;
    const isData = !isPartial && length >= FRAME_HEADER_SIZE && bytes[start + 3] === FrameType.DATA;
    this.#watch.awaitsRest(isData, this.#client.now);
  }

  #onFault(error: unknown): boolean {
    if (error instanceof StreamError) {
      // The frame reader refuses a PRIORITY frame of a wrong size before anybody sees that only CONTINUATION
      // may be here: the interrupted field block is the graver fault.
      if (this.#blocks.isPartial) this.#fail(interrupted());
      else this.#rejectStream(error);
      return !this.#life.isOver;
    }
    if (error instanceof ConnectionError) this.#fail(error);
    else if (error instanceof CompressionError) {
      this.#fail(new ConnectionError(ErrorCode.COMPRESSION_ERROR, error.message));
    } else throw error;
    return false;
  }

  // "the HTTP/1.1 request that is sent prior to upgrade is assigned a stream identifier of 1 [...]
  // "half-closed" from the client toward the server", and the settings of `HTTP2-Settings` are the first (as
  // RFC 9113 §3.1 still allows, and no longer describes)
  #begin({ settings, request }: { settings: readonly Setting[]; request: RequestMessage }): void {
    try {
      this.#control.takeSettings(settings);
    } catch (error) {
      this.#onFault(error);
      return;
    }
    this.#streams.lastId = 1;
    const stream = this.#open(1, true);
    const { method, target, fields } = request;
    const message = this.#makeMessage(stream, { method, target, fields, protocol: null, carried: request });
    message.body = request.body;
    this.#dispatcher.dispatch(stream);
  }

  // "The client connection preface starts with a sequence of 24 octets" (RFC 9113 §3.4)
  #takePreface(): boolean {
    const { bytes, start, length } = this.#input;
    const count = Math.min(length, CONNECTION_PREFACE.length);
    for (let index = 0; index < count; index++) {
      if (bytes[start + index] !== CONNECTION_PREFACE[index]) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "No connection preface (RFC 9113 §3.4)");
      }
    }
    if (count < CONNECTION_PREFACE.length) return false;
    this.#input.consume(CONNECTION_PREFACE.length);
    this.#beginning = "settings";
    return true;
  }

  #onFrame(frame: Frame): void {
    if (this.#beginning === "settings") this.#checkFirst(frame);
    if (this.#blocks.isPartial) return this.#onFieldBlock(this.#blocks.onContinuation(frame));
    switch (frame.type) {
      case FrameType.DATA:
        return this.#receiver.onData(frame);
      case FrameType.HEADERS:
        return this.#onFieldBlock(this.#blocks.onHeaders(frame));
      case FrameType.RST_STREAM:
        return this.#onReset(frame);
      default:
        return this.#control.onFrame(frame);
    }
  }

  // "This sequence MUST be followed by a SETTINGS frame, which MAY be empty" (RFC 9113 §3.4)
  #checkFirst(frame: Frame): void {
    if (frame.type !== FrameType.SETTINGS || frame.has(Flag.ACK)) {
      throw new ConnectionError(
        ErrorCode.PROTOCOL_ERROR,
        "The preface has no SETTINGS (RFC 9113 §3.4)",
      );
    }
    this.#beginning = "done";
  }

  // Requests.

  #onFieldBlock(list: HeaderList | null): void {
    if (list === null) return; // it has not ended
    const { streamId, endStream, dependsOnItself } = this.#blocks;
    if (dependsOnItself) this.#rejectDependency(streamId);
    if (streamId > this.#streams.lastId) return this.#onRequest(streamId, endStream, list);
    const stream = this.#streams.find(streamId, "HEADERS");
    if (stream !== undefined) this.#receiver.onTrailers(stream, endStream, list);
    else this.#budgets.countOddity(this.#client.now);
  }

  /** Refuses a stream that depends on itself, once its field block was decoded for the sake of the table. */
  #rejectDependency(streamId: number): void {
    if (streamId > this.#streams.lastId) this.#streams.lastId = streamId;
    else if (this.#streams.find(streamId, "HEADERS") === undefined) return; // the whole block is ignored
    throw selfDependency(streamId);
  }

  #onRequest(streamId: number, endStream: boolean, list: HeaderList): void {
    this.#streams.lastId = streamId;
    const { concurrentStreamLimit } = this.#client.options;
    // Behind the last GOAWAY nothing further is dispatched. "An endpoint that receives a HEADERS frame that
    // causes its advertised concurrent stream limit to be exceeded MUST treat this as a stream error"
    // (RFC 9113 §5.1.2).
    const excess = this.#streams.active >= concurrentStreamLimit;
    if (excess || !this.#life.takes(streamId)) {
      return this.#refuseStream(streamId, excess && this.#control.acknowledged);
    }
    const stream = this.#open(streamId, endStream);
    try {
      if (list.tooLarge) throw tooLarge(this.#client.options);
      this.#context.streamId = streamId;
      this.#dispatch(stream, parseRequestHead(list, this.#context), endStream);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#refuse(stream, list, error);
    }
  }

  #open(streamId: number, endStream: boolean): Http2Stream {
    const state = endStream ? "half-closed-remote" : "open";
    const stream = new Http2Stream(streamId, state, this.#control.peer.initialWindowSize);
    if (!endStream) stream.window = new ReceiveWindow(this.#control.receiveWindow);
    this.#streams.add(stream);
    return stream;
  }

  #dispatch(stream: Http2Stream, head: RequestHead, endStream: boolean): void {
    const client = this.#client;
    if (endStream && head.contentLength !== null && head.contentLength > 0) throw wrongLength(stream.id);
    stream.priority = this.#control.priorityOf(stream.id, head.priority);
    const message = this.#makeMessage(stream, head);
    if (!endStream) this.#receiver.openBody(stream, message, head);
    if (--client.remainingRequests <= 0) this.#life.drain();
    this.#dispatcher.dispatch(stream);
  }

  #makeMessage(stream: Http2Stream, init: Omit<MessageInit, "streamId" | "received">): Http2Message {
    const { id: streamId, received } = stream;
    const message = new Http2Message(this.#client, { ...init, streamId, received }, this.#hooks);
    message.request = new ServerRequest(message);
    stream.message = message;
    return message;
  }

  /**
   * Gives a request to its handler: "handlers still running count against the stream limit" (CVE-2025-8671).
   */
  #run(stream: Http2Stream): boolean {
    stream.running = this.#worked = true;
    const held = this.#onMessage(stream.message!.request!);
    if (held === null) this.#endRun(stream);
    else held.then(() => this.#endRun(stream));
    return held === null;
  }

  #endRun(stream: Http2Stream): void {
    stream.running = false;
    if (stream.state === "closed") this.#uncount();
  }

  /** Opens no stream for a request; it counts as a fault where the peer could know better. */
  #refuseStream(streamId: number, isFault: boolean): void {
    if (isFault) this.#budgets.countOwnReset(this.#client.now);
    else this.#budgets.countOddity(this.#client.now);
    this.#streams.refuse(streamId);
    this.#sender.reset(streamId, ErrorCode.REFUSED_STREAM);
  }

  /** Answers a request that is well-formed and cannot be served. */
  #refuse(stream: Http2Stream, list: HeaderList, error: HttpError): void {
    const method = list.fields.find(({ name }) => name === ":method")?.value;
    stream.bodiless = method === "HEAD";
    // Without the method, which is missing where the list was cut off before it, nobody knows whether content
    // may be sent.
    const page = method === undefined
      ? new Response(null, { status: error.status })
      : this.#client.renderError(error, null);
    const done = page instanceof Promise
      ? page.then((late) => this.#responder.send(stream, late))
      : this.#responder.send(stream, page);
    done?.catch(ignore); // the peer is gone, or has reset the stream: nobody waits
  }

  // Other frames.

  #onReset(frame: Frame): void {
    const stream = this.#streams.find(frame.streamId, "RST_STREAM");
    this.#budgets.countPeerReset(this.#client.now);
    if (stream === undefined) return;
    this.#close(stream, Closing.Ended, new ClientDisconnectedError("The client has reset the stream"));
  }

  // Responses.

  /** Sends the response to a request of this connection. */
  write(request: ServerRequest, response: globalThis.Response): Promise<void> | null {
    const message = ServerRequest.messageOf(request);
    const stream = message instanceof Http2Message ? this.#streams.get(message.streamId) : undefined;
    if (stream !== undefined && stream.message === message) return this.#responder.send(stream, response);
    discardResponse(response, new ClientDisconnectedError());
    return null;
  }

  #inform(stream: Http2Stream | undefined, status: number, headers: HeadersInit | undefined): void {
    if (stream !== undefined) this.#responder.inform(stream, status, headers);
  }

  #push(
    stream: Http2Stream | undefined,
    message: Http2Message,
    path: string,
    headers: HeadersInit | undefined,
  ): boolean {
    if (stream === undefined || stream.ended || stream.response !== "awaited") return false;
    (message.preloads ??= []).push(path);
    if (this.#life.state !== "open") return false;
    const promise = this.#pusher.promise(stream, message, path, headers, this.#control.peer);
    if (promise === null) return false;
    const pushed = new Http2Stream(promise.streamId, "reserved-local", this.#control.peer.initialWindowSize);
    // What is pushed comes after what it belongs to, where there is something to send of both.
    pushed.priority = { urgency: Math.min(7, stream.priority.urgency + 1), incremental: true };
    this.#streams.add(pushed);
    this.#makeMessage(pushed, promise.request);
    pushed.running = true;
    queueMicrotask(() => pushed.state === "closed" ? this.#endRun(pushed) : this.#dispatchPush(pushed));
    return true;
  }

  #dispatchPush(pushed: Http2Stream): void {
    pushed.running = false;
    this.#dispatcher.dispatch(pushed);
  }

  /** This side of a stream has ended. */
  #onSent(stream: Http2Stream): void {
    if (stream.state === "closed") return this.#forget(stream, Closing.Ended);
    // "A server MAY request that the client abort transmission of a request without error by sending a
    // RST_STREAM with an error code of NO_ERROR after sending a complete response" (RFC 9113 §8.1).
    // `onTick()` does, when it is time. Of a tunnel one side may end long before the other.
    if (!stream.message?.upgradeHandler) this.#receiver.onAnswered(stream);
  }

  // The end of streams.

  /** Resets a stream that a fault of the peer has ended; it counts (CVE-2025-8671). */
  #rejectStream(error: StreamError): void {
    const { streamId, code } = error;
    try {
      this.#budgets.countOwnReset(this.#client.now);
    } catch (exceeded) {
      this.#onFault(exceeded);
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) return this.#reset(stream, code, faultOf(error));
    if (this.#streams.isIdle(streamId)) { // a PRIORITY frame of a wrong size opens nothing
      return this.#fail(new ConnectionError(code, error.message));
    }
    this.#streams.refuse(streamId);
    this.#sender.reset(streamId, code);
  }

  /** Ends a stream by RST_STREAM. */
  #reset(stream: Http2Stream, code: ErrorCode, reason: unknown): void {
    if (stream.state === "closed") return;
    this.#sender.reset(stream.id, code);
    this.#close(stream, Closing.Reset, reason);
  }

  /** A stream is over before its time: everybody who waits is told. */
  #close(stream: Http2Stream, how: Closing, reason: unknown): void {
    const { message } = stream;
    stream.state = "closed";
    message?.fail(reason);
    this.#dispatcher.remove(stream);
    this.#sender.drop(stream, reason);
    stream.source?.cancel(reason);
    if (stream.response !== "sent") message?.abort(reason);
    this.#forget(stream, how);
  }

  #forget(stream: Http2Stream, how: Closing): void {
    if (!this.#streams.remove(stream, how)) return;
    this.#client.bodies.delete(stream.id);
    stream.state = "closed";
    stream.onClosed?.();
    stream.message?.body?.detach(); // what nobody reads must not narrow the window of the connection
    if (stream.id % 2 === 0) this.#pusher.onClosed();
    if (!stream.running) this.#uncount();
  }

  /** A stream counts no longer. */
  #uncount(): void {
    this.#streams.release();
    this.#watch.onActivity(this.#client.now);
    if (this.#streams.active === 0) this.#idle?.resolve(null);
    this.#life.onInactive();
  }

  // The end of the connection.

  /** A fault of the peer that ends the connection (RFC 9113 §5.4.1): nothing further is parsed. */
  #fail(error: ConnectionError): void {
    if (this.#life.isOver) return;
    this.#life.fail(error);
    const gone = new ClientDisconnectedError("The connection ended by an error of the client", {
      cause: error,
    });
    for (const stream of [...this.#streams.open]) this.#close(stream, Closing.Reset, gone);
  }

  /**
   * The peer has ended its side, so it has most likely left: all streams end. Only what it has asked for in
   * full, and what its handler answers within a second all the same, is still sent.
   */
  onPeerEnd(): void {
    if (this.#client.options.halfClose === "answer") return;
    const gone = new ClientDisconnectedError();
    for (const stream of [...this.#streams.open]) {
      if (stream.received && stream.waitsSince === Infinity && stream.response === "awaited") {
        stream.message?.interrupt(gone);
      } else this.#close(stream, Closing.Ended, gone);
    }
    this.#peerEndedAt = this.#client.now;
  }

  /** What the peer has asked for in full before it ended its side is answered. */
  #answerRest(error: ClientDisconnectedError): Promise<null> {
    for (const stream of [...this.#streams.open]) {
      if (!stream.received) this.#close(stream, Closing.Ended, error);
    }
    this.#idle = Promise.withResolvers();
    if (this.#streams.active === 0) this.#idle.resolve(null);
    return this.#idle.promise;
  }

  /** The connection is gone. */
  #tearDown(): void {
    this.#life.close();
    this.#idle?.resolve(null);
    const gone = new ClientDisconnectedError();
    for (const stream of [...this.#streams.open]) this.#close(stream, Closing.Ended, gone);
  }

  /** Called at each tick of the client's clock. */
  onTick(now: number): void {
    if (this.#life.isOver) return;
    if (now - this.#peerEndedAt > PATIENCE_AFTER_END) return this.#idle?.resolve(null);
    this.#life.onTick(now);
    const verdict = this.#watch.check(this.#streams, now);
    if (verdict instanceof ConnectionError) this.#fail(verdict);
    else if (verdict === "idle") this.#life.leave();
    else if (verdict !== null) { for (const { stream, why } of verdict) this.#onStalled(stream, why); }
  }

  /**
   * Ends a stream whose peer does not send or take what it should. A handler that reads its body learns of it
   * there.
   */
  #onStalled(stream: Http2Stream, why: TimeUp): void {
    if (why === TimeUp.Answered) {
      this.#receiver.wake(stream);
      return this.#reset(stream, ErrorCode.NO_ERROR, null);
    }
    const error = new HttpError(408, why);
    if (why === TimeUp.Body && stream.response === "awaited") return stream.message?.fail(error);
    if (why !== TimeUp.Body && !this.#countStall()) return;
    // "The REFUSED_STREAM error code [...] indicate[s] that the stream is being closed prior to any
    // processing" (RFC 9113 §8.7)
    const code = why === TimeUp.Waiting ? ErrorCode.REFUSED_STREAM : ErrorCode.CANCEL;
    this.#reset(stream, code, new ClientDisconnectedError(why, { cause: error }));
  }

  #countStall(): boolean {
    try {
      this.#budgets.countStall(this.#client.now);
      return true;
    } catch (exceeded) {
      return this.#onFault(exceeded);
    }
  }
}
