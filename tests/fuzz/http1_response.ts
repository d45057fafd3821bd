/**
 * Responses of random handlers over HTTP/1, read by a strict parser and by this project's own decoder of chunks: each is what its
 * handler gave, or an error was logged that says why not. Several connections share what encodes their heads.
 *
 * @module
 */

import { ChunkedDecoder } from "../../drivers/http1/body.ts";
import { InputBuffer } from "../../drivers/input_buffer.ts";
import { type Handler, Response } from "../../mod.ts";
import { defaultOptions } from "../../options.ts";
import { fromLatin1, latin1 } from "../support/bytes.ts";
import { type RawResponse, ResponseReader } from "../support/response_parser.ts";
import { type Harness, OnPurpose, type Peer, withHarness } from "./harness.ts";
import type { Random } from "./random.ts";
import { shorterTexts, smallerLists, smallerMember, withoutRuns } from "./shrink.ts";
import { demand, type Outcome, same, type Target } from "./target.ts";

/** How a response is made. */
interface Made {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly kind:
    | "null"
    | "text"
    | "bytes"
    | "stream"
    | "web text"
    | "web stream"
    | "same as before"
    | "thrown";
  readonly body: string;
  /** The sizes of the pieces of a stream. */
  readonly cuts: readonly number[];
  readonly trailers: readonly (readonly [string, string])[];
  readonly interim: boolean;
}

/** A request, and the response to it. */
interface Step {
  readonly connection: number;
  readonly method: string;
  readonly version: "HTTP/1.0" | "HTTP/1.1";
  readonly made: Made;
}

const NAMES = [
  "x-a",
  "X-B",
  "etag",
  "set-cookie",
  "location",
  "content-type",
  "cache-control",
  "vary",
  "link",
];
const OWN_NAMES = [
  "connection",
  "content-length",
  "transfer-encoding",
  "keep-alive",
  "date",
  "upgrade",
  "trailer",
  "server",
];
const VALUE_CHARS = "abc xyz\t,;=\"'()<>@:\\/[]{}?0123456789-_.%~\x80\xa0\xff";

function makeFields(random: Random, body: string): (readonly [string, string])[] {
  const fields = random.times(random.size(5), () => {
    const name = random.pick(NAMES);
    const value = random.chance(1) ? random.binary(3) : random.text(random.size(20), VALUE_CHARS);
    return [name, value] as const;
  });
  if (random.chance(15)) {
    const value = random.pick([
      "close",
      "keep-alive",
      "chunked",
      `${body.length}`,
      `${body.length + 1}`,
      "x",
      "",
    ]);
    fields.push([random.pick(OWN_NAMES), value]);
  }
  if (random.chance(10)) fields.push(["content-length", `${body.length}`]);
  return fields;
}

function makeResponse(random: Random): Made {
  const body = random.chance(5)
    ? random.binary(random.size(70_000))
    : random.text(random.size(300), "abcdef\r\n0");
  const status = random.weigh([
    [8, () => 200],
    [2, () => random.pick([201, 204, 205, 206, 301, 304, 400, 404, 426, 500, 503, 599])],
    [1, () => random.between(200, 599)],
  ]);
  const trailers = random.chance(15) ? [["x-sum", random.text(random.size(9), "abc ")] as const] : [];
  return {
    status,
    reason: random.chance(10) ? random.text(random.size(9), "OK fine\t\xff") : "",
    fields: makeFields(random, body),
    kind: random.pick([
      "null",
      "text",
      "text",
      "bytes",
      "stream",
      "web text",
      "web stream",
      "same as before",
      "thrown",
    ]),
    body,
    cuts: random.times(random.size(6), () => random.below(40)),
    trailers,
    interim: random.chance(10),
  };
}

/** The body of a response, and how it is made; `null` where the status allows none. */
function bodyOf({ kind, body, cuts }: Made): BodyInit | null {
  switch (kind) {
    case "null":
    case "thrown":
      return null;
    case "text":
    case "web text":
    case "same as before":
      return body;
    case "bytes":
      return latin1(body);
    default:
      return streamOf(latin1(body), cuts);
  }
}

