/**
 * A handler that tells in its response what it was asked, in one of many ways: which one follows from what it was asked.
 *
 * @module
 */

import { type Exchange, type Handler, HttpError, Response } from "../../mod.ts";
import { fromLatin1 } from "../support/bytes.ts";
import { type Harness, OnPurpose } from "./harness.ts";
import { hash } from "./random.ts";

/** One request as its handler saw it. */
export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly url: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
}

const STATIC = new Response("always the same", { headers: { "x-static": "1" } });

type Answer = (asked: Asked, text: string, exchange: Exchange) => globalThis.Response;

function stream(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const middle = bytes.length >> 1;
  return ReadableStream.from([bytes.subarray(0, middle), bytes.subarray(middle)]);
}

const ANSWERS: readonly Answer[] = [
  (_, text) => new Response(text),
  (asked, text) => new Response(text, { headers: { "x-target": asked.target } }),
  (_, text) => new globalThis.Response(text, { status: 201, headers: [["x-b", "1"], ["X-C", "2"]] }),
  (_, text) => new Response(new TextEncoder().encode(text)),
  (_, text) => new Response(stream(text)),
  (_, text) =>
    new globalThis.Response(stream(text), {
      headers: { "content-length": `${new TextEncoder().encode(text).length}` },
    }),
  () => STATIC,
  () => STATIC,
  (asked) => Response.json(asked, { headers: { "x-length": `${asked.body.length}` } }),
  () => new Response(null, { status: 204 }),
  () => new Response(null, { status: 304, headers: { etag: '"1"' } }),
  (_, text, exchange) => {
    exchange.setTrailers({ "x-hash": `${hash(text)}` });
    return new Response(text);
  },
  (_, text, exchange) => {
    exchange.inform(103, { link: "</a>; rel=preload" });
    return new Response(text);
  },
  (_, text) => {
    throw new HttpError(418, text.slice(0, 40).replace(/[^ -~]/g, "?"));
  },
  () => {
    throw new OnPurpose("thrown on purpose");
  },
];

/** Makes the handler; it remembers in `log` what it was asked. */
export function tellingHandler(harness: Harness, log: Asked[]): Handler {
  return async (request, exchange) => {
    harness.watch(exchange, exchange.target);
    const body = harness.ledger.track(`the body of ${exchange.target}`, request.arrayBuffer());
    const asked: Asked = {
      method: request.method,
      target: exchange.target,
      url: request.url,
      fields: exchange.rawHeaders,
      body: fromLatin1(new Uint8Array(await body)),
      trailers: [...await exchange.trailers],
    };
    harness.move();
    log.push(asked);
    const text = JSON.stringify(asked);
    if (request.method === "CONNECT") return new Response("no tunnel", { status: 404 });
    return ANSWERS[hash(text) % ANSWERS.length]!(asked, text, exchange);
  };
}
