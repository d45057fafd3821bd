/**
 * Adds BYOB readers to streams of the platform that lack them. On Deno 2.9 the `body` of a request that was
 * made of bytes lacks them, while a body that is still coming has them. A handler should not see a
 * difference.
 *
 * @module
 */

import { holds } from "./platform.ts";

type Stream = ReadableStream<Uint8Array<ArrayBuffer>>;

/** A stream that has BYOB readers whether or not the platform has made it a byte stream. */
class ByteStream extends ReadableStream<Uint8Array<ArrayBuffer>> {
  override getReader(options: { mode: "byob" }): ReadableStreamBYOBReader;
  override getReader(options?: { mode?: undefined }): ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  override getReader(
    options?: { mode?: "byob" | undefined },
  ): ReadableStreamBYOBReader | ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> {
    if (options?.mode !== "byob") return super.getReader();
    if (this.locked) return super.getReader({ mode: "byob" }); // throws the platform's error
    return toBytes(super.getReader()).getReader({ mode: "byob" });
  }
}

/** What a reader reads, as a byte stream. */
function toBytes(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>): Stream {
  return new ReadableStream({
    type: "bytes",
    pull: async (controller) => {
      const { done, value } = await reader.read();
      if (!done) return controller.enqueue(value);
      controller.close();
      if ("byobRequest" in controller) controller.byobRequest?.respond(0);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

const LACKS_BYOB = !holds(() => {
  const { body } = new Response(new Uint8Array(1));
  return body?.getReader({ mode: "byob" }) !== undefined;
});

/**
 * Gives a stream that was made of bytes its BYOB readers. It stays the same object: the platform knows the
 * bytes behind it.
 */
export function withByob<T extends Stream | null>(stream: T): T {
  const isPlain = stream !== null && Object.getPrototypeOf(stream) === ReadableStream.prototype;
  return LACKS_BYOB && isPlain ? Object.setPrototypeOf(stream, ByteStream.prototype) : stream;
}
