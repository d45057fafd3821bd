/**
 * Handlers that do what they must not, by name. The server answers 500 or cuts the response, and serves everybody else.
 *
 * @module
 */

import { type Exchange, HttpError, Response } from "../../mod.ts";

type Misdeed = (request: Request, exchange: Exchange) => unknown;

const TEXT = new TextEncoder().encode("text");

/** A stream that gives `chunks` and then does what `end` does. */
function stream(
  chunks: readonly unknown[],
  end: (controller: ReadableStreamDefaultController<unknown>) => void = (controller) => controller.close(),
): ReadableStream<unknown> {
  const rest = [...chunks];
  return new ReadableStream({
    pull(controller) {
      if (rest.length > 0) controller.enqueue(rest.shift());
      else end(controller);
    },
  });
}

/** A stream as a response's body, whatever it gives. */
function bodyOf(source: ReadableStream<unknown>): ReadableStream<Uint8Array> {
  return source.pipeThrough(new TransformStream<unknown, Uint8Array>()) as ReadableStream<Uint8Array>;
}

const fail = () => {
  throw new TypeError("a handler of the soak failed on purpose");
};

const MISDEEDS: Readonly<Record<string, Misdeed>> = {
  throws: fail,
  rejects: () => Promise.reject(new TypeError("a handler of the soak failed on purpose")),
  throwsText: () => {
    throw "text";
  },
  throwsNothing: () => {
    throw undefined;
  },
  rejectsNothing: () => Promise.reject(),
  returnsNothing: () => undefined,
  returnsNull: () => null,
  returnsText: () => "text",
  returnsNumber: () => 42,
  returnsPromiseOfText: () => Promise.resolve("text"),
  returnsObject: () => ({ status: 200, headers: new Headers(), body: null }),
  returnsSplittingObject: () => ({ status: "200\r\nx: y", headers: [["a\r\nb", "c"]], body: null }),
  returnsThenable: () => ({ then: (resolve: (value: unknown) => void) => resolve(new Response("late")) }),
  returnsError: () => new TypeError("not thrown, but returned"),
  returnsFunction: () => fail,
  returnsErrorResponse: () => Response.error(),
  bodyFails: () =>
    new Response(bodyOf(stream([TEXT], (controller) => controller.error(new TypeError("on purpose"))))),
  bodyFailsWithNothing: () =>
    new Response(bodyOf(stream([TEXT], (controller) => controller.error(undefined)))),
  bodyFailsAtOnce: () =>
    new Response(bodyOf(stream([], (controller) => controller.error(new TypeError("on purpose"))))),
  bodyThrows: () => new Response(bodyOf(stream([TEXT], fail))),
  bodyOfText: () => new Response(bodyOf(stream(["text"]))),
  bodyOfNumbers: () => new Response(bodyOf(stream([1, 2, 3]))),
  bodyOfNull: () => new Response(bodyOf(stream([null]))),
  bodyOfEmptyChunks: () =>
    new Response(bodyOf(stream(Array.from({ length: 1000 }, () => new Uint8Array(0))))),
  bodyOfDetachedChunk: () => {
    const chunk = new Uint8Array(10);
    structuredClone(chunk, { transfer: [chunk.buffer] });
    return new Response(bodyOf(stream([chunk])));
  },
  bodyLocked: () => {
    const response = new Response(bodyOf(stream([TEXT])));
    response.body?.getReader();
    return response;
  },
  bodyUsed: async () => {
    const response = new Response("text");
    await response.text();
    return response;
  },
  bodyLongerThanSaid: () =>
    new Response(bodyOf(stream([TEXT, TEXT])), { headers: { "content-length": "4" } }),
  bodyShorterThanSaid: () => new Response(bodyOf(stream([TEXT])), { headers: { "content-length": "8" } }),
  lengthIsNoNumber: () => new Response("text", { headers: { "content-length": "-1" } }),
  framesByItself: () => new Response("text", { headers: { "transfer-encoding": "gzip, chunked" } }),
  namesConnection: () => new Response("text", { headers: { connection: "x-secret", "keep-alive": "max=1" } }),
  sameResponseTwice: () => SHARED,
  hugeHeader: () => new Response("text", { headers: { "x-huge": "x".repeat(1_000_000) } }),
  manyHeaders: () =>
    new Response("text", { headers: Array.from({ length: 500 }, (_, at) => [`x-${at}`, "y"]) }),
  informsWrongly: (_request, exchange) => exchange.inform(101),
  informsOften: (_request, exchange) => {
    for (let turn = 0; turn < 1000; turn++) exchange.inform(103, { link: "</a>; rel=preload" });
    return new Response("text");
  },
  informsLate: (_request, exchange) => {
    setTimeout(() => exchange.inform(103), 50);
    return new Response("text");
  },
  pushesWrongly: (_request, exchange) => exchange.push("no path"),
  pushesItself: (_request, exchange) => new Response(String(exchange.push(exchange.target))),
  trailersFail: (_request, exchange) => {
    exchange.setTrailers(fail);
    return new Response(bodyOf(stream([TEXT])));
  },
  trailersForbidden: (_request, exchange) => exchange.setTrailers({ "content-length": "1" }),
  upgradesWithoutBeingAsked: (_request, exchange) => exchange.upgrade(() => {}),
  limitsWrongly: (_request, exchange) => exchange.bodySizeLimit = -1,
  statusOfNoMeaning: () => new Response(null, { status: 599 }),
  throwsStatus: () => {
    throw new HttpError(418, "short and stout");
  },
  throwsChangedError: () => {
    throw Object.assign(new HttpError(404), { headers: { "a\r\nb": "c" }, status: 99 });
  },
  closesClient: (_request, { client }) => {
    Reflect.get(client, "close")?.call(client);
    return new Response("text");
  },
  readsBodyTwice: async (request) => {
    await request.text();
    return new Response(await request.text());
  },
  cancelsBody: async (request) => {
    await request.body?.cancel();
    return new Response("text");
  },
  returnsRequestBody: (request) => new Response(request.clone().body),
  answersLate: async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return new Response("late");
  },
  blocksBriefly: () => {
    for (const end = performance.now() + 3; performance.now() < end;) Math.sqrt(end);
    return new Response("text");
  },
  rejectsElsewhere: () => {
    void Promise.resolve().then(() => Promise.reject(new TypeError("nobody awaits this"))).catch(() => {});
    return new Response("text");
  },
  abortsItself: (request) => {
    request.signal.dispatchEvent(new Event("abort"));
    return new Response("text");
  },
};

const SHARED = new Response("shared");

/** The names of all misdeeds. */
export const MISDEED_NAMES: readonly string[] = Object.keys(MISDEEDS);

/** Does the misdeed of that name. */
export function misbehave(name: string, request: Request, exchange: Exchange): globalThis.Response {
  const misdeed = MISDEEDS[name];
  if (misdeed === undefined) throw new HttpError(404);
  return misdeed(request, exchange) as globalThis.Response; // what it returns is no response: the server finds out
}
