/**
 * A whole server over HTTP/1: the same bytes in other pieces are the same requests and the same answers.
 *
 * @module
 */

import { fromLatin1, latin1 } from "../support/bytes.ts";
import { type Delivery, withHarness } from "./harness.ts";
import { dispatched, type Http1Input, isLimit, makeLimits, parseHttp1, shrinkHttp1 } from "./http1_codec.ts";
import { makeConnection } from "./http1_grammar.ts";
import { type Asked, tellingHandler } from "./http1_handler.ts";
import { cutsFor, singleBytes } from "./mutate.ts";
import { type Outcome, same, type Target } from "./target.ts";

/** The bytes of one connection, and how it ends. */
export interface Http1DriverInput extends Http1Input {
  /** Whether the client ends its side, and else is silent. */
  readonly ends: boolean;
}

/** What became of the bytes of one connection. */
export interface Played {
  readonly asked: readonly Asked[];
  /** The answers, but for the last one where a fault of the peer has ended the connection. */
  readonly answers: string;
  /** The status that answers the fault, or 0. */
  readonly fault: number;
}

/** Sends the bytes to a server of their own. */
export async function play(input: Http1DriverInput, delivery: Delivery): Promise<Played> {
  const asked: Asked[] = [];
  const options = { ...input.limits, allowedMethods: null };
  const answers = await withHarness((harness) => tellingHandler(harness, asked), options, async (harness) => {
    const peer = harness.connect(delivery);
    peer.send(latin1(input.bytes));
    await harness.quiesce();
    if (input.ends) peer.end();
    await harness.finish();
    return fromLatin1(peer.received);
  });
  return { asked, ...splitAnswers(answers) };
}

// The page of a fault names the section that says so.
const FAULT =
  /HTTP\/1\.[01] ([0-9]{3}) [^\r]*\r\n(?:[!-~]+: [^\r]*\r\n)*\r\n(?:[^\n]*\(RFC [0-9]+ [^)]*\)\n)?$/;

/** What is the same however the bytes come: `100 (Continue)` is not sent where the body was there at once. */
function splitAnswers(received: string): Pick<Played, "answers" | "fault"> {
  const answers = received.replaceAll(/\r\ndate: [^\r]*/g, "").replaceAll(
    "HTTP/1.1 100 Continue\r\n\r\n",
    "",
  );
  const match = FAULT.exec(answers);
  const status = Number(match?.[1] ?? 0);
  if (match === null || status < 400) return { answers, fault: 0 };
  return { answers: answers.slice(0, match.index), fault: status };
}

/** Fails unless both are the same. */
function compare(what: string, one: Played, other: Played): void {
  same(`${what}: the requests`, one.asked, other.asked);
  same(`${what}: the answers`, one.answers, other.answers);
  same(`${what}: whether there is a fault`, one.fault > 0, other.fault > 0);
  if (isLimit(one.fault) || isLimit(other.fault)) return;
  same(`${what}: the statuses of the fault`, one.fault, other.fault);
}

/** Fuzzes HTTP/1 on a whole server. */
export const http1Driver: Target<Http1DriverInput> = {
  name: "http1",
  depth: { accepted: [50, 95], labels: 15 },
  make(random) {
    const bytes = makeConnection(random, 30);
    return {
      bytes,
      cuts: cutsFor(random, bytes.length),
      limits: makeLimits(random),
      ends: random.chance(70),
    };
  },
  async run(input): Promise<Outcome> {
    const whole = await play(input, {});
    if (isAnsweredUnread(input)) return outcomeOf(whole);
    compare("the whole, and the pieces", whole, await play(input, { cuts: input.cuts }));
    const paced = { cuts: input.cuts.slice(0, 40), paced: true };
    compare("the whole, and pieces that come slowly", whole, await play(input, paced));
    if (input.bytes.length < 300) {
      const single = { cuts: singleBytes(input.bytes.length) };
      compare("the whole, and single bytes", whole, await play(input, single));
    }
    compareWithCodec(input, whole);
    return outcomeOf(whole);
  },
  *shrink(input) {
    yield* shrinkHttp1(input);
    if (!input.ends) yield { ...input, ends: true };
  },
};

/** Whether the last request has a faulty body that nobody reads: the fault is found before the answer, or behind it. */
function isAnsweredUnread(input: Http1DriverInput): boolean {
  const { messages, status } = parseHttp1(input);
  const last = messages.at(-1);
  return status > 0 && last !== undefined && !reachesHandler(last);
}

/**
 * Fails unless the handler has met what the codec alone finds. Behind a request of HTTP/1.0 the connection goes on or not, as the
 * response has a length or not.
 */
function compareWithCodec(input: Http1DriverInput, { asked }: Played): void {
  if (input.bytes.startsWith("PRI * HTTP/2.0")) return; // the driver of HTTP/2 has taken over
  const messages = dispatched(parseHttp1(input)).filter(reachesHandler);
  const old = messages.findIndex(({ minor }) => minor === 0);
  const count = old < 0 ? Infinity : old + 1;
  const expected = messages.map(({ method, target, fields, body, trailers }) => {
    return {
      method,
      target,
      fields,
      body,
      trailers: [...new Headers(trailers?.map(([name, value]) => [name, value]))],
    };
  });
  const met = asked.map(({ method, target, fields, body, trailers }) => ({
    method,
    target,
    fields,
    body,
    trailers,
  }));
  same("what the codec finds, and what the handler meets", expected.slice(0, count), met.slice(0, count));
}

/** Whether the server does not answer a request itself: `OPTIONS *`, and methods that have to be allowed by name. */
function reachesHandler({ method, target }: { readonly method: string; readonly target: string }): boolean {
  return method !== "CONNECT" && method !== "TRACE" && (method !== "OPTIONS" || target !== "*");
}

function outcomeOf({ asked, answers, fault }: Played): Outcome {
  const statuses = [...answers.matchAll(/^HTTP\/1\.[01] ([0-9]{3})/gm)].map(([, status]) => status!);
  if (fault > 0) statuses.push(String(fault));
  return { accepted: asked.length, refused: fault > 0 ? 1 : 0, labels: [...new Set(statuses)] };
}
