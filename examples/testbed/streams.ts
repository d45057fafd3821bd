/** Routes that answer with many bytes, and late. */
import { HttpError } from "../../mod.ts";
import { type Call, pause } from "./call.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const CHUNK = 16 * 1024;
/** The largest answer that is made in memory. */
const BYTES_MAX = 256 * 1024 * 1024;
const LETTER_X = 0x78;
const FILLER = new Uint8Array(1024 * 1024).fill(LETTER_X);
const encoder = new TextEncoder();
const plain = { headers: { "content-type": "text/plain" } };

/** `/bytes?n=` and `/echo-len?n=`: that many bytes, the length of which is known. */
export function bytes(call: Call): Response {
  const n = call.integer("n", { max: BYTES_MAX });
  return new Response(filler(n), { headers: { "content-type": "application/octet-stream" } });
}

/**
 * `/stream?chunks=&size=&delay=`, or `/stream?n=` for that many chunks of 16 KiB, where `infinite` is a number.
 */
export function stream(call: Call): Response {
  if (!call.params.has("n")) {
    const size = call.integer("size", { standard: 1024, max: BYTES_MAX });
    const count = call.integer("chunks", { standard: 10 });
    const delay = call.integer("delay", { standard: 0 });
    return new Response(source(call, { count, delay, make: () => filler(size) }), plain);
  }
  const count = call.params.get("n") === "infinite" ? Infinity : call.integer("n");
  return new Response(source(call, { count, delay: 0, make: () => filler(CHUNK) }), plain);
}

/** `/big?n=`: that many bytes in chunks of 16 KiB. */
export function big(call: Call): Response {
  const n = call.integer("n", { max: 9_999_999_999 });
  const count = Math.ceil(n / CHUNK);
  const last = n - (count - 1) * CHUNK;
  const make = (index: number) => filler(index === count - 1 ? last : CHUNK);
  return new Response(source(call, { count, delay: 0, make }), plain);
}

/** `/events?n=&delay=`: server-sent events. */
export function events(call: Call): Response {
  const count = call.integer("n", { standard: 10 });
  const delay = call.integer("delay", { standard: 100 });
  const make = (index: number) => encoder.encode(`event: tick\nid: ${index}\ndata: {"event":${index}}\n\n`);
  return new Response(source(call, { count, delay, make }), {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}

/** `/throw-late`: three bytes, and then the body's stream fails. */
export function throwLate(): Response {
  let begun = false;
  const body = new ReadableStream<Bytes>({
    pull(controller) {
      if (begun) throw new Error("The stream fails after three bytes, as it was asked to");
      begun = true;
      controller.enqueue(encoder.encode("abc"));
    },
  });
  return new Response(body, plain);
}

/** `/badlen?cl=&n=`: declares one length and has another. */
export function badLength(call: Call): Response {
  const n = call.integer("n", { max: BYTES_MAX });
  return new Response(filler(n), { headers: { "content-length": call.text("cl") } });
}

/** `/slow?ms=`: answers late, or when the client has left. */
export async function slow(call: Call): Promise<Response> {
  await call.pause(call.integer("ms", { standard: 1000 }));
  const i = call.params.get("i");
  return new Response(i === null ? "slow" : `slow i=${i}`);
}

/** `/stubborn?ms=`: answers late, whether the client is there or not. */
export function stubborn(call: Call): Promise<Response> {
  const ms = call.integer("ms", { standard: 1000 });
  return running(call, () => pause(ms, new AbortController().signal));
}

/** `/hang`: never answers. */
export async function hang(call: Call): Promise<Response> {
  await running(call, () => call.pause(Infinity));
  throw new HttpError(503, "The client left");
}

async function running(call: Call, wait: () => Promise<void>): Promise<Response> {
  const { counters } = call.testbed;
  counters.running += 1;
  counters.peak = Math.max(counters.peak, counters.running);
  try {
    await wait();
  } finally {
    counters.running -= 1;
  }
  return new Response("done");
}

interface Source {
  /** How many chunks; may be `Infinity`. */
  readonly count: number;
  /** Milliseconds between two of them. */
  readonly delay: number;
  readonly make: (index: number) => Bytes;
}

/** A stream that makes each chunk when it is pulled, and knows when nobody wants more. */
function source({ testbed }: Call, { count, delay, make }: Source): ReadableStream<Bytes> {
  const cancelled = new AbortController();
  let index = 0;
  function emit(controller: ReadableStreamDefaultController<Bytes>): void {
    if (cancelled.signal.aborted) return;
    if (index < count) controller.enqueue(make(index));
    index += 1;
    if (index >= count) controller.close();
  }
  return new ReadableStream<Bytes>({
    pull(controller) {
      if (delay === 0 || index === 0) return emit(controller);
      return pause(delay, cancelled.signal).then(() => emit(controller));
    },
    cancel() {
      testbed.counters.cancelled += 1;
      cancelled.abort();
    },
  });
}

/** `n` bytes that nobody may change: up to a MiB, every caller gets a view of the same ones. */
function filler(n: number): Bytes {
  return n <= FILLER.length ? FILLER.subarray(0, n) : new Uint8Array(n).fill(LETTER_X);
}
