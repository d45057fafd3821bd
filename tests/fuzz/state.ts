/**
 * Requests of several connections side by side, sent in parts, given up, pushed, cut off: each answer is made of what is its own
 * request's. What a server keeps for later is thereby looked through: heads, plans, encoded responses, tables of HPACK, pooled memory.
 *
 * @module
 */

import { type Harness, withHarness } from "./harness.ts";
import type { Random } from "./random.ts";
import { smallerLists, smallerMember, withoutRuns } from "./shrink.ts";
import {
  Http1TokenClient,
  Http2TokenClient,
  type TokenAnswer,
  type TokenClient,
  WebSocketTokenClient,
} from "./state_clients.ts";
import { bodyOf, expectedOf, KINDS, TokenHandler, type TokenRequest } from "./state_handler.ts";
import { demand, type Outcome, same, type Target } from "./target.ts";

/** One thing that a client does. */
type Step =
  | {
    readonly do: "begin";
    readonly connection: number;
    readonly key: string;
    readonly request: TokenRequest;
  }
  | { readonly do: "proceed" | "cancel"; readonly key: string }
  | { readonly do: "leave"; readonly connection: number; readonly breaks: boolean }
  | { readonly do: "wait" | "settle" };

/** How a connection is. */
interface ConnectionInput {
  readonly kind: "http1" | "http2" | "websocket";
  /** How many bytes it holds in each direction. */
  readonly capacity: number;
  /** The largest piece that is read of it, or 0. */
  readonly piece: number;
  /** What may be sent on a stream of HTTP/2. */
  readonly window: number;
}

interface StateInput {
  readonly connections: readonly ConnectionInput[];
  readonly steps: readonly Step[];
}

const TOKEN = /T[0-9]+[a-z]{6}/g;

/** Makes the requests of a connection: each may have some of what the one before it had. */
class Requests {
  readonly #random: Random;
  readonly #last = new Map<number, TokenRequest>();
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  make(connection: number): { readonly key: string; readonly request: TokenRequest } {
    const random = this.#random;
    const last = this.#last.get(connection);
    const key = `${++this.#count}`;
    if (last !== undefined && random.chance(15)) return { key, request: last }; // the same head, which may be kept
    const again = (token: string | undefined) =>
      token !== undefined && random.chance(30) ? token : this.#token();
    const method = random.pick(["GET", "POST"] as const);
    const pieces = method === "GET"
      ? []
      : random.times(random.size(5), () => random.size(random.pick([3, 30, 900])));
    const request: TokenRequest = {
      id: key,
      kind: random.chance(30) && last !== undefined ? last.kind : random.pick(KINDS),
      method,
      target: again(last?.target),
      field: again(last?.field),
      body: again(last?.body),
      pieces,
      trailers: method === "POST" && random.chance(25),
      delay: random.pick([0, 0, 0, 1, 2, 5]),
    };
    this.#last.set(connection, request);
    return { key, request };
  }

  #token(): string {
    return `T${this.#random.below(100)}${this.#random.text(6, "abcdefghijklmnopqrstuvwxyz")}`;
  }
}

function makeConnection(random: Random): ConnectionInput {
  return {
    kind: random.pick(["http1", "http1", "http2", "http2", "websocket"]),
    capacity: random.pick([100, 5000, 1_000_000, 1_000_000]),
    piece: random.pick([0, 0, 1, 50, 1000]),
    window: random.pick([1, 1000, 65_535, 2 ** 24]),
  };
}

function makeSteps(random: Random, count: number): Step[] {
  const requests = new Requests(random);
  const steps: Step[] = [];
  const keys: string[] = [];
  for (let left = random.between(5, 60); left > 0; left--) {
    const connection = random.below(count);
    steps.push(random.weigh<Step>([
      [10, () => {
        const { key, request } = requests.make(connection);
        keys.push(key);
        return { do: "begin", connection, key, request };
      }],
      [14, () => ({ do: "proceed", key: keys.at(-1 - random.size(6)) ?? "" })],
      [2, () => ({ do: "cancel", key: keys.at(-1 - random.size(6)) ?? "" })],
      [0.5, () => ({ do: "leave", connection, breaks: random.chance(50) })],
      [4, () => ({ do: "wait" })],
      [2, () => ({ do: "settle" })],
    ]));
  }
  return steps;
}

