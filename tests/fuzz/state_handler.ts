/**
 * The handler of the target `state`: it looks whether a request is the one that was sent, and answers with what is that request's own.
 *
 * @module
 */

import { type Exchange, type Handler, HttpError, Response } from "../../mod.ts";
import { upgradeWebSocket } from "../../websocket/mod.ts";
import { fromLatin1 } from "../support/bytes.ts";
import { type Harness, OnPurpose } from "./harness.ts";
import { same } from "./target.ts";
import { quickTurns } from "./turns.ts";

/** The ways in which a request is answered. */
export const KINDS = [
  "echo",
  "pipe",
  "web",
  "static",
  "same head",
  "large",
  "early",
  "throw",
  "crash",
  "push",
  "inform",
  "bytes",
  "json",
  "empty",
  "slow stream",
  "trailers",
] as const;

/** One of the ways. */
export type Kind = typeof KINDS[number];

/** A request with what is its own: tokens in its target, its fields and its body. */
export interface TokenRequest {
  /** What its handler knows it by. */
  readonly id: string;
  readonly kind: Kind;
  readonly method: "GET" | "POST";
  readonly target: string;
  readonly field: string;
  readonly body: string;
  /** How often the body's token stands in each piece of the body. */
  readonly pieces: readonly number[];
  readonly trailers: boolean;
  /** Turns of the event loop before the answer. */
  readonly delay: number;
}

/** What the peer must get. */
export interface Expected {
  readonly status: number;
  readonly body: string;
  /** The value of `x-token`, where there is one. */
  readonly token: string | null;
}

/** All of a request's body. */
export function bodyOf({ body, pieces }: TokenRequest): string {
  return pieces.map((count) => body.repeat(count)).join("");
}

function echoed(request: TokenRequest): string {
  const { kind, target, field, trailers } = request;
  return JSON.stringify({ kind, target, field, body: bodyOf(request), trailer: trailers ? field : null });
}

/** What must be answered to a request that has reached its handler in full. */
export function expectedOf(request: TokenRequest): Expected {
  const { kind, target, field } = request;
  switch (kind) {
    case "pipe":
      return { status: 200, body: bodyOf(request), token: field };
    case "static":
      return { status: 200, body: "static", token: null };
    case "same head":
      return { status: 200, body: target, token: "same" };
    case "large":
      return { status: 200, body: `${field}.`.repeat(3000), token: field };
    case "early":
      return { status: 200, body: target, token: null };
    case "throw":
      return { status: 422, body: `${field}\n`, token: null };
    case "crash":
      return { status: 500, body: "Internal Server Error\n", token: null };
    case "inform":
      return { status: 200, body: field, token: field };
    case "empty":
      return { status: 204, body: "", token: field };
    case "slow stream":
      return { status: 200, body: `${field}${target}${field}`, token: field };
    case "trailers":
      return { status: 200, body: target, token: field };
    default:
      return { status: 200, body: echoed(request), token: field };
  }
}

const STATIC = new Response("static");

/** Answers the requests of a case. */
export class TokenHandler {
  /** What is wrong with requests that came. */
  readonly findings: unknown[] = [];
  readonly #requests: ReadonlyMap<string, TokenRequest>;
  readonly #harness: Harness;

  /** @param harness whose case it is; @param requests all of them, by their ids */
  constructor(harness: Harness, requests: ReadonlyMap<string, TokenRequest>) {
    this.#harness = harness;
    this.#requests = requests;
  }

  /** The handler. */
  readonly handle: Handler = async (request, exchange) => {
    const { target } = exchange;
    this.#harness.watch(exchange, target);
    if (target === "/socket") return this.#openSocket(request);
    if (target.startsWith("/pushed/")) {
      return new Response(target, { headers: { "x-token": target.slice(8) } });
    }
    const expected = this.#requests.get(request.headers.get("x-id") ?? "");
    if (expected === undefined) {
      this.findings.push(new Error(`a request that nobody has sent: ${target}`));
      return new Response();
    }
    if (expected.kind === "push") exchange.push(`/pushed/${expected.target}`);
    if (!["early", "pipe"].includes(expected.kind)) await this.#check(request, exchange, expected);
    await quickTurns(expected.delay);
    this.#harness.move();
    return this.#answer(request, exchange, expected);
  };

  async #check(request: Request, exchange: Exchange, expected: TokenRequest): Promise<void> {
    const body = await this.#harness.ledger.track(`the body of ${exchange.target}`, request.arrayBuffer());
    const found = {
      method: request.method,
      target: exchange.target,
      field: request.headers.get("x-field"),
      cookie: request.headers.get("cookie"),
      body: fromLatin1(new Uint8Array(body)),
      trailers: [...await exchange.trailers],
    };
    const { method, field, trailers } = expected;
    const sent = {
      method,
      target: `/${expected.target}`,
      field,
      cookie: `a=${field}`,
      body: bodyOf(expected),
      trailers: trailers ? [["x-trailer", field]] : [],
    };
    try {
      same("a request as it was sent, and as it came", sent, found);
    } catch (finding) {
      this.findings.push(finding);
    }
  }

  #answer(request: Request, exchange: Exchange, expected: TokenRequest): globalThis.Response {
    const { kind, field, target } = expected;
    const headers = { "x-token": field };
    const { status, body } = expectedOf(expected);
    switch (kind) {
      case "pipe":
        return new Response(request.body, { headers });
      case "web":
        return new globalThis.Response(body, { headers });
      case "static":
        return STATIC;
      case "same head":
        return new Response(body, { headers: { "x-token": "same" } });
      case "early":
        return new Response(body);
      case "throw":
        throw new HttpError(422, field);
      case "crash":
        throw new OnPurpose("thrown on purpose");
      case "inform":
        exchange.inform(103, { "x-token": field });
        return new Response(body, { headers });
      case "bytes":
        return new Response(new TextEncoder().encode(body), { headers });
      case "json":
        return Response.json(JSON.parse(body), { headers });
      case "empty":
        return new Response(null, { status, headers });
      case "slow stream":
        return new Response(slowly([field, target, field]), { headers });
      case "trailers":
        exchange.setTrailers({ "x-token": field });
        return new Response(body, { headers });
      default:
        return new Response(body, { headers });
    }
  }

  #openSocket(request: Request): globalThis.Response {
    const { socket, response } = upgradeWebSocket(request);
    const closed = Promise.withResolvers<void>();
    this.#harness.ledger.track("the end of a socket", closed.promise);
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onclose = () => closed.resolve();
    return response;
  }
}

function slowly(texts: readonly string[]): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    async pull(controller) {
      await quickTurns(1);
      const text = texts[next++];
      if (text === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(text));
    },
  });
}
