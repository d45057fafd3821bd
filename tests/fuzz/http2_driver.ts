/**
 * A whole server over HTTP/2: each request reaches its handler as it was sent, each answer reaches the stream that it is for, and the
 * same bytes in other pieces are the same requests, answers and errors.
 *
 * @module
 */

import { ErrorCode } from "../../drivers/http2/error_code.ts";
import { FrameType } from "../../drivers/http2/frame.ts";
import type { ServerOptions } from "../support/server.ts";
import { fromLatin1, latin1 } from "../support/bytes.ts";
import { type Delivery, withHarness } from "./harness.ts";
import type { Field } from "./hpack_reference.ts";
import { type Asked, tellingHandler } from "./http1_handler.ts";
import { areRight, encodeSteps, makeSteps, requestsOf, type Step } from "./http2_grammar.ts";
import { judgeReceived, type Received } from "./http2_received.ts";
import { cutsFor, mutate } from "./mutate.ts";
import type { Random } from "./random.ts";
import { shorterTexts, smallerLists, smallerMember, withoutRuns } from "./shrink.ts";
import { demand, type Outcome, same, type Target } from "./target.ts";

/** What one client sends: steps, or bytes that are no more than like those. */
interface DriverInput {
  readonly steps: readonly Step[];
  readonly bytes: string;
  readonly cuts: readonly number[];
  readonly options: Partial<ServerOptions>;
  /** Whether the client ends its side, and else is silent. */
  readonly ends: boolean;
  /** Whether all is as it should be, so that each request is answered. */
  readonly right: boolean;
}

interface Played {
  readonly asked: readonly Asked[];
  readonly received: Received;
}

function makeOptions(random: Random): Partial<ServerOptions> {
  if (random.chance(80)) return {};
  return random.pick<Partial<ServerOptions>>([
    { headerSizeLimit: random.between(60, 500) },
    { headerCountLimit: random.between(1, 6) },
    { concurrentStreamLimit: random.between(1, 3) },
    { bodySizeLimit: random.between(0, 300) },
    { softStreamCap: random.between(1, 2000) },
    { requestLimit: random.between(1, 4) },
    { targetSizeLimit: random.between(1, 10) },
    { trailerSizeLimit: random.between(1, 40) },
  ]);
}

/** Sends the bytes to a server of their own. */
async function play(input: DriverInput, bytes: Uint8Array, delivery: Delivery): Promise<Played> {
  const asked: Asked[] = [];
  const options = { ...input.options, allowedMethods: null };
  const received = await withHarness(
    (harness) => tellingHandler(harness, asked),
    options,
    async (harness) => {
      const peer = harness.connect(delivery);
      peer.send(bytes);
      await harness.quiesce();
      if (input.ends) peer.end();
      await harness.finish();
      return peer.received;
    },
  );
  return { asked: asked.toSorted(compareTexts), received: judgeReceived(bytes, received) };
}

function compareTexts(one: unknown, other: unknown): number {
  const [first, second] = [JSON.stringify(one), JSON.stringify(other)];
  return first < second ? -1 : Number(first > second);
}

/** Fuzzes HTTP/2 on a whole server. */
export const http2Driver: Target<DriverInput> = {
  name: "http2",
  depth: { accepted: [50, 97], labels: 16 },
  make(random) {
    const wrong = random.pick([0, 0, 1, 5]);
    const steps = makeSteps(random, wrong);
    const options = makeOptions(random);
    const whole = fromLatin1(encodeSteps(steps));
    const mutated = random.chance(25);
    const bytes = mutated
      ? whole.slice(0, 24) + mutate(random, whole.slice(24), ["\0", "\0\0\0", "\xff", "\x82", "\x84"])
      : "";
    const right = !mutated && wrong === 0 && Object.keys(options).length === 0;
    return {
      steps: mutated ? [] : steps,
      bytes,
      cuts: cutsFor(random, whole.length),
      options,
      ends: random.chance(80),
      right,
    };
  },
  async run(input): Promise<Outcome> {
    const bytes = input.bytes === "" ? encodeSteps(input.steps) : latin1(input.bytes);
    const whole = await play(input, bytes, {});
    if (input.right && areRight(input.steps)) compareWithSteps(input, whole);
    compare("the whole, and the pieces", input, whole, await play(input, bytes, { cuts: input.cuts }));
    const paced = { cuts: input.cuts.slice(0, 40), paced: true };
    compare("the whole, and pieces that come slowly", input, whole, await play(input, bytes, paced));
    return outcomeOf(whole);
  },
  *shrink(input) {
    yield* smallerMember(input, "steps", (steps) => smallerLists(steps, smallerStep));
    yield* smallerMember(input, "bytes", (bytes) => keepPreface(bytes));
    yield* smallerMember(input, "cuts", withoutRuns);
    if (Object.keys(input.options).length > 0) yield { ...input, options: {} };
  },
};

