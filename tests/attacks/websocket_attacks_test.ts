/** The WebSocket cases of the attack corpus (`attacks.json`) against the testbed in processes of its own. */

import { assert } from "../support/assert.ts";
import { pass } from "../support/deadline.ts";
import { readServerFrames } from "../support/websocket_wire.ts";
import { type Corpus, loadCorpus } from "./corpus.ts";
import { RawConnection } from "./raw_connection.ts";
import { type CaseResult, failed, grown, Meter, type Results, tell, warmUp } from "./runner.ts";
import { ServerProcess, testbedProgram } from "./server_process.ts";
import {
  encodeHandshake,
  encodeStep,
  type FrameStep,
  parseWebSocketCases,
  type WebSocketCase,
  type WebSocketExpectation,
} from "./websocket_case.ts";

/** How long a server may take for what is expected of it, in milliseconds. */
const PATIENCE = 3_000;
const LONG_PATIENCE = 9_000;
const MEMORY_GROWTH = 32;

/** What was received. */
interface Seen {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly messages: readonly string[];
  readonly pongs: readonly string[];
  readonly closeCode: number | null;
  readonly closed: boolean;
}

const DECODER = new TextDecoder();

function observe(connection: RawConnection): Seen {
  const { received } = connection;
  const end = received.indexOf("\r\n\r\n");
  const [first = "", ...lines] = received.slice(0, Math.max(0, end)).split("\r\n");
  const fields = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const status = Number(first.split(" ")[1] ?? 0);
  const frames = status === 101 ? readServerFrames(received) : [];
  const close = frames.find(({ opcode }) => opcode === 8);
  return {
    status,
    fields,
    messages: frames.filter(({ opcode }) => opcode < 8).map(({ payload }) => DECODER.decode(payload)),
    pongs: frames.filter(({ opcode }) => opcode === 10).map(({ payload }) => DECODER.decode(payload)),
    closeCode: close === undefined ? null : close.payload[0]! << 8 | close.payload[1]!,
    closed: connection.ending !== null,
  };
}

function judge(expect: WebSocketExpectation, seen: Seen): string | null {
  const { status, accept, headers = {}, messages, message_lens, messages_count, pongs } = expect;
  const wanted = status ?? [101];
  if (!wanted.includes(seen.status)) return `the status is ${wanted}, not ${seen.status}`;
  if (accept !== undefined && seen.fields.get("sec-websocket-accept") !== accept) {
    return `accept is ${accept}`;
  }
  for (const [name, { matches, absent }] of Object.entries(headers)) {
    const value = seen.fields.get(name);
    if (absent && value !== undefined) return `there is no ${name}`;
    const pattern = matches?.replace("(?i)", "");
    if (pattern !== undefined && !new RegExp(pattern, "i").test(value ?? "")) {
      return `${name} matches ${matches}`;
    }
  }
  if (messages !== undefined && messages.join("|") !== seen.messages.join("|")) {
    return `messages: ${seen.messages}`;
  }
  const lengths = seen.messages.map(({ length }) => length);
  if (message_lens !== undefined && message_lens.join() !== lengths.join()) return `lengths: ${lengths}`;
  if (messages_count !== undefined && messages_count !== lengths.length) return `${lengths.length} messages`;
  if (pongs !== undefined && pongs.join("|") !== seen.pongs.join("|")) return `pongs: ${seen.pongs}`;
  return judgeEnd(expect, seen);
}

function judgeEnd({ fail, close_codes, tcp_closed }: WebSocketExpectation, seen: Seen): string | null {
  if ((fail || tcp_closed) && !seen.closed) return "the connection closes";
  if (close_codes !== undefined && seen.closeCode !== null && !close_codes.includes(seen.closeCode)) {
    return `the close code is ${close_codes}, not ${seen.closeCode}`;
  }
  return null;
}

async function perform(steps: readonly FrameStep[], connection: RawConnection): Promise<void> {
  for (const step of steps) {
    if (step.sleep !== undefined) await rest(step.sleep, connection);
    else if (step.rst) connection.reset();
    else if (step.repeat !== undefined) {
      for (let index = 0; index < step.repeat && connection.ending === null; index++) {
        await perform(step.frames ?? [], connection);
      }
    } else if (step.bytewise !== undefined) {
      for (const frame of step.bytewise) {
        for (const byte of encodeStep(frame)) await connection.write(Uint8Array.of(byte));
      }
    } else if (!step.server_closes) await connection.write(encodeStep(step));
  }
}

async function rest(milliseconds: number, connection: RawConnection): Promise<void> {
  const end = performance.now() + milliseconds;
  while (connection.ending === null && performance.now() < end) await pass(20);
}

async function attack(one: WebSocketCase, server: ServerProcess): Promise<void> {
  const { expect, frames = [] } = one;
  const start = performance.now();
  const resettable = frames.some(({ rst }) => rst);
  await using connection = await RawConnection.open(server.port, { resettable });
  await connection.write(encodeHandshake(one));
  if (frames.length > 0) await waitFor(() => connection.received.includes("\r\n\r\n"), connection, PATIENCE);
  await perform(frames, connection);
  if (resettable) return;
  const patience = one.slow ? LONG_PATIENCE : PATIENCE;
  await waitFor(() => judge(expect, observe(connection)) === null, connection, patience);
  const fault = judge(expect, observe(connection));
  assert(fault === null, `${fault}; received ${JSON.stringify(connection.received.slice(0, 300))}`);
  const took = performance.now() - start;
  assert(expect.within_ms === undefined || took <= expect.within_ms, `${took.toFixed(0)} ms are too long`);
}

async function waitFor(holds: () => boolean, connection: RawConnection, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!holds() && connection.ending === null && performance.now() < end) await connection.change(100);
}

async function runCase(one: WebSocketCase, server: ServerProcess): Promise<CaseResult> {
  const { id, ref, level, expect } = one;
  const { bounded, server_onclose } = expect;
  const measured = {
    bounded: bounded === undefined ? undefined : { rssMb: bounded.rss_mb },
    handlerAborted: server_onclose !== undefined,
  };
  try {
    using meter = await Meter.start({ expect: [measured] }, server);
    await attack(one, server);
    await server.checkAlive();
    await meter.check(measured);
    return { id, ref, level, failure: null };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { id, ref, level, failure: error.message };
  }
}

async function runAll(cases: readonly WebSocketCase[], { profiles }: Corpus): Promise<Results> {
  const results: CaseResult[] = [];
  const rules: { rule: string; failure: string | null }[] = [];
  const runs = [...profiles].map(async ([name, profile]) => {
    await using server = await ServerProcess.start(testbedProgram(), { profile });
    await warmUp(server);
    const before = await server.holdings();
    const memory = server.memory();
    for (const one of cases.filter(({ profile = "default" }) => profile === name)) {
      results.push(await runCase(one, server));
    }
    rules.push(
      { rule: `the ${name} process holds no more than before`, failure: await server.leftOver(before) },
      { rule: `the ${name} process grew by less than ${MEMORY_GROWTH} MiB`, failure: grown(server, memory) },
      { rule: `the ${name} process runs on`, failure: failed(() => server.checkRunning()) },
    );
  });
  await Promise.all(runs);
  return { cases: results, rules };
}

Deno.test("a WebSocket server withstands the attack corpus", async (t) => {
  const text = await Deno.readTextFile(new URL("./attacks.json", import.meta.url));
  const expected = parseWebSocketCases(text);
  const results = await runAll(expected, await loadCorpus());
  assert(results.cases.length === expected.length, "every case was run");
  await tell(t, results, {});
});
