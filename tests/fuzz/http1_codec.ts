/**
 * The codec of HTTP/1 alone: heads, plans, bodies and trailers, one message after another.
 *
 * The same bytes in other pieces are the same messages; and a parser that keeps the last head finds what one without memory finds.
 *
 * @module
 */

import { type BodyDecoder, ChunkedDecoder, LengthDecoder } from "../../drivers/http1/body.ts";
import { HeadParser, type RequestHead } from "../../drivers/http1/head.ts";
import { RequestPlanner } from "../../drivers/http1/request_plan.ts";
import { InputBuffer } from "../../drivers/input_buffer.ts";
import { HttpError } from "../../errors.ts";
import { defaultOptions, type Options } from "../../options.ts";
import { fromLatin1, latin1 } from "../support/bytes.ts";
import { makeConnection } from "./http1_grammar.ts";
import { cutsFor, piecesOf, singleBytes } from "./mutate.ts";
import type { Random } from "./random.ts";
import { shorterTexts, smallerMember, withoutRuns } from "./shrink.ts";
import { demand, type Outcome, same, type Target } from "./target.ts";

/** The limits of a codec that an input may lower. */
export type LowLimits = Partial<
  Pick<
    Options,
    | "headerSizeLimit"
    | "headerCountLimit"
    | "targetSizeLimit"
    | "trailerSizeLimit"
    | "chunkLineSizeLimit"
    | "chunkOverheadLimit"
    | "streamThreshold"
  >
>;

/** The bytes of one connection, how they are cut, and the limits. */
export interface Http1Input {
  readonly bytes: string;
  readonly cuts: readonly number[];
  readonly limits: LowLimits;
}

/** Limits that a message may reach. */
export function makeLimits(random: Random): LowLimits {
  if (random.chance(70)) return {};
  return random.pick<LowLimits>([
    { headerSizeLimit: random.between(30, 400) },
    { headerCountLimit: random.between(1, 6) },
    { targetSizeLimit: random.between(1, 40) },
    { trailerSizeLimit: random.between(1, 60) },
    { chunkLineSizeLimit: random.between(3, 20) },
    { chunkOverheadLimit: random.between(1, 60) },
    { streamThreshold: random.between(1, 100) },
  ]);
}

/** Smaller bytes, then fewer cuts, then no limits. */
export function* shrinkHttp1<T extends Http1Input>(input: T): Generator<T> {
  yield* smallerMember(input, "bytes", shorterTexts);
  yield* smallerMember(input, "cuts", withoutRuns);
  if (Object.keys(input.limits).length > 0) yield { ...input, limits: {} };
}

/** One message as the codec reads it. */
export interface ParsedMessage {
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  readonly fields: readonly (readonly [string, string])[];
  readonly url: string;
  readonly persists: boolean;
  readonly expects: boolean;
  body: string;
  trailers: readonly (readonly [string, string])[] | null;
}

/** The messages of one connection as the codec reads them. */
export interface Parsed {
  readonly messages: readonly ParsedMessage[];
  /** The status of the error that ended it; 0 without one. */
  readonly status: number;
  /** Whether the last message is complete. */
  readonly complete: boolean;
}

/** What a borrowed piece is filled with once it may not be read any more. */
const SPOILT = 0x58;

/** Parses the messages of one connection, as the driver does. */
class Connection {
  readonly messages: ParsedMessage[] = [];
  readonly #options: Options;
  readonly #keeps: boolean;
  readonly #input = new InputBuffer();
  #heads: HeadParser;
  #planner: RequestPlanner;
  #decoder: BodyDecoder | null = null;

  constructor(limits: LowLimits, keeps: boolean) {
    this.#options = { ...defaultOptions, ...limits };
    this.#keeps = keeps;
    this.#heads = new HeadParser(this.#options);
    this.#planner = new RequestPlanner("http", () => "here");
  }