function streamOf(
  bytes: Uint8Array<ArrayBuffer>,
  cuts: readonly number[],
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const size = cuts[next++] ?? bytes.length;
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
    },
  });
}

/** The bytes of the body that the peer must get. */
function contentOf({ kind, body }: Made): string {
  if (kind === "null" || kind === "thrown") return "";
  return kind === "bytes" || kind.endsWith("stream") ? body : fromLatin1(new TextEncoder().encode(body));
}

/** Answers the requests of a case by their numbers, and remembers which responses could not even be made. */
class Answers {
  readonly unmade = new Set<number>();
  readonly #steps: readonly Step[];
  #before: globalThis.Response = new Response("before");

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  handler(harness: Harness): Handler {
    return (_request, exchange) => {
      harness.watch(exchange, exchange.target);
      const index = Number(exchange.target.slice(1));
      const { made } = this.#steps[index]!;
      try {
        if (made.interim) exchange.inform(103, { link: "</a>; rel=preload" });
        if (made.trailers.length > 0) exchange.setTrailers(Object.fromEntries(made.trailers));
        return this.#make(made);
      } catch (cause) {
        this.unmade.add(index);
        throw new OnPurpose("the response cannot be made", { cause });
      }
    };
  }

  #make(made: Made): globalThis.Response {
    if (made.kind === "thrown") throw new OnPurpose("thrown on purpose");
    if (made.kind === "same as before" && !this.#before.bodyUsed) return this.#before;
    const Class = made.kind.startsWith("web") ? globalThis.Response : Response;
    const headers: HeadersInit = made.kind === "bytes"
      ? made.fields.map(([name, value]) => [name, value])
      : Object.fromEntries(made.fields);
    const response = new Class(bodyOf(made), { status: made.status, statusText: made.reason, headers });
    if (made.kind === "text" || made.kind === "same as before") this.#before = response;
    return response;
  }
}

async function* readAll(bytes: Uint8Array, steps: readonly Step[]): AsyncGenerator<RawResponse> {
  let given = false;
  const reader = new ResponseReader(() => {
    const part = given ? null : bytes;
    given = true;
    return Promise.resolve(part);
  });
  for (const { method, version } of steps) {
    const response = await reader.readResponse({ method, version });
    if (response === null) return;
    yield response;
  }
}

/** Fuzzes responses over HTTP/1. */
export const http1Response: Target<readonly Step[]> = {
  name: "http1-response",
  depth: { accepted: [60, 98], labels: 14 },
  make(random) {
    const repeated = makeResponse(random);
    return random.times(random.between(1, 8), () => ({
      connection: random.below(2),
      method: random.pick(["GET", "GET", "GET", "HEAD", "POST"]),
      version: random.chance(90) ? "HTTP/1.1" : "HTTP/1.0",
      made: random.chance(30) ? repeated : makeResponse(random),
    }));
  },
  async run(steps): Promise<Outcome> {
    const answers = new Answers(steps);
    const faults: unknown[] = [];
    const options = { log: (error: unknown) => void faults.push(error) };
    const received = await withHarness((harness) => answers.handler(harness), options, async (harness) => {
      const peers: Peer[] = [harness.connect(), harness.connect()];
      for (const [index, { connection, method, version }] of steps.entries()) {
        peers[connection]!.send(
          latin1(`${method} /${index} ${version}\r\nhost: a\r\nconnection: keep-alive\r\n\r\n`),
        );
        await harness.quiesce();
      }
      for (const peer of peers) peer.end();
      await harness.finish();
      return peers.map((peer) => peer.received);
    });
    return await judge(steps, received, answers.unmade, faults.length);
  },
  *shrink(steps) {
    yield* smallerLists(steps, function* (step) {
      for (const made of shrinkMade(step.made)) yield { ...step, made };
    });
  },
};

