/**
 * A whole server with WebSockets that send back what they get: each message comes back as it was sent, each fault has its code, and
 * each socket ends once, however the bytes come and however the client leaves.
 *
 * @module
 */

import type { Handler } from "../../mod.ts";
import { upgradeWebSocket } from "../../websocket/mod.ts";
import { fromLatin1, latin1 } from "../support/bytes.ts";
import { handshake, readServerFrames, type ServerFrame } from "../support/websocket_wire.ts";
import { type Delivery, type Harness, type Peer, withHarness } from "./harness.ts";
import type { Random } from "./random.ts";
import { demand, type Outcome, same, type Target } from "./target.ts";
import { inflateRawSync } from "node:zlib";
import { makeWebSocketInput, shrinkWebSocket, type WebSocketInput } from "./websocket_codec.ts";
import { parseWebSocket, type WebSocketEvent, type WebSocketParsed } from "./websocket_reference.ts";

/** How a client leaves when all was sent. */
type Leaving = "ends" | "closes" | "resets" | "is silent";

/** The bytes of one client, and how it leaves. */
interface DriverInput extends WebSocketInput {
  readonly leaving: Leaving;
  /** Whether everything that is ready runs before each piece. */
  readonly paced: boolean;
  /** The client breaks the connection while the server may be working. */
  readonly early: boolean;
}

/** What a socket has told its handler. */
interface Told {
  readonly messages: WebSocketEvent[];
  readonly closes: { readonly code: number; readonly wasClean: boolean }[];
  errors: number;
}

function echo(harness: Harness, { limit, deflate }: WebSocketInput["limits"], told: Told): Handler {
  return (request, exchange) => {
    harness.watch(exchange, "the handshake");
    const { socket, response } = upgradeWebSocket(request, {
      maxMessageSize: limit,
      compress: deflate,
      pingBudget: { burst: 10_000, perSecond: 1 },
    });
    socket.binaryType = "arraybuffer";
    const closed = Promise.withResolvers<void>();
    harness.ledger.track("the end of a socket", closed.promise);
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
      told.messages.push({ opcode: typeof data === "string" ? 1 : 2, payload: fromLatin1(bytes) });
      socket.send(data);
      harness.move();
    };
    socket.onerror = () => void told.errors++;
    socket.onclose = ({ code, wasClean }) => {
      told.closes.push({ code, wasClean });
      closed.resolve();
    };
    return response;
  };
}

function leave(peer: Peer, leaving: Leaving): void {
  if (leaving === "ends") peer.end();
  if (leaving === "closes") peer.close();
  if (leaving === "resets") peer.reset();
}

/** Plays one client against a server of its own. */
async function play(input: DriverInput, delivery: Delivery): Promise<{ told: Told; frames: ServerFrame[] }> {
  const told: Told = { messages: [], closes: [], errors: 0 };
  const extensions = input.limits.deflate ? { "Sec-WebSocket-Extensions": "permessage-deflate" } : {};
  const head = handshake(extensions);
  const received = await withHarness((harness) => echo(harness, input.limits, told), {}, async (harness) => {
    const peer = harness.connect(delivery);
    peer.send(latin1(head + input.bytes));
    if (!input.early) await harness.quiesce();
    leave(peer, input.leaving);
    await harness.finish();
    return peer.received;
  });
  return { told, frames: readServerFrames(fromLatin1(received)) };
}

/** Fuzzes WebSockets on a whole server. */
export const webSocketDriver: Target<DriverInput> = {
  name: "websocket",
  depth: { accepted: [60, 98], labels: 12 },
  make(random: Random) {
    const leaving = random.pick<Leaving>(["ends", "ends", "closes", "resets", "is silent"]);
    return { ...makeWebSocketInput(random), leaving, paced: random.chance(20), early: random.chance(15) };
  },
  async run(input): Promise<Outcome> {
    const expected = parseWebSocket(latin1(input.bytes), input.limits);
    const cuts = input.paced ? input.cuts.slice(0, 60) : input.cuts;
    const { told, frames } = await play(input, { cuts, paced: input.paced });
    const isWhole = !input.early || input.leaving === "ends" || input.leaving === "is silent";
    if (isWhole) judge(input, expected, told, frames);
    else judgePart(expected, told);
    return outcomeOf(expected, told);
  },
  *shrink(input) {
    yield* shrinkWebSocket(input);
    if (input.leaving !== "ends") yield { ...input, leaving: "ends" };
    if (input.paced) yield { ...input, paced: false };
  },
};

function messagesOf({ events }: WebSocketParsed): WebSocketEvent[] {
  return events.filter(({ opcode }) => opcode === 1 || opcode === 2);
}

/** All was received, and then the client left. */
function judge(
  input: DriverInput,
  expected: WebSocketParsed,
  told: Told,
  frames: readonly ServerFrame[],
): void {
  const messages = messagesOf(expected);
  same("the messages that were sent, and those of the handler", messages, told.messages);
  const closing = expected.events.find(({ opcode }) => opcode === 8);
  const code = expected.fault || (closing === undefined ? 1006 : codeOf(closing.payload));
  same("the ends of the socket", [code], told.closes.map((close) => close.code));
  same("whether it ended in an error", code === 1006 || expected.fault > 0, told.errors > 0);
  same("whether its end was clean", closing !== undefined, told.closes[0]!.wasClean);
  const echoed = frames.filter(({ opcode }) => opcode === 1 || opcode === 2).map(plain);
  same("the messages that came back", messages, echoed);
  const pings = expected.events.filter(({ opcode }) => opcode === 9).map(({ payload }) => payload);
  const pongs = frames.filter(({ opcode }) => opcode === 10).map(({ payload }) => fromLatin1(payload));
  demand(isSubsequence(pongs, pings), "pongs that answer no ping, or in another order");
  if (code === 1006) same("the last ping, and the last pong", pings.at(-1), pongs.at(-1));
  const closes = frames.filter(({ opcode }) => opcode === 8).map(({ payload }) =>
    codeOf(fromLatin1(payload))
  );
  if (closing !== undefined || expected.fault > 0) same("the codes of Close frames", [code], closes);
  else if (input.leaving !== "is silent") same("the codes of Close frames", [], closes);
}

/** The connection broke: what was received is the beginning of what was sent, and the socket ended once. */
function judgePart(expected: WebSocketParsed, told: Told): void {
  const messages = messagesOf(expected);
  same("the first messages", messages.slice(0, told.messages.length), told.messages);
  demand(told.closes.length <= 1, "a socket that ended twice");
}

function codeOf(payload: string): number {
  return payload === "" ? 1005 : payload.charCodeAt(0) * 256 + payload.charCodeAt(1);
}

function plain({ opcode, rsv, payload }: ServerFrame): WebSocketEvent {
  if (rsv === 0) return { opcode, payload: fromLatin1(payload) };
  const whole = Uint8Array.from([...payload, 0, 0, 255, 255]);
  return { opcode, payload: fromLatin1(inflateRawSync(whole, { finishFlush: 2 })) };
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const item of whole) if (part[at] === item) at++;
  return at === part.length;
}

function outcomeOf({ events, fault }: WebSocketParsed, { closes }: Told): Outcome {
  const labels = new Set(events.map(({ opcode }) => `opcode ${opcode}`));
  for (const { code } of closes) labels.add(`closed ${code < 3000 ? code : "by the application"}`);
  return { accepted: events.length, refused: fault > 0 ? 1 : 0, labels: [...labels] };
}