  parse(pieces: readonly Uint8Array[]): Parsed {
    let status = 0;
    try {
      for (const piece of pieces) this.#push(piece);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      status = error.status;
    }
    return { messages: this.messages, status, complete: this.#decoder === null };
  }

  #push(piece: Uint8Array): void {
    const borrowed = piece.slice();
    this.#input.push(borrowed);
    while (this.#decoder === null ? this.#takeHead() : this.#takeBody(this.#decoder));
    this.#input.retain();
    borrowed.fill(SPOILT);
  }

  #takeHead(): boolean {
    if (this.#input.length === 0) return false;
    const head = this.#heads.parse(this.#input);
    if (head === undefined) return false;
    this.messages.push(this.#open(head));
    if (!this.#keeps) {
      this.#heads = new HeadParser(this.#options);
      this.#planner = new RequestPlanner("http", () => "here");
    }
    return true;
  }

  #open(head: RequestHead): ParsedMessage {
    const plan = this.#planner.plan(head);
    const { framing } = plan;
    if (framing.kind === "chunked") this.#decoder = new ChunkedDecoder(this.#options);
    else if (framing.kind === "length") this.#decoder = new LengthDecoder(framing.length);
    const { method, target, minor, fields } = head;
    const { url, persists, expectsContinue: expects } = plan;
    return {
      method,
      target,
      minor,
      fields: fields.toPairs(),
      url,
      persists,
      expects,
      body: "",
      trailers: null,
    };
  }

  #takeBody(decoder: BodyDecoder): boolean {
    const message = this.messages.at(-1)!;
    const piece = decoder.next(this.#input);
    if (piece === undefined) return false;
    if (piece !== null) message.body += fromLatin1(piece);
    else {
      message.trailers = decoder.trailers?.toPairs() ?? null;
      this.#decoder = null;
    }
    return true;
  }
}

/** Parses the bytes in pieces; with or without the memory of the last head. */
export function parseHttp1(
  { bytes, limits }: Http1Input,
  cuts: readonly number[] = [],
  keeps = true,
): Parsed {
  return new Connection(limits, keeps).parse(piecesOf(latin1(bytes), cuts));
}

/** The messages that a driver dispatches: those that are complete, up to the one that ends the connection. */
export function dispatched({ messages, complete }: Parsed): readonly ParsedMessage[] {
  const whole = complete ? messages : messages.slice(0, -1);
  const last = whole.findIndex(({ persists }) => !persists);
  return last < 0 ? whole : whole.slice(0, last + 1);
}

/** What is the same however the bytes are cut: of a body that has no end, pieces may be held back. */
function comparable({ messages, status, complete }: Parsed): unknown {
  const whole = complete && status === 0 ? messages : messages.slice(0, -1);
  return { whole, refused: status > 0, last: messages.at(-1)?.target };
}

/** Whether a status says that something is too large, which is found early or late by how much of it has come. */
export function isLimit(status: number): boolean {
  return [414, 431, 501].includes(status);
}

/** Fails unless both are the same. Of a message that is malformed and too large, either may be said. */
function compare(what: string, one: Parsed, other: Parsed): void {
  same(what, comparable(one), comparable(other));
  if (isLimit(one.status) || isLimit(other.status)) return;
  same(`${what}: the statuses`, one.status, other.status);
}

/** Fuzzes the codec of HTTP/1. */
export const http1Codec: Target<Http1Input> = {
  name: "http1-codec",
  depth: { accepted: [50, 95], labels: 12 },
  make(random) {
    const bytes = makeConnection(random, 40);
    return { bytes, cuts: cutsFor(random, bytes.length), limits: makeLimits(random) };
  },
  run(input): Outcome {
    const whole = parseHttp1(input, []);
    compare("the messages of the whole, and of one without memory", whole, parseHttp1(input, [], false));
    compare("the messages of the whole, and of the pieces", whole, parseHttp1(input, input.cuts));
    if (input.bytes.length < 500) {
      compare(
        "the messages of the whole, and of single bytes",
        whole,
        parseHttp1(input, singleBytes(input.bytes.length)),
      );
    }
    checkMessages(whole);
    return outcomeOf(whole);
  },
  shrink: shrinkHttp1,
};

/** What holds for every message that was accepted. */
function checkMessages({ messages }: Parsed): void {
  for (const { method, target, fields, url } of messages) {
    demand(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/.test(method), `the method ${JSON.stringify(method)}`);
    demand(/^[!-~]+$/.test(target), `the target ${JSON.stringify(target)}`);
    demand(URL.canParse(url), `the URL ${JSON.stringify(url)}`);
    demand(new URL(url).href === url, `the URL ${JSON.stringify(url)} is not in its normal form`);
    for (const [name, value] of fields) {
      demand(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name), `the field name ${JSON.stringify(name)}`);
      demand(!/^[ \t]|[ \t]$|[^\t -~\x80-\xff]/.test(value), `the value ${JSON.stringify(value)}`);
    }
  }
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

function outcomeOf({ messages, status, complete }: Parsed): Outcome {
  const labels = messages.map(({ method }) => METHODS.includes(method) ? method : "other method");
  if (status > 0) labels.push(String(status));
  if (!complete) labels.push("incomplete");
  if (messages.some(({ trailers }) => trailers !== null && trailers.length > 0)) labels.push("trailers");
  return { accepted: messages.length, refused: status > 0 ? 1 : 0, labels };
}
