/**
 * The body of one request, between the driver that receives it and the handler that reads it. Memory is
 * bounded: once more than `softStreamCap` bytes wait for the reader, {@link RequestBody.push} hands out a
 * promise by which the driver holds its connection (or its stream's window) back.
 *
 * @module
 */

import { ClientDisconnectedError, HttpError } from "./errors.ts";

/** What a driver says of a body when it begins. */
export interface RequestBodyInit {
  /** The declared length in bytes, or `null` when it is not known. */
  readonly length: number | null;
  /** The largest body allowed, in bytes. */
  readonly limit: number;
  /** How many bytes may wait for the reader before the driver is held back. */
  readonly softCap: number;
  /** Called once, before the first read: the time to send `100 (Continue)`. */
  readonly onFirstRead?: (() => void) | undefined;
  /**
   * Called with the number of bytes that the reader has taken, or that were dropped: the sender may send as
   * many more.
   */
  readonly onTake?: ((count: number) => void) | undefined;
}

/**
 * The state of a body: bytes may still come, all have come, or none will come any more.
 *
 * ```text
 *       end()                    fail(error), discard(), limit exceeded
 *  ┌───────────── receiving ─────────────────────┐
 *  ▼                                             ▼
 * complete (what waits can be read)           failed (what still comes is dropped)
 * ```
 */
type BodyState = "receiving" | "complete" | "failed";

/** The part of a stream's reader that sending a response needs. */
export interface BodySource {
  /** The next chunk, as a stream's reader gives it. */
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Nobody wants the rest. */
  cancel(reason?: unknown): Promise<void>;
}

/** What a waiting piece costs beside its bytes: it bounds the number of pieces, not only their sum. */
const PIECE_COST = 256;

/** Pieces smaller than this are joined while they wait, in memory of the second size, in bytes. */
const SMALL_PIECE = 1024;
const JOINED_SIZE = 4096;

/** The bytes of one request's body: pushed in by a driver, taken out by one reader. */
export class RequestBody {
  /** The largest body the reader accepts, in bytes; may be raised until it is exceeded. */
  limit: number;
  readonly #length: number | null;
  readonly #softCap: number;
  #onTake: ((count: number) => void) | undefined;
  #onFirstRead: (() => void) | undefined;
  #state: BodyState = "receiving";
  #error: unknown = undefined;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #joined: Uint8Array<ArrayBuffer> | null = null; // the last of the chunks, of which not all is filled
  #joinedSize = 0;
  #buffered = 0;
  #taken = 0;
  #reader: PromiseWithResolvers<Uint8Array<ArrayBuffer> | null> | null = null;
  #room: PromiseWithResolvers<null> | null = null;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #used = false;

  /** Begins a body, with its declared length and its limits. */
  constructor(init: RequestBodyInit) {
    this.#length = init.length;
    this.limit = init.limit;
    this.#softCap = init.softCap;
    this.#onFirstRead = init.onFirstRead;
    this.#onTake = init.onTake;
  }

  /** Whether a reader has begun (`Request.bodyUsed`). */
  get used(): boolean {
    return this.#used;
  }

  /** Whether a reader waits for bytes: it is the peer's turn. */
  get awaited(): boolean {
    return this.#reader !== null;
  }

  /** Whether all of it has come from the peer, or nothing more is wanted of it. */
  get finished(): boolean {
    return this.#state !== "receiving";
  }

  /** Whether reads reject, because the body is too large, malformed, too slow, or was cut off. */
  get refused(): boolean {
    return this.#error !== undefined;
  }

  /** What each further read rejects with; `undefined` while the body can be read. */
  get failure(): unknown {
    return this.#error;
  }