/** Fuzzes what a server keeps from request to request, and from connection to connection. */
export const state: Target<StateInput> = {
  name: "state",
  depth: { accepted: [50, 100], labels: 20 },
  make(random) {
    const connections = random.times(random.between(1, 5), () => makeConnection(random));
    return { connections, steps: makeSteps(random, connections.length) };
  },
  async run({ connections, steps }): Promise<Outcome> {
    const requests = new Map<string, TokenRequest>();
    for (const step of steps) if (step.do === "begin") requests.set(step.request.id, step.request);
    let tokens: TokenHandler | null = null;
    const handle = (harness: Harness) => (tokens = new TokenHandler(harness, requests)).handle;
    const clients = await withHarness(handle, {}, async (harness) => {
      const opened = connections.map((connection) => open(harness, connection));
      for (const step of steps) await take(harness, opened, step);
      for (const client of opened) client.complete();
      await harness.quiesce();
      for (const client of opened) client.end();
      await harness.finish();
      return opened;
    });
    const [finding] = (tokens as TokenHandler | null)?.findings ?? [];
    if (finding !== undefined) throw finding;
    return await judge(connections, steps, clients);
  },
  *shrink(input) {
    yield* smallerMember(input, "steps", (steps) => smallerLists(steps, smallerStep));
  },
};

function* smallerStep(step: Step): Generator<Step> {
  if (step.do !== "begin") return;
  for (const pieces of withoutRuns(step.request.pieces)) {
    yield { ...step, request: { ...step.request, pieces } };
  }
  if (step.request.delay > 0) yield { ...step, request: { ...step.request, delay: 0 } };
}

function open(harness: Harness, { kind, capacity, piece, window }: ConnectionInput): TokenClient {
  const cuts = piece === 0 ? [] : new Array<number>(4000).fill(piece);
  const peer = harness.connect({ capacity, cuts });
  if (kind === "http1") return new Http1TokenClient(peer);
  return kind === "http2" ? new Http2TokenClient(peer, window) : new WebSocketTokenClient(peer);
}

async function take(harness: Harness, clients: readonly TokenClient[], step: Step): Promise<void> {
  switch (step.do) {
    case "begin":
      return clients[step.connection]?.begin(step.key, step.request);
    case "proceed":
    case "cancel":
      for (const client of clients) client[step.do](step.key);
      return;
    case "leave":
      return clients[step.connection]?.leave(step.breaks);
    case "wait":
      return await harness.time.settle();
    case "settle":
      return await harness.quiesce();
    default:
      return step satisfies never;
  }
}

/** Compares each answer with what its request must be answered. */
async function judge(
  connections: readonly ConnectionInput[],
  steps: readonly Step[],
  clients: readonly TokenClient[],
): Promise<Outcome> {
  const labels = new Set<string>();
  let accepted = 0;
  let refused = 0;
  for (const [index, client] of clients.entries()) {
    const { kind } = connections[index]!;
    const answers = await client.answers();
    for (const step of steps) {
      if (step.do !== "begin" || step.connection !== index) continue;
      const answer = answers.get(step.key);
      if (answer !== undefined) judgeTokens(step.request, answer);
      if (answer?.complete) {
        accepted++;
        labels.add(`${kind} ${kind === "websocket" ? "message" : step.request.kind}`);
        judgeAnswer(kind, step.request, answer);
      } else {
        refused++;
        const mustHave = !client.left && !isGivenUp(steps, step.key);
        demand(
          !mustHave,
          `request ${step.key} of connection ${index} was not answered: ${JSON.stringify(answer)}`,
        );
      }
    }
    for (const [key, answer] of answers) if (key.startsWith("promised")) judgePromised(answer, labels);
  }
  return { accepted, refused, labels: [...labels] };
}

function isGivenUp(steps: readonly Step[], key: string): boolean {
  return steps.some((step) => step.do === "cancel" && step.key === key);
}

function judgeTokens({ target, field, body }: TokenRequest, { text }: TokenAnswer): void {
  for (const [token] of text.matchAll(TOKEN)) {
    const own = [target, field, body].some((other) => other === token);
    demand(own, `the token ${token} of another request in the answer ${text.slice(0, 500)}`);
  }
}

function judgeAnswer(kind: string, request: TokenRequest, answer: TokenAnswer): void {
  if (kind === "websocket") {
    return same(
      "a message, and what came back",
      `${request.field}${bodyOf(request)}`.slice(0, 1000),
      answer.body,
    );
  }
  const { status, body, token } = expectedOf(request);
  same("an answer", { status, body, token }, {
    status: answer.status,
    body: answer.body,
    token: answer.token,
  });
}

/** A promise, and the answer to it, have the same token. */
function judgePromised({ text, body, complete }: TokenAnswer, labels: Set<string>): void {
  labels.add("promised");
  const tokens = new Set([...text.matchAll(TOKEN)].map(([token]) => token));
  demand(tokens.size === 1, `a promise with ${tokens.size} tokens: ${text}`);
  if (complete) demand(body.startsWith("/pushed/"), `the answer to a promise: ${text}`);
}
