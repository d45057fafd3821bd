/**
 * How exchanges end: handlers that do as they like, clients that send parts, stop reading, wait, break off, and servers that stop.
 * Whatever happens, in the end everything has settled.
 *
 * @module
 */

import type { ServerOptions } from "../support/server.ts";
import { HpackEncoder } from "../../drivers/http2/hpack/encoder.ts";
import { latin1 } from "../support/bytes.ts";
import { Flag, frameBytes, FrameType, preface, settingsPayload, uint } from "../support/http2_client.ts";
import { isDeserved, type Manner, MANNERS, mannersHandler } from "./endings_handler.ts";
import { type Harness, type Peer, withHarness } from "./harness.ts";
import { encodeBlock } from "./hpack.ts";
import type { Field } from "./hpack_reference.ts";
import type { Random } from "./random.ts";
import { smallerLists } from "./shrink.ts";
import { demand, type Outcome, type Target } from "./target.ts";

/** A request: what its handler does, how large its body is, and how much of that is sent. */
interface Asking {
  readonly manner: Manner;
  readonly method: "GET" | "POST" | "CONNECT";
  readonly size: number;
  readonly sent: number;
  readonly chunked: boolean;
  readonly expects: boolean;
  readonly upgrades: boolean;
  /** Whether HTTP/2 is asked for by `Upgrade: h2c`. */
  readonly h2c: boolean;
}

type Step =
  | { readonly do: "ask"; readonly connection: number; readonly asking: Asking }
  | { readonly do: "send"; readonly connection: number; readonly bytes: string }
  | { readonly do: "reset" | "open windows" | "pause" | "resume"; readonly connection: number }
  | { readonly do: "leave"; readonly connection: number; readonly how: "end" | "close" | "reset" }
  | { readonly do: "pass"; readonly milliseconds: number }
  | { readonly do: "stop"; readonly timeout: number };

interface ConnectionInput {
  readonly version: 1 | 2;
  readonly capacity: number;
  readonly encrypted: boolean;
  readonly leaves: "end" | "close" | "reset";
}

interface EndingsInput {
  readonly connections: readonly ConnectionInput[];
  readonly options: Partial<ServerOptions>;
  readonly steps: readonly Step[];
}

/** How much a client of HTTP/1 sends: where more is waiting behind a request, its leaving is not seen. */
const MOST_BEHIND = 15_000;

/** A client that does not care what it gets. */
class Client {
  readonly #peer: Peer;
  readonly #version: 1 | 2;
  readonly #stays: boolean;
  readonly #encoder = new HpackEncoder();
  #nextId = 1;
  #sent = 0;

  constructor(harness: Harness, { version, capacity, encrypted }: ConnectionInput, stays: boolean) {
    this.#stays = stays;
    this.#peer = harness.connect({ capacity, ...(encrypted && { alpn: version === 1 ? "http/1.1" : "h2" }) });
    this.#version = version;
    if (version === 1) return;
    this.#peer.send(latin1(preface));
    this.#frame(FrameType.SETTINGS, 0, 0, settingsPayload([]));
    this.#frame(FrameType.SETTINGS, Flag.ACK, 0, []);
  }

