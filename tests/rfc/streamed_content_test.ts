/** Content that comes as a stream arrives whole, however late its parts are (RFC 9112 §6.3, RFC 9113 §8.1). */

import { type Handler, Response as DroverResponse } from "../../mod.ts";
import { assertEquals } from "../support/assert.ts";
import { pass } from "../support/deadline.ts";
import { withHttp2 } from "../support/http2_client.ts";
import { field } from "../support/response_parser.ts";
import { withServer } from "../support/server.ts";

/** Longer than a head waits for the first chunk of its content. */
const LATE = 20;

/** A stream by what it does: a chunk of its own, or a wait. */
type Step = string | typeof LATE;

const streams: readonly (readonly Step[])[] = [
  [],
  ["one"],
  ["one", "two"],
  [LATE],
  [LATE, "one"],
  ["one", LATE],
  [LATE, "one", LATE],
  [LATE, "one", "two"],
  ["one", LATE, "two"],
  [LATE, "one", LATE, "two", LATE],
];

function play(steps: readonly Step[]): ReadableStream<Uint8Array> {
  const rest = [...steps];
  return new ReadableStream({
    async pull(controller) {
      let step = rest.shift();
      for (; typeof step === "number"; step = rest.shift()) {
        await pass(LATE);
      }
      if (step === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(step));
    },
  });
}

/** What a client makes of the response to one request. */
type Ask = (handler: Handler, method: string) => Promise<{ text: string; trailer: string | null }>;

const protocols: readonly (readonly [name: string, ask: Ask])[] = [
  ["HTTP/1.1", (handler, method) =>
    withServer(handler, {}, async ({ connect }) => {
      const raw = connect();
      raw.offer(`${method} / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n`);
      const { text, trailers } = await raw.readResponse({ method });
      return { text, trailer: field(trailers ?? [], "x-sum") ?? null };
    })],
  ["HTTP/1.0", (handler, method) =>
    withServer(handler, {}, async ({ connect }) => {
      const raw = connect();
      raw.offer(`${method} / HTTP/1.0\r\nHost: a\r\n\r\n`);
      const { text } = await raw.readResponse({ method });
      return { text, trailer: null };
    })],
  ["HTTP/2", (handler, method) =>
    withHttp2(handler, {}, async ({ connect }) => {
      const client = connect();
      const { text, trailers } = await client.response(client.request({ method }));
      return { text, trailer: field(trailers ?? [], "x-sum") ?? null };
    })],
];

for (const [protocol, ask] of protocols) {
  for (const steps of streams) {
    const whole = steps.filter((step) => typeof step === "string").join("");
    const shape = steps.map((step) => typeof step === "number" ? "…" : step).join(" ") || "nothing";
    for (const [made, Made] of [["web", Response], ["Drover", DroverResponse]] as const) {
      Deno.test(`${protocol}: a ${made} Response of a stream: ${shape}`, async () => {
        const { text } = await ask(() => new Made(play(steps)), "GET");
        assertEquals(text, whole);
      });
    }
    Deno.test(`${protocol}: a stream with its Content-Length: ${shape}`, async () => {
      const headers = { "content-length": String(whole.length) };
      const { text } = await ask(() => new Response(play(steps), { headers }), "GET");
      assertEquals(text, whole);
    });
    Deno.test(`${protocol}: a stream with trailers that are known at its end: ${shape}`, async () => {
      const { text, trailer } = await ask((_, exchange) => {
        let sum = 0;
        exchange.setTrailers(() => ({ "x-sum": String(sum) }));
        const counted = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            sum += chunk.length;
            controller.enqueue(chunk);
          },
        });
        return new Response(play(steps).pipeThrough(counted));
      }, "GET");
      assertEquals(text, whole);
      if (protocol !== "HTTP/1.0") assertEquals(trailer, String(whole.length));
    });
    Deno.test(`${protocol}: HEAD of a stream: ${shape}`, async () => {
      const { text } = await ask(() => new Response(play(steps)), "HEAD");
      assertEquals(text, "");
      await pass(2 * LATE); // for the stream, which was cancelled
    });
  }
}