  /**
   * Takes a copy of the bytes received; the caller's buffer is free afterwards. The promise, if there is one,
   * settles when there is room for more, or when nothing more is wanted.
   */
  push(bytes: Uint8Array): Promise<null> | null {
    if (this.#state !== "receiving") return null;
    if (this.#reader !== null) {
      this.#deliver(bytes.slice());
      return null;
    }
    if (!this.#join(bytes)) {
      this.#seal();
      this.#chunks.push(bytes.slice());
      this.#buffered += bytes.length + PIECE_COST;
    }
    return this.room;
  }

  // Joins small pieces, because a peer may send byte by byte to a slow reader, and each array costs memory.
  #join(bytes: Uint8Array): boolean {
    if (bytes.length >= SMALL_PIECE || this.#chunks.length === 0) return false;
    if (this.#joined === null || this.#joinedSize + bytes.length > JOINED_SIZE) {
      this.#seal();
      this.#joined = new Uint8Array(JOINED_SIZE);
      this.#buffered += PIECE_COST;
    }
    this.#joined.set(bytes, this.#joinedSize);
    this.#joinedSize += bytes.length;
    this.#buffered += bytes.length;
    return true;
  }

  #seal(): void {
    if (this.#joined === null) return;
    this.#chunks.push(this.#joined.slice(0, this.#joinedSize));
    this.#joined = null;
    this.#joinedSize = 0;
  }

  /** A promise that settles when the reader has caught up; `null` while it is not behind. */
  get room(): Promise<null> | null {
    if (this.#state !== "receiving" || this.#buffered <= this.#softCap) return null;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** All of it has come. */
  end(): void {
    if (this.#state !== "receiving") return;
    this.#state = "complete";
    this.#makeRoom();
    this.#answerReader(null);
  }

  /**
   * Ends a body that will never be complete: drops what waits for the reader, and rejects every read with
   * `error`. A body that is complete stays readable.
   */
  fail(error: unknown): void {
    if (this.#state === "receiving") this.#refuse(error);
  }

  #refuse(error: unknown): void {
    this.#state = "failed";
    this.#error = error;
    this.#drop();
    this.#reader?.reject(error);
    this.#reader = null;
  }

  /**
   * Drops the rest of the body, buffered and still to come. Later reads reject, so that a reader never
   * mistakes a part for the whole.
   */
  discard(): void {
    if (this.#state === "receiving") {
      this.#refuse(new ClientDisconnectedError("The exchange was over before its body was read"));
    }
  }

  /** Drops the body because its reader wants no more of it. */
  cancel(): void {
    this.#used = true;
    this.discard();
    this.#drop();
  }

  /**
   * The next bytes, or `null` after the last of them.
   *
   * @throws {HttpError} 413 when the body is larger than {@link RequestBody.limit}, or what the parser found
   * wrong
   * @throws {ClientDisconnectedError} when the peer left before the end
   */
  read(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#begin();
    if (this.#chunks.length === 0) this.#seal();
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return this.#take(chunk);
    if (this.#state === "failed") return Promise.reject(this.#error);
    if (this.#state !== "receiving") return Promise.resolve(null);
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** All of its bytes. Throws as {@link RequestBody.read} does. */
  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let chunk = await this.read(); chunk !== null; chunk = await this.read()) {
      chunks.push(chunk);
    }
    return chunks.length === 1 ? chunks[0]! : concatenate(chunks);
  }

  /**
   * Takes all bytes at once. Returns `null` if some are still to come, if a reader has begun, or if they are
   * more than {@link RequestBody.limit}.
   */
  takeComplete(): Uint8Array<ArrayBuffer> | null {
    if (this.#state !== "complete" || this.#used || this.#stream !== null || this.waiting > this.limit) {
      return null;
    }
    this.#seal();
    const chunks = this.#chunks;
    this.#drop();
    return chunks.length === 1 ? chunks[0]! : concatenate(chunks);
  }

  /**
   * The body as a stream of bytes: the same one at each call. It is pulled only as fast as its reader reads.
   */
  get stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#stream ??= new RequestBodyStream(this);
    return this.#stream;
  }

  /**
   * Returns a source that reads the body behind a stream directly, for a response that sends a request's
   * body. Returns `null` if the stream is not the body of a request, or is locked.
   */
  static sourceOf(stream: ReadableStream<Uint8Array>): BodySource | null {
    return RequestBodyStream.sourceOf(stream);
  }

  #begin(): void {
    this.#used = true;
    if (this.#length !== null && this.#length > this.limit && this.#error === undefined) {
      this.#refuse(tooLarge(this.limit));
    }
    const onFirstRead = this.#onFirstRead;
    this.#onFirstRead = undefined;
    if (this.#state === "receiving") onFirstRead?.();
  }

  #deliver(chunk: Uint8Array<ArrayBuffer>): void {
    this.#taken += chunk.length;
    if (this.#taken > this.limit) this.#refuse(tooLarge(this.limit));
    else this.#answerReader(chunk);
    this.#onTake?.(chunk.length);
  }

  #take(chunk: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    this.#buffered -= chunk.length + PIECE_COST;
    this.#taken += chunk.length;
    const tooMuch = this.#taken > this.limit;
    if (tooMuch) this.#refuse(tooLarge(this.limit));
    else if (this.#buffered <= this.#softCap) this.#makeRoom();
    this.#onTake?.(chunk.length);
    return tooMuch ? Promise.reject(this.#error) : Promise.resolve(chunk);
  }

  #answerReader(chunk: Uint8Array<ArrayBuffer> | null): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.resolve(chunk);
  }

  /** How many bytes wait for the reader. */
  get waiting(): number {
    let waiting = this.#joinedSize;
    for (const chunk of this.#chunks) waiting += chunk.length;
    return waiting;
  }

  /**
   * Stops reporting to the sender. The bytes that wait are reported as taken, and stay readable.
   */
  detach(): void {
    const onTake = this.#onTake;
    this.#onTake = undefined;
    const { waiting } = this;
    if (waiting > 0) onTake?.(waiting);
  }

  #drop(): void {
    const dropped = this.waiting;
    this.#chunks = [];
    this.#joined = null;
    this.#joinedSize = 0;
    this.#buffered = 0;
    this.#makeRoom();
    if (dropped > 0) this.#onTake?.(dropped);
  }

  #makeRoom(): void {
    const room = this.#room;
    this.#room = null;
    room?.resolve(null);
  }
}

/** The stream of a request's body. */
class RequestBodyStream extends ReadableStream<Uint8Array<ArrayBuffer>> {
  readonly #body: RequestBody;

  constructor(body: RequestBody) {
    super({
      type: "bytes",
      pull: async (controller) => {
        const chunk = await body.read();
        if (chunk !== null) return controller.enqueue(chunk);
        controller.close();
        if ("byobRequest" in controller) controller.byobRequest?.respond(0);
      },
      cancel: () => body.cancel(),
    }, { highWaterMark: 0 });
    this.#body = body;
  }

  static sourceOf(stream: ReadableStream<Uint8Array>): BodySource | null {
    if (!(#body in stream) || stream.locked) return null;
    const body = stream.#body;
    const reader = stream.getReader();
    const readRest: BodySource["read"] = async () => {
      const value = await body.read();
      return value === null ? { done: true, value: undefined } : { done: false, value };
    };
    // The first chunk comes through the stream. The stream is locked and was read from then on: nobody else
    // finds it empty.
    let read: BodySource["read"] = () => {
      read = readRest;
      return reader.read();
    };
    return { read: () => read(), cancel: () => Promise.resolve(body.cancel()) };
  }
}

function tooLarge(limit: number): HttpError {
  return new HttpError(413, `The body is larger than ${limit} bytes (RFC 9110 §15.5.14)`);
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const all = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}