  #frame(type: number, flags: number, streamId: number, payload: Uint8Array | readonly number[]): void {
    this.#peer.send(frameBytes({ type, flags, streamId, payload }));
  }

  ask(asking: Asking): void {
    if (this.#version === 1) this.#sendText(http1Request(asking));
    else this.#askHttp2(asking);
  }

  #sendText(text: string): void {
    this.#sent += text.length;
    if (this.#sent <= MOST_BEHIND) this.#peer.send(latin1(text));
  }

  #askHttp2(asking: Asking): void {
    const { manner, size, sent, expects } = asking;
    const method = manner === "socket" ? "CONNECT" : asking.method;
    const fields: Field[] = [[":method", method], [":authority", "a:80"]];
    if (manner === "socket") fields.push([":protocol", "websocket"]);
    if (method !== "CONNECT" || manner === "socket") {
      fields.push([":scheme", "http"], [":path", `/${manner.replaceAll(" ", "-")}`]);
    }
    fields.push(["x-do", manner], ["sec-websocket-version", "13"]);
    if (expects) fields.push(["expect", "100-continue"]);
    const id = this.#nextId;
    this.#nextId += 2;
    const ends = size === 0 && method === "GET";
    this.#frame(
      FrameType.HEADERS,
      Flag.END_HEADERS | (ends ? Flag.END_STREAM : 0),
      id,
      encodeBlock(this.#encoder, fields, 8),
    );
    if (ends || sent === 0) return;
    const isAll = sent >= size && method !== "CONNECT";
    this.#frame(FrameType.DATA, isAll ? Flag.END_STREAM : 0, id, new Uint8Array(sent));
  }

  send(bytes: string): void {
    if (this.#version === 1) this.#sendText(bytes);
    else if (this.#nextId > 1) this.#frame(FrameType.DATA, 0, this.#nextId - 2, latin1(bytes));
  }

  reset(): void {
    if (this.#version === 2 && this.#nextId > 1) {
      this.#frame(FrameType.RST_STREAM, 0, this.#nextId - 2, uint(8));
    }
  }

  openWindows(): void {
    if (this.#version === 1) return;
    this.#frame(FrameType.WINDOW_UPDATE, 0, 0, uint(100_000));
    for (let id = 1; id < this.#nextId; id += 2) this.#frame(FrameType.WINDOW_UPDATE, 0, id, uint(100_000));
  }

  set reads(reads: boolean) {
    this.#peer.reads = reads;
  }

  // Where an end is no proof that a client has left, one that only ends its side may stay for as long as it likes; and once
  // a response over HTTP/1 has begun, there may be no write that shows that it has gone.
  leave(how: ConnectionInput["leaves"]): void {
    const least = !this.#stays ? how : this.#version === 1 ? "reset" : how === "end" ? "close" : how;
    this.#peer[least]();
  }
}

function http1Request({ manner, method, size, sent, chunked, expects, upgrades, h2c }: Asking): string {
  const target = method === "CONNECT" ? "a:80" : `/${manner.replaceAll(" ", "-")}`;
  const lines = [`${method} ${target} HTTP/1.1`, "host: a", `x-do: ${manner}`];
  if (expects) lines.push("expect: 100-continue");
  if (upgrades || manner === "socket") {
    lines.push("connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13");
    lines.push("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==");
  }
  if (h2c) lines.push("connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABk");
  let body = "";
  if (method === "POST") {
    lines.push(chunked ? "transfer-encoding: chunked" : `content-length: ${size}`);
    const content = "x".repeat(Math.min(size, sent));
    body = !chunked
      ? content
      : `${content === "" ? "" : `${content.length.toString(16)}\r\n${content}\r\n`}${
        sent >= size ? "0\r\n\r\n" : ""
      }`;
  }
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

function makeAsking(random: Random): Asking {
  const manner = random.pick(MANNERS);
  const isTunnel = manner.startsWith("tunnel");
  const method = manner === "socket"
    ? "GET"
    : isTunnel && random.chance(60)
    ? "CONNECT"
    : random.pick(["GET", "POST"] as const);
  const size = method === "POST" ? random.size(random.pick([10, 3000, 200_000])) : 0;
  const sent = random.pick([0, random.below(size + 1), size, size]);
  return {
    manner,
    method,
    size,
    sent: Math.min(sent, 60_000),
    chunked: random.chance(40),
    expects: method === "POST" && random.chance(15),
    upgrades: isTunnel && method === "GET",
    h2c: !isTunnel && manner !== "socket" && random.chance(10),
  };
}

function makeStep(random: Random, count: number): Step {
  const connection = random.below(count);
  return random.weigh<Step>([
    [8, () => ({ do: "ask", connection, asking: makeAsking(random) })],
    [3, () => ({ do: "send", connection, bytes: "x".repeat(random.size(2000)) })],
    [2, () => ({ do: "reset", connection })],
    [2, () => ({ do: "open windows", connection })],
    [1, () => ({ do: random.pick(["pause", "resume"] as const), connection })],
    [1, () => ({ do: "leave", connection, how: random.pick(["end", "close", "reset"] as const) })],
    [6, () => ({ do: "pass", milliseconds: random.pick([0, 5, 60, 600, 3000, 16_000, 70_000]) })],
    [0.3, () => ({ do: "stop", timeout: random.pick([0, 100, 5000]) })],
  ]);
}

function makeOptions(random: Random): Partial<ServerOptions> {
  const options: Partial<ServerOptions>[] = [
    { handlerLimit: random.between(1, 3) },
    { softStreamCap: random.between(1, 5000) },
    { bodySizeLimit: random.below(3000) },
    { concurrentStreamLimit: random.between(1, 3) },
    { requestLimit: random.between(1, 4) },
    { drainLimit: random.below(1000) },
    { minimumBodyRate: 100_000, minimumBodyRateGrace: 100 },
    { streamThreshold: 10 },
    { halfClose: "answer" },
    { http2Upgrade: true },
  ];
  return Object.assign({}, ...random.times(random.size(3), () => random.pick(options)));
}

/** Fuzzes how exchanges end. */
export const endings: Target<EndingsInput> = {
  name: "endings",
  depth: { accepted: [100, 100], labels: 40 },
  make(random) {
    const connections = random.times(random.between(1, 4), (): ConnectionInput => ({
      version: random.pick([1, 1, 2, 2] as const),
      capacity: random.pick([200, 10_000, 1_000_000]),
      encrypted: random.chance(25),
      leaves: random.pick(["end", "close", "reset"] as const),
    }));
    const steps = random.times(random.between(2, 30), () => makeStep(random, connections.length));
    return { connections, options: makeOptions(random), steps };
  },
  async run({ connections, options, steps }): Promise<Outcome> {
    const outcomes = new Set<string>();
    const methods = ["GET", "POST", "CONNECT"];
    const all = { allowedMethods: methods, extendedConnect: true, ...options };
    const handler = (harness: Harness) => mannersHandler(harness, outcomes);
    await withHarness(handler, all, async (harness) => {
      harness.isDeserved = isDeserved;
      const clients = connections.map((connection) =>
        new Client(harness, connection, options.halfClose === "answer")
      );
      for (const step of steps) await take(harness, clients, step);
      for (const client of clients) client.reads = true; // a tunnel waits for its peer for as long as that is there
      connections.forEach(({ leaves }, index) => clients[index]!.leave(leaves));
    });
    for (const outcome of outcomes) demand(!outcome.includes("and its signal is not"), outcome);
    return { accepted: steps.length, refused: 0, labels: [...outcomes] };
  },
  *shrink(input) {
    for (const steps of smallerLists(input.steps)) yield { ...input, steps };
    if (Object.keys(input.options).length > 0) yield { ...input, options: {} };
  },
};

async function take(harness: Harness, clients: readonly Client[], step: Step): Promise<void> {
  if (step.do === "pass") return await harness.time.pass(step.milliseconds);
  if (step.do === "stop") {
    harness.ledger.track("the server's stop", harness.server.stop(step.timeout));
    return;
  }
  const client = clients[step.connection];
  if (client === undefined) return;
  switch (step.do) {
    case "ask":
      return client.ask(step.asking);
    case "send":
      return client.send(step.bytes);
    case "reset":
      return client.reset();
    case "open windows":
      return client.openWindows();
    case "pause":
    case "resume":
      client.reads = step.do === "resume";
      return;
    case "leave":
      return client.leave(step.how);
    default:
      return step satisfies never;
  }
}
