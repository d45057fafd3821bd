/** gRPC over HTTP/2 (its document "PROTOCOL-HTTP2") on a handler of web requests: framing, status, deadline. */
import { type Exchange, HttpError } from "../../mod.ts";
import type { Codec, Values } from "./protocol.ts";

/** Codes of `grpc-status` that are used here. */
export const Status = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
} as const;

/** An error with the status that answers it. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** One method: messages in, messages out; unary ones have one of each. */
export interface Method {
  readonly request: Codec;
  readonly response: Codec;
  call(messages: AsyncIterable<Values>, signal: AbortSignal): AsyncIterable<Values>;
}

const PREFIX_SIZE = 5;
const MESSAGE_LIMIT = 4 * 1024 * 1024;
const UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000001,
};

/** Serves methods by their path. */
export function grpc(methods: ReadonlyMap<string, Method>) {
  return (request: Request, exchange: Exchange): Response => {
    if (!request.headers.get("content-type")?.startsWith("application/grpc")) {
      throw new HttpError(415, "This is a gRPC server: content-type must be application/grpc");
    }
    const method = methods.get(exchange.target);
    const headers = { "content-type": "application/grpc" };
    if (method === undefined) { // the status alone: "Trailers-Only"
      return new Response(null, {
        headers: { ...headers, ...trailers(Status.UNIMPLEMENTED, "No such method") },
      });
    }
    exchange.bodySizeLimit = Infinity; // a stream of messages has no end that is known; each message has its limit
    const outcome = { code: Status.OK as number, message: "" };
    exchange.setTrailers(() => trailers(outcome.code, outcome.message));
    return new Response(ReadableStream.from(answer(request, method, outcome)), { headers });
  };
}

function trailers(code: number, message: string): Record<string, string> {
  const status = { "grpc-status": String(code) };
  return message === "" ? status : { ...status, "grpc-message": encodeURIComponent(message) };
}

/** The frames of a response; what goes wrong becomes its status. */
async function* answer(
  request: Request,
  method: Method,
  outcome: { code: number; message: string },
): AsyncGenerator<Uint8Array> {
  const deadline = new AbortController();
  const late = new GrpcError(Status.DEADLINE_EXCEEDED, "The deadline has passed");
  const timeout = timeoutOf(request);
  const timer = timeout === null ? undefined : setTimeout(() => deadline.abort(late), timeout);
  const signal = AbortSignal.any([request.signal, deadline.signal]);
  try {
    const messages = method.call(readMessages(request, method.request), signal);
    for await (const message of untilAbort(messages, signal)) yield frame(method.response.encode(message));
  } catch (error) {
    const known = error instanceof GrpcError;
    outcome.code = known ? error.code : request.signal.aborted ? Status.CANCELLED : Status.INTERNAL;
    outcome.message = known ? error.message : "";
    if (outcome.code === Status.INTERNAL) console.error(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends an iteration when a signal aborts, whatever it waits for. */
async function* untilAbort<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // told where it is raced
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const { value, done } = await Promise.race([iterator.next(), promise]);
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    iterator.return?.().catch(() => {}); // its outcome is known
  }
}

// Timeout = 1*8DIGIT TimeoutUnit
function timeoutOf({ headers }: Request): number | null {
  const match = /^(\d{1,8})([HMSmun])$/.exec(headers.get("grpc-timeout") ?? "");
  if (match === null) return null;
  return Math.min(2 ** 31 - 1, Math.ceil(Number(match[1]) * UNITS[match[2]!]!));
}

// Length-Prefixed-Message = Compressed-Flag Message-Length Message
function frame(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PREFIX_SIZE + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, PREFIX_SIZE);
  return bytes;
}

/** The messages of a request as they come. */
async function* readMessages(request: Request, type: Codec): AsyncGenerator<Values> {
  let rest = new Uint8Array(0);
  for await (const chunk of request.body ?? []) {
    rest = concat(rest, chunk);
    for (let size = sizeOf(rest); size !== null && rest.length >= size; size = sizeOf(rest)) {
      yield type.decode(rest.subarray(PREFIX_SIZE, size));
      rest = rest.slice(size);
    }
  }
  if (rest.length > 0) throw new GrpcError(Status.INTERNAL, "The request ends in a message");
}

/** The size of the message that begins `bytes`, its prefix counted; `null` before that has come. */
function sizeOf(bytes: Uint8Array): number | null {
  if (bytes.length < PREFIX_SIZE) return null;
  if (bytes[0] !== 0) throw new GrpcError(Status.UNIMPLEMENTED, "Compressed messages are not taken");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  if (length > MESSAGE_LIMIT) {
    throw new GrpcError(Status.RESOURCE_EXHAUSTED, `A message of ${length} bytes, above ${MESSAGE_LIMIT}`);
  }
  return PREFIX_SIZE + length;
}

function concat(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}