function* shrinkMade(made: Made): Generator<Made> {
  yield* smallerMember(made, "fields", withoutRuns);
  yield* smallerMember(made, "trailers", withoutRuns);
  yield* smallerMember(made, "cuts", withoutRuns);
  yield* smallerMember(made, "body", shorterTexts);
  if (made.reason !== "") yield { ...made, reason: "" };
  if (made.interim) yield { ...made, interim: false };
}

async function judge(
  steps: readonly Step[],
  received: readonly Uint8Array[],
  unmade: ReadonlySet<number>,
  faults: number,
): Promise<Outcome> {
  let accepted = 0;
  let unfaithful = 0;
  const labels: string[] = [];
  for (const [connection, bytes] of received.entries()) {
    const asked = steps.map((step, index) => ({ step, index })).filter(({ step }) =>
      step.connection === connection
    );
    const responses: RawResponse[] = [];
    for await (const response of readAll(bytes, asked.map(({ step }) => step))) responses.push(response);
    checkChunks(bytes, responses);
    for (const [index, response] of responses.entries()) {
      const { step, index: number } = asked[index]!;
      labels.push(`${Math.floor(response.status / 100)}xx ${response.framing}`);
      if (!unmade.has(number) && isFaithful(step, response)) accepted++;
      else {
        unfaithful++;
        demand(
          !response.complete || response.status === 500,
          `the answer to ${number} is neither that of its handler nor 500`,
        );
      }
    }
  }
  demand(
    unfaithful <= faults,
    `${unfaithful} answers are not those of their handlers, and ${faults} errors were logged`,
  );
  return { accepted, refused: unfaithful, labels };
}

/** Whether a response is what its handler gave. */
function isFaithful(
  { method, made }: Step,
  { status, fields, body, trailers, complete, interim }: RawResponse,
): boolean {
  if (made.kind === "same as before") return complete;
  if (status !== made.status || made.kind === "thrown" || !complete) return false;
  const bare = method === "HEAD" || status === 204 || status === 304;
  if (fromLatin1(body) !== (bare ? "" : contentOf(made))) return false;
  if (interim.length > 1) return false;
  if (trailers.length > 0) {
    same(
      "the trailers",
      trailers.map(([name]) => name),
      made.trailers.map(([name]) => name),
    );
  }
  for (const [name, value] of made.kind === "bytes" ? [] : Object.entries(Object.fromEntries(made.fields))) {
    if (
      OWN_NAMES.includes(name) ||
      (made.fields.some(([other]) => other !== name && other.toLowerCase() === name.toLowerCase()))
    ) continue;
    const expected = value.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
    if (!fields.some((field) => field[0] === name.toLowerCase() && field[1] === expected)) return false;
  }
  return true;
}

/** Fails unless this project's decoder finds in chunked bodies what the strict parser finds. */
function checkChunks(bytes: Uint8Array, responses: readonly RawResponse[]): void {
  const input = new InputBuffer();
  input.push(bytes);
  for (const { framing, body, trailers, interim, complete } of responses) {
    if (!complete || framing === "close") return;
    for (let heads = 0; heads <= interim.length; heads++) skipHead(input);
    if (framing !== "chunked") input.consume(body.length);
    else {
      const decoder = new ChunkedDecoder({ ...defaultOptions, chunkOverheadLimit: Infinity });
      let decoded = "";
      for (let piece = decoder.next(input); piece !== null; piece = decoder.next(input)) {
        demand(piece !== undefined, "this project's decoder waits for more of a chunked response");
        decoded += fromLatin1(piece);
      }
      same("a chunked body", decoded, fromLatin1(body));
      same("trailers", decoder.trailers?.toPairs() ?? [], trailers);
    }
  }
}

function skipHead(input: InputBuffer): void {
  const text = fromLatin1(input.bytes.subarray(input.start, input.end));
  input.consume(text.indexOf("\r\n\r\n") + 4);
}