function* keepPreface(bytes: string): Generator<string> {
  if (bytes === "") return;
  for (const shorter of shorterTexts(bytes.slice(24))) yield bytes.slice(0, 24) + shorter;
}

function* smallerStep(step: Step): Generator<Step> {
  if (step.type === "head") {
    yield* smallerMember(step, "fields", withoutRuns);
    yield* smallerMember(step, "cuts", withoutRuns);
    if (step.padding > 0) yield { ...step, padding: 0 };
  }
  if (step.type === "data") yield* smallerMember(step, "data", shorterTexts);
}

/** Fails unless the handler has met each request as it was sent, and each was answered. */
function compareWithSteps(input: DriverInput, { asked, received }: Played): void {
  const whole = requestsOf(input.steps).filter(({ complete, reset }) => complete && !reset);
  const met = asked.map(({ method, target, fields, body, trailers }) =>
    JSON.stringify([method, target, fields, body, trailers])
  );
  for (const { id, method, path, fields, body, trailers } of whole) {
    const sent = JSON.stringify([method, path, joinCookies(fields), body, trailers]);
    demand(
      met.includes(sent),
      `stream ${id} has not reached its handler as it was sent: ${sent}\n    ${met.join("\n    ")}`,
    );
    const answer = received.streams.get(id);
    demand(answer?.complete, `stream ${id} was not answered in full: ${JSON.stringify(answer)}`);
  }
  const isAcknowledged = input.steps.some((step) => step.type === "raw" && step.frame === FrameType.SETTINGS);
  demand(!isAcknowledged || received.goaways.every((code) => code === 0), `GOAWAY ${received.goaways}`);
}

/** Crumbs of cookies are joined where the first was (RFC 9113 §8.2.3). */
function joinCookies(fields: readonly Field[]): Field[] {
  const crumbs = fields.filter(([name]) => name === "cookie").map(([, value]) => value);
  const first = fields.findIndex(([name]) => name === "cookie");
  return fields.flatMap((field, index) =>
    field[0] !== "cookie" ? [field] : index === first ? [["cookie", crumbs.join("; ")] as const] : []
  );
}

/**
 * Fails unless both are the same, but for what depends on whether an answer was there before its stream was reset, or before a
 * frame that may not be on it: that is a fault of the stream while it is half-closed, and of the connection once it is closed.
 */
function compare(what: string, input: DriverInput, one: Played, other: Played): void {
  const [first, second] = [fatal(one.received), fatal(other.received)];
  const depends = [first, second].includes(ErrorCode.STREAM_CLOSED) || !isSteady(input.options);
  if (!depends && !isDrained(one.received) && !isDrained(other.received)) {
    same(`${what}: the code of the connection's error`, first, second);
  }
  const uncertain = new Set(requestsOf(input.steps).filter(({ reset }) => reset).map(({ id }) => id));
  const goaways = one.received.goaways.length + other.received.goaways.length;
  const isWhole = goaways === 0 && areRight(input.steps) && input.ends && uncertain.size === 0 &&
    isSteady(input.options);
  if (isWhole) same(`${what}: the requests`, one.asked, other.asked);
  const ids = new Set([...one.received.streams.keys(), ...other.received.streams.keys()]);
  for (const id of ids) {
    const [answer, again] = [one.received.streams.get(id), other.received.streams.get(id)];
    const both = answer?.complete && again?.complete;
    if (isWhole || (both && !uncertain.has(id) && isSteady(input.options))) {
      same(`${what}: stream ${id}`, answer, again);
    }
  }
}

/** Whether what is refused does not depend on which handlers have ended. */
function isSteady({ concurrentStreamLimit, requestLimit }: Partial<ServerOptions>): boolean {
  return concurrentStreamLimit === undefined && (requestLimit ?? null) === null;
}

/** Whether the connection was over before anything could be wrong: nothing behind its end is looked at. */
function isDrained({ goaways }: Received): boolean {
  return goaways.length > 0 && goaways.every((code) => code === 0);
}

function fatal({ goaways }: Received): number {
  return goaways.find((code) => code !== 0) ?? 0;
}

function outcomeOf({ asked, received }: Played): Outcome {
  const labels = new Set<string>();
  let refused = 0;
  for (const { status, resets } of received.streams.values()) {
    if (status > 0) labels.add(`${status}`);
    for (const code of resets) labels.add(`RST_STREAM ${code}`);
    refused += resets.length + (status === 431 || status === 414 || status === 413 ? 1 : 0);
  }
  const code = fatal(received);
  if (code > 0) labels.add(`GOAWAY ${code}`);
  return { accepted: asked.length, refused: refused + (code > 0 ? 1 : 0), labels: [...labels] };
}
