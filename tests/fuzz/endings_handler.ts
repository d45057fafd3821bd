/**
 * The handler of the target `endings`: it does with a request and its response what handlers do, well or badly.
 *
 * @module
 */

import { type Exchange, type Handler, HttpError, Response } from "../../mod.ts";
import { upgradeWebSocket } from "../../websocket/mod.ts";
import { type Harness, OnPurpose } from "./harness.ts";
import { quickTurns } from "./turns.ts";

/** What a handler does. */
export const MANNERS = [
  "ignore",
  "read",
  "first chunk",
  "hold reader",
  "cancel body",
  "pipe",
  "answer and read",
  "long stream",
  "silent stream",
  "failing stream",
  "wait for signal",
  "late",
  "late stream",
  "throw",
  "throw late",
  "inform",
  "push",
  "trailers",
  "tunnel echo",
  "tunnel hold",
  "tunnel close",
  "tunnel throw",
  "socket",
  "export",
  "no response",
  "large",
] as const;

/** One of these. */
export type Manner = typeof MANNERS[number];

type Act = (
  request: Request,
  exchange: Exchange,
  harness: Harness,
) => globalThis.Response | Promise<globalThis.Response>;

const CHUNK = new Uint8Array(1000);

const ACTS: Readonly<Record<Manner, Act>> = {
  "ignore": () => new Response("ignored"),
  "read": async (request, _, { ledger }) => new Response(await ledger.track("read", request.arrayBuffer())),
  "first chunk": async (request, _, { ledger }) => {
    const reader = request.body?.getReader();
    if (reader !== undefined) {
      await ledger.track("first chunk", reader.read());
      reader.releaseLock();
    }
    return new Response("first chunk");
  },
  "hold reader": async (request, _, { ledger }) => {
    const reader = request.body?.getReader();
    if (reader !== undefined) await ledger.track("held chunk", reader.read());
    return new Response("held");
  },
  "cancel body": async (request) => {
    await request.body?.cancel();
    return new Response("cancelled");
  },
  "pipe": (request) => new Response(request.body),
  "answer and read": (request, _, { ledger }) => {
    ledger.track("late read", request.arrayBuffer()).catch(ignore);
    return new Response("answered");
  },
  "long stream": (_, __, harness) => {
    let left = 300;
    return streamed(harness, "long", () => left-- > 0 ? quickTurns(1).then(() => CHUNK) : null);
  },
  "silent stream": (_, __, harness) => streamed(harness, "silent", () => new Promise(ignore)),
  "failing stream": (_, __, harness) => {
    let left = 3;
    return streamed(
      harness,
      null,
      () => left-- > 0 ? CHUNK : Promise.reject(new OnPurpose("the stream fails")),
    );
  },
  "wait for signal": async ({ signal }, _, { ledger }) => {
    await ledger.track("signal", aborted(signal));
    return new Response("nobody waits");
  },
  "late stream": async (_, exchange, harness) => {
    await harness.later(exchange.target.length * 53);
    return streamed(harness, "late", () => new Promise(ignore));
  },
  "late": async (_, exchange, harness) => {
    await harness.later(exchange.target.length * 97);
    return new Response("late");
  },
  "throw": () => {
    throw new OnPurpose("thrown on purpose");
  },
  "throw late": async (_, exchange, harness) => {
    await harness.later(exchange.target.length * 31);
    throw new HttpError(409, "thrown late");
  },
  "inform": async (_, exchange, harness) => {
    exchange.inform(103, { link: "</a>" });
    await harness.later(20);
    exchange.inform(102);
    return new Response("informed");
  },
  "push": (_, exchange) => {
    for (const path of ["/pushed/1", "/pushed/2"]) exchange.push(path, { "x-do": "late" });
    return new Response("pushed");
  },
  "trailers": (_, exchange, harness) => {
    exchange.setTrailers(async () => {
      await harness.later(10);
      return { "x-sum": "1" };
    });
    return new Response(CHUNK);
  },
  "tunnel echo": (_, exchange, { ledger }) =>
    exchange.upgrade((connection) =>
      ledger.track("tunnel echo", connection.readable.pipeTo(connection.writable)).catch(ignore)
    ),
  "tunnel hold": (_, exchange, { ledger }) =>
    exchange.upgrade(async (connection) => {
      const { signal } = connection;
      signal.addEventListener("abort", () => connection.close());
      const buffer = new Uint8Array(10);
      while (await ledger.track("a tunnel's read", connection.read(buffer)).catch(() => null) !== null);
      connection.close();
    }),
  "tunnel close": (_, exchange) => exchange.upgrade((connection) => connection.close()),
  "tunnel throw": (_, exchange) =>
    exchange.upgrade(() => {
      throw new OnPurpose("thrown in a tunnel");
    }),
  "socket": (request, _, { ledger }) => {
    const { socket, response } = upgradeWebSocket(request, { idleTimeout: 10 });
    const closed = Promise.withResolvers<void>();
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onclose = () => closed.resolve();
    ledger.track("the end of a socket", closed.promise);
    return response;
  },
  "export": (_, { client }) => {
    client.export().close();
    return new Response("exported");
  },
  "no response": () => Promise.reject(new OnPurpose("no response")),
  "large": () => new Response(new Uint8Array(300_000)),
};

function ignore(): void {}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve());
  });
}

/** A response whose stream must be read to its end or cancelled, where it has a name for that. */
function streamed(
  { ledger }: Harness,
  name: string | null,
  next: () => Uint8Array | null | Promise<Uint8Array>,
): globalThis.Response {
  const cancelled = Promise.withResolvers<void>();
  if (name !== null) ledger.track(`the cancelling of the ${name} stream`, cancelled.promise);
  return new Response(
    new ReadableStream({
      async pull(controller) {
        const chunk = await next();
        if (chunk !== null) return controller.enqueue(chunk);
        controller.close();
        cancelled.resolve();
      },
      cancel: () => cancelled.resolve(),
    }),
  );
}

/** Whether an error that is logged is what a handler of these deserves. */
export function isDeserved(error: unknown): boolean {
  return error instanceof TypeError && /^exchange\.upgrade: |can be exported$/.test(error.message);
}

/** Makes the handler; `outcomes` has what became of each exchange. */
export function mannersHandler(harness: Harness, outcomes: Set<string>): Handler {
  return (request, exchange) => {
    const name = request.headers.get("x-do") ?? "ignore";
    const manner = MANNERS.find((other) => other === name) ?? "ignore";
    const { signal } = request;
    harness.watch(exchange, manner);
    exchange.completed.then(() => outcomes.add(`${manner} delivered`), () => {
      outcomes.add(`${manner} aborted`);
      if (!signal.aborted) outcomes.add(`${manner}: aborted, and its signal is not`);
    });
    return ACTS[manner](request, exchange, harness);
  };
}
