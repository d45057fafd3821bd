/** Every phase of a connection against everything that may end it: what becomes of it, and that nothing of it is left. */

import { assertEquals } from "@std/assert";
import { type Client, type Connection, HttpServer } from "../mod.ts";
import { connectionPair } from "../testing.ts";
import { turns, until, within } from "./support/deadline.ts";

const ENCODER = new TextEncoder();
const HEAD = "POST / HTTP/1.1\r\nHost: a\r\n";

/** What brings a connection to each phase: what the peer sends, and whether it takes what it is sent. */
const PHASES = {
  "handshake": { sends: "", takes: true },
  "idle": { sends: "", takes: true },
  "head": { sends: HEAD, takes: true },
  "body": { sends: `${HEAD}Content-Length: 9\r\n\r\nhalf`, takes: true },
  "handler": { sends: "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n", takes: true },
  "writing": { sends: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", takes: false },
  "lingering": { sends: "BAD\r\n\r\n", takes: true },
  "exported": { sends: "GET /export HTTP/1.1\r\nHost: a\r\n\r\n", takes: true },
} as const;

type Phase = keyof typeof PHASES;

/** One connection in one phase. */
interface Stage {
  readonly server: HttpServer;
  readonly client: Client;
  readonly peer: Connection;
}

const EVENTS: Readonly<Record<string, (stage: Stage) => unknown>> = {
  "client.close()": ({ client }) => client.close(),
  "client.stop(0)": ({ client }) => client.stop(0),
  "HttpServer.stop(0)": ({ server }) => server.stop(0),
  "the peer's end": ({ peer }) => peer.closeWrite?.(),
  "the peer's disappearance": ({ peer }) => peer.close(),
};

/**
 * What an event of the peer's does not end: the response is still sent, or somebody else has the connection and sees the end in
 * their own reads. The handler here answers when its signal aborts, so that the peer's end is the end of the connection.
 */
const OUTLIVES: Readonly<Record<string, readonly Phase[]>> = {
  "the peer's end": ["handshake", "writing", "exported"],
  "the peer's disappearance": ["handshake", "exported"],
};

async function enter(phase: Phase): Promise<Stage> {
  const server = new HttpServer(async (request, { client, target }) => {
    if (target === "/hang") await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    if (target === "/export") client.export();
    if (target === "/large") return new Response("x".repeat(1_000_000));
    return new Response(await request.text());
  }, { log: () => {} });
  const pair = connectionPair({ capacity: 65_536 });
  const handshake = () => new Promise<{ alpnProtocol: null }>(() => {});
  const client = server.accept(
    phase === "handshake" ? Object.assign(pair.server, { handshake }) : pair.server,
  );
  const { sends, takes } = PHASES[phase];
  if (sends !== "") await pair.client.write(ENCODER.encode(sends));
  if (takes) drain(pair.client);
  await turns();
  return { server, client, peer: pair.client };
}

async function drain(peer: Connection): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    while (await peer.read(buffer) !== null);
  } catch (error) {
    if (!(error instanceof Error)) throw error; // the test has closed it
  }
}

for (const phase of Object.keys(PHASES) as Phase[]) {
  for (const [event, happen] of Object.entries(EVENTS)) {
    const outlives = OUTLIVES[event]?.includes(phase) ?? false;
    Deno.test(`client: ${event} in the phase "${phase}" ${outlives ? "leaves it" : "ends it"}`, async () => {
      const stage = await enter(phase);
      const { server, client } = stage;
      let closed = 0;
      client.onClose(() => closed++);
      assertEquals([server.clients.size, closed], [1, 0]);
      const done = happen(stage);
      if (outlives) await turns();
      else await until("its end", () => closed > 0);
      assertEquals([server.clients.size, closed], outlives ? [1, 0] : [0, 1]);
      await within("the event", Promise.resolve(done));
      client.close();
      await within("the stop", server.stop(0));
      assertEquals([server.clients.size, server.stats.runningHandlers, client.pendingResponseCount], [
        0,
        0,
        0,
      ]);
      assertEquals([closed, client.bufferSize], [1, 0]);
    });
  }
}
